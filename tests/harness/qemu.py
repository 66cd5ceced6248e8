# SPDX-License-Identifier: BSD-2-Clause
"""Machines made by QEMU, with a monitor to look at them from outside (QEMU, "QMP Reference")."""

import json
import shutil

from harness.machine import End, Machine, MachineError, listen

OVMF = "/usr/share/OVMF/OVMF_{}_4M.fd"
DEBUG_EXIT_PORT = 0xF4
MONITOR_SECONDS = 20


class QemuMachine(Machine):
    def __init__(self, lane, name, work):
        super().__init__(lane, name, work)
        self._monitor_listener = listen()
        self._monitor = self._monitor_file = None
        self._events = []

    def _command(self, iso, options, port):
        return [
            "qemu-system-x86_64",
            *("-nodefaults", "-display", "none", "-vga", "std"),
            *("-machine", "q35", "-cpu", options.cpu, "-smp", str(options.smp)),
            *("-m", str(options.memory_mb), "-cdrom", str(iso)),
            *("-chardev", f"socket,id=com1,host=127.0.0.1,port={port},nodelay=on"),
            *("-serial", "chardev:com1", "-serial", f"file:{self.evidence_path}"),
            *("-qmp", "tcp:{}:{}".format(*self._monitor_listener.getsockname())),
            *("-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"),
            *(() if options.reboot else ("-no-reboot",)),
            *self._accel_arguments(options),
            *self._firmware_arguments(),
            *options.extra,
        ]

    def _accel_arguments(self, options):
        """With the deterministic counter, two runs are the same to the instruction. Without it all
        CPUs still take turns in one thread: whatever CPU loads x87 state writes the first one's
        flags (cpu_clear_ignne), with no lock, among them whether nested paging is on. That CPU may
        be at a VMRUN or #VMEXIT just then, and goes on with the page tables of the other side."""
        if self.lane.accel == "kvm":
            return ["-accel", "kvm"]
        if not options.deterministic:
            return ["-accel", f"tcg,thread={'multi' if options.threads else 'single'}"]
        clock = ["-rtc", "base=2024-01-01,clock=vm"]
        if options.smp == 1:
            return ["-accel", "tcg", "-icount", f"shift={options.shift},sleep=off", *clock]
        return ["-accel", "tcg,thread=single", "-icount", "shift=1", *clock]

    def _firmware_arguments(self):
        if self.lane.firmware != "uefi":
            return []
        variables = self.work / "ovmf_vars.fd"
        shutil.copy(OVMF.format("VARS"), variables)
        flash = "if=pflash,format=raw,unit={},file={}"
        return [
            *("-drive", flash.format(0, OVMF.format("CODE")) + ",readonly=on"),
            *("-drive", flash.format(1, variables)),
        ]

    def _is_noise(self, line):
        """Several lines for each vCPU on features of the CPU model that TCG lacks."""
        return super()._is_noise(line) or "TCG doesn't support requested feature" in line

    # --- the monitor ---------------------------------------------------------------------------

    def _connect(self):
        self._monitor = self._accept(self._monitor_listener)
        self._monitor.settimeout(MONITOR_SECONDS)
        self._monitor_file = self._monitor.makefile("rw")
        self._read_message()  # the greeting
        self.qmp("qmp_capabilities")

    def _read_message(self):
        line = self._monitor_file.readline()
        if not line:
            raise MachineError("the monitor has closed")
        return json.loads(line)

    def qmp(self, execute, **arguments):
        """One monitor command; returns its result. Events that pass by are kept for the end."""
        message = {"execute": execute, "arguments": arguments}
        self._monitor_file.write(json.dumps(message) + "\n")
        self._monitor_file.flush()
        while True:
            reply = self._read_message()
            if "event" in reply:
                self._events.append(reply)
            elif "error" in reply:
                raise MachineError(f"monitor: {reply['error']['desc']}")
            else:
                return reply["return"]

    def monitor(self, line):
        """A command of the human monitor, e.g. `info registers`; returns its text."""
        return self.qmp("human-monitor-command", **{"command-line": line}).replace("\r", "")

    def freeze(self):
        """Stops the machine for good; its memory can still be read."""
        self.qmp("stop")

    def memory(self, address, length):
        """Physical memory as the machine's RAM holds it, read behind the machine's back."""
        dump = self.work / "memory"
        self.qmp("pmemsave", val=address, size=length, filename=str(dump))
        data = dump.read_bytes()
        dump.unlink()
        if len(data) != length:
            raise MachineError(f"{length} bytes asked for, {len(data)} received")
        return data

    # --- the end -------------------------------------------------------------------------------

    def _decode_end(self, status):
        if status > 0 and status & 1:
            code = status >> 1
            return End("failed", status) if self._failed_to_start() else End("exit", code)
        if status != 0:
            return End("failed", status)
        return End("reset") if self._reset_was_asked() else End("power-off")

    def _failed_to_start(self):
        """QEMU's own errors end with status 1, as does code 0: they come with words."""
        return self.process.returncode == 1 and "qemu-system" in self.emulator_words()

    def _reset_was_asked(self):
        try:
            while True:
                self._events.append(self._read_message())
        except (MachineError, OSError, ValueError):
            pass
        reasons = [e["data"].get("reason") for e in self._events if e.get("event") == "SHUTDOWN"]
        return "guest-reset" in reasons

    def stop(self):
        super().stop()
        for connection in (self._monitor_listener, self._monitor):
            if connection is not None:
                connection.close()
