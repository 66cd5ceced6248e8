# SPDX-License-Identifier: BSD-2-Clause
"""Machines made by Bochs: the one emulator here with VT-x, and a second opinion on AMD-V."""

import os
import pathlib
import re
import signal
import struct

from harness.machine import End, Machine, MachineError

BOCHSRC = """\
config_interface: textconfig
display_library: sdl2
plugin_ctrl: unmapped=1, biosdev=1, speaker=0, extfpuirq=1, parallel=0, serial=1, iodebug=1
romimage: file={rom}
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={cpu}, count={smp}, ips={ips}, reset_on_triple_fault={reboot}, ignore_bad_msrs=1
memory: guest={memory}, host={memory}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path="{iso}", status=inserted
boot: cdrom
clock: sync=none, time0=1700000000, rtc_sync=0
com1: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
com2: enabled=1, mode=file, dev="{evidence}"
pci: enabled=1, chipset=i440fx
log: bochs.log
panic: action=fatal
{extra}
"""

# The debugger is built in: `c` starts the machine, and its break from inside, which is how the
# image reports success, reaches `q`.
DEBUGGER_COMMANDS = "c\nq\n"

# Few instructions for each second of the machine's time make the firmware's delays short. Whoever
# runs guests with timers asks for more, or their interrupts are all that a guest ever handles.
GUEST_IPS = 20_000_000
BIOS_IPS = 1_000_000
UEFI_IPS = 6_000_000
PANIC = re.compile(r"\d+p")
LAST_WORDS = 10
RAM_BLOCK = 128 << 10
ROMS_LEN = 2 << 20
BIOS_ROM = "/usr/share/bochs/BIOS-bochs-latest"
OVMF_VARS, OVMF_CODE = "/usr/share/OVMF/OVMF_VARS.fd", "/usr/share/OVMF/OVMF_CODE.fd"


def table_of(data, ram, count):
    """`count` pointers in a row to blocks of RAM, some of them null, that name the blocks in use
    each once; or None. The allocator's header, the size, stands before them."""
    size, at = ((8 * count + 16) | 1).to_bytes(8, "little"), -1
    while (at := data.find(size, at + 1)) >= 0:
        if at + 8 * count + 8 > len(data):
            break
        table = struct.unpack_from(f"<{count}Q", data, at + 8)
        used = sorted(filter(None, table))
        if used and used == [ram + n * RAM_BLOCK for n in range(len(used))]:
            return table
    return None


class BochsMachine(Machine):
    wall_time = False  # it counts instructions
    _blocks = _code = None
    ips = {"bios": BIOS_IPS, "uefi": UEFI_IPS}

    def _command(self, iso, options, port):
        self.ram_bytes = options.memory_mb << 20
        (self.work / "bochsrc").write_text(
            BOCHSRC.format(
                rom=self._rom(),
                cpu=options.cpu,
                smp=options.smp,
                ips=options.ips or self.ips[self.lane.firmware],
                reboot=int(options.reboot),
                memory=options.memory_mb,
                iso=iso,
                port=port,
                evidence=self.evidence_path,
                extra="\n".join(options.extra),
            )
        )
        (self.work / "commands").write_text(DEBUGGER_COMMANDS)
        return ["bochs", "-q", "-f", "bochsrc", "-rc", "commands"]

    def _rom(self):
        """Bochs maps one ROM that ends at 4 GiB: with OVMF the variables, then the code."""
        self._code = pathlib.Path(BIOS_ROM if self.lane.firmware == "bios" else OVMF_CODE)
        if self.lane.firmware == "bios":
            return BIOS_ROM
        rom = self.work / "ovmf.fd"
        rom.write_bytes(pathlib.Path(OVMF_VARS).read_bytes() + self._code.read_bytes())
        return f"{rom}, address={(1 << 32) - rom.stat().st_size:#x}"

    def _environment(self):
        return dict(os.environ, SDL_VIDEODRIVER="dummy")

    def _decode_end(self, status):
        """Success breaks into the debugger; everything else is a panic that the log explains."""
        log = self.bochs_log()
        if status == 0:
            return End("exit", 0)
        if "shutdown requested" in log.lower():
            return End("exit", 1)
        return End("failed", status)

    def bochs_log(self):
        path = self.work / "bochs.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # --- looking in from outside ---------------------------------------------------------------

    def freeze(self):
        """Stops the machine for good; its memory can still be read."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def memory(self, address, length):
        """Physical memory, from the emulator's own: its debugger knows linear addresses only. It
        hands out RAM in blocks, in the order of their first use; all others are zeros."""
        blocks, parts = self._ram_blocks(), []
        with open(f"/proc/{self.process.pid}/mem", "rb", buffering=0) as memory:
            for at in range(address // RAM_BLOCK, -(-(address + length) // RAM_BLOCK)):
                if blocks[at]:
                    memory.seek(blocks[at])
                parts.append(memory.read(RAM_BLOCK) if blocks[at] else bytes(RAM_BLOCK))
        skip = address % RAM_BLOCK
        return b"".join(parts)[skip : skip + length]

    def _ram_blocks(self):
        """The emulator's table of where each block is. RAM itself lies in one piece with the ROMs,
        whose last one is the firmware's code as it is in its file."""
        if self._blocks is None:
            code, count = self._code.read_bytes(), self.ram_bytes // RAM_BLOCK
            regions = list(self._writable_memory())
            found = [start + data.find(code) for start, data in regions if code in data]
            if not found:
                raise MachineError("the machine's RAM was not found in the emulator")
            ram = found[0] + len(code) - ROMS_LEN - self.ram_bytes
            for _, data in regions:
                self._blocks = self._blocks or table_of(data, ram, count)
        if self._blocks is None:
            raise MachineError("the table of the machine's RAM was not found in the emulator")
        return self._blocks

    def _writable_memory(self):
        maps = pathlib.Path(f"/proc/{self.process.pid}/maps").read_text().splitlines()
        with open(f"/proc/{self.process.pid}/mem", "rb", buffering=0) as memory:
            for span, rights in (line.split()[:2] for line in maps):
                start, end = (int(x, 16) for x in span.split("-"))
                if rights.startswith("rw"):
                    memory.seek(start)
                    yield start, memory.read(end - start)

    def emulator_words(self):
        """The panics of its log (its lines are "TIMEpDEVICE"), else the end of its output."""
        panics = [line for line in self.bochs_log().splitlines() if PANIC.match(line)]
        return "\n".join(panics or super().emulator_words().splitlines()[-LAST_WORDS:])
