# SPDX-License-Identifier: BSD-2-Clause
"""Genuine nested virtualisation without the hardware for it: an emulator runs Debian's kernel, its
KVM runs a second QEMU, and the boot image runs in that. The inner machine's serial lines are the
outer one's, so a test talks to it as to any other; the monitor, where there is one, shows the outer
machine, whose own kernel speaks to logs/LANE/NAME.outer. Linux,
Documentation/virt/kvm/x86/running-nested-guests.rst."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from harness.bochs import BochsMachine
from harness.machine import End, MachineError
from harness.qemu import DEBUG_EXIT_PORT, QemuMachine
from harness.tree import BUILD, ROOT

QEMU = pathlib.Path("/usr/bin/qemu-system-x86_64")
OUTER_PROGRAMS = [
    pathlib.Path(__file__).with_name(name) for name in ("outer_ram.c", "outer_once.c")
]
QEMU_DATA = pathlib.Path("/usr/share/qemu")
QEMU_ROM_FOLDERS = (QEMU_DATA, pathlib.Path("/usr/share/seabios"))
QEMU_ROMS = ("kvmvapic.bin", "linuxboot.bin", "linuxboot_dma.bin", "bios-256k.bin")
KVM_MODULES = ("virt/lib/irqbypass.ko", "arch/x86/kvm/kvm.ko")
KVM_VENDOR_MODULE = {"amd": "arch/x86/kvm/kvm-amd.ko", "intel": "arch/x86/kvm/kvm-intel.ko"}

# What the outer machine has and the inner one does not.
OUTER_EXTRA_MB = 1024
OUTER_CMDLINE = "console=ttyS2 loglevel=5 cryptomgr.notests=1 mitigations=off"
BOCHS_CMDLINE = OUTER_CMDLINE + " nokaslr clocksource=hpet tsc=unstable no_timer_check"

INIT = """\
#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
stty -F /dev/ttyS0 raw -echo -onlcr 115200
stty -F /dev/ttyS1 raw -echo 115200
mount -t hugetlbfs none /ram
outer_ram /ram/inner {memory_mb} >/dev/ttyS2
insmod /modules/irqbypass.ko
insmod /modules/kvm.ko
insmod /modules/kvm-{vendor}.ko nested=1
{once}
qemu-system-x86_64 {arguments} </dev/ttyS0 >/dev/ttyS0 2>/error
status=$?
(cat /error; echo; echo "kfv.inner status $status") >/dev/ttyS0
poweroff -f
"""
RAM_PIECE = re.compile(r"kfv\.ram (\w+) (\w+) (\w+)")
INNER_STATUS = re.compile(r"kfv\.inner status (\d+)")

# What QEMU's emulator delivers twice without it: see outer_once.c.
ONCE = {"amd": "outer_once >/dev/ttyS2 2>&1 || poweroff -f", "intel": ""}

# Under the instruction counter: 2^SHIFT ns for each instruction.
SHIFT = 1

BOCHS_GRUB_CFG = """\
linux /boot/kfv.elf {cmdline}
initrd /boot/initrd.img
boot
"""


# QEMU's emulator lets XSETBV pass without the exit that KVM asks for: at every other exit KVM puts
# back the XCR0 that it knows, and the guest loses the state that the real one had enabled.
INNER_CPU = {"amd": "host,-xsave", "intel": "host"}


def inner_arguments(options, vendor):
    return [
        *("-nodefaults", "-display", "none", "-machine", "q35", "-enable-kvm"),
        *("-cpu", INNER_CPU[vendor]),
        *("-smp", str(options.smp), "-m", str(options.memory_mb), "-cdrom", "/kfv.iso"),
        *("-machine", "memory-backend=ram"),
        *("-object", "memory-backend-file,id=ram,mem-path=/ram/inner,share=on,"
          f"size={options.memory_mb}M"),
        *("-chardev", "stdio,id=com1,signal=off", "-serial", "chardev:com1"),
        *("-chardev", "serial,id=com2,path=/dev/ttyS1", "-serial", "chardev:com2"),
        *("-device", f"isa-debug-exit,iobase={DEBUG_EXIT_PORT:#x},iosize=4"),
        *(() if options.reboot else ("-no-reboot",)),
        *options.extra,
    ]


def outer_cmdline(options, words):
    return f"{words} hugepages={options.memory_mb // 2}"


def outer_initrd(path, iso, options, vendor):
    """The outer system: what never changes is packed once, the rest is a second archive that the
    kernel unpacks after it."""
    base = BUILD / "nested" / f"{vendor}.cpio"
    sources = [pathlib.Path(__file__), *OUTER_PROGRAMS, kernel_package()]
    if not base.exists() or base.stat().st_mtime < max(f.stat().st_mtime for f in sources):
        base.parent.mkdir(parents=True, exist_ok=True)
        made = base.with_suffix(f".{os.getpid()}")  # others may want it at the same time
        pack(lambda root: fill_base(root, vendor), made)
        made.replace(base)
    own = path.with_suffix(".own")
    pack(lambda root: fill_own(root, iso, options, vendor), own)
    with open(path, "wb") as initrd:
        for part in (base, own):
            initrd.write(part.read_bytes())
    own.unlink()


def fill_base(root, vendor):
    for folder in ("bin", "dev", "proc", "sys", "tmp", "ram", "modules", "usr/bin"):
        (root / folder).mkdir(parents=True)
    shutil.copy(BUILD / "guest/root/bin/busybox", root / "bin")
    (root / "bin/sh").symlink_to("busybox")
    shutil.copy(QEMU, root / "usr/bin")
    for library in libraries(QEMU):
        target = root / library.relative_to("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    (root / QEMU_DATA.relative_to("/")).mkdir(parents=True)
    for rom in QEMU_ROMS:
        found = [folder / rom for folder in QEMU_ROM_FOLDERS if (folder / rom).exists()]
        shutil.copy(found[0], root / QEMU_DATA.relative_to("/"))
    compiler = os.environ.get("HOST_CC", "cc")
    for source in OUTER_PROGRAMS:
        program = root / "usr/bin" / source.stem
        subprocess.run([compiler, "-O2", "-o", program, source], check=True)
    unpack_modules(root / "modules", (*KVM_MODULES, KVM_VENDOR_MODULE[vendor]))


def fill_own(root, iso, options, vendor):
    init = root / "init"
    arguments = " ".join(inner_arguments(options, vendor))
    init.write_text(
        INIT.format(
            vendor=vendor,
            once=ONCE[vendor],
            memory_mb=options.memory_mb,
            arguments=arguments,
        )
    )
    init.chmod(0o755)
    shutil.copy(iso, root / "kfv.iso")


def libraries(program):
    """The shared libraries and the loader that a program needs, at the paths it needs them."""
    listing = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    return [pathlib.Path(found) for found in re.findall(r"(/\S+) \(0x", listing)]


def kernel_package():
    """The one that the guest's kernel is from (tools/guest.sh)."""
    return max((BUILD / "guest/cache").glob("linux-image-*.deb"), key=lambda p: p.stat().st_mtime)


def unpack_modules(folder, names):
    """Without their debug symbols."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["dpkg-deb", "-x", kernel_package(), work], check=True)
        [kernel] = pathlib.Path(work, "lib/modules").glob("*/kernel")
        for name in names:
            target = folder / pathlib.Path(name).name
            subprocess.run(["strip", "--strip-debug", "-o", target, kernel / name], check=True)


def pack(fill, path):
    """A newc archive of what fill(root) puts into an empty folder."""
    with tempfile.TemporaryDirectory() as work:
        fill(pathlib.Path(work))
        with open(path, "wb") as archive:
            subprocess.run(
                "find . | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet --reproducible",
                shell=True,
                check=True,
                cwd=work,
                stdout=archive,
            )


class Nested:
    """What both outer emulators share: the end is the inner QEMU's, read from the serial line."""

    @property
    def outer_path(self):
        return self.log_path.with_suffix(".outer")

    def memory(self, address, length):
        """The inner machine's physical memory, found in the outer one's."""
        text, parts = self.outer_path.read_text(errors="replace"), []
        for piece in RAM_PIECE.findall(text):
            start, at, size = (int(number, 16) for number in piece)
            first, end = max(start, address), min(start + size, address + length)
            if first < end:
                parts.append(super().memory(at + first - start, end - first))
        if sum(map(len, parts)) != length:
            raise MachineError(f"{length} bytes at {address:#x} are not all RAM")
        return b"".join(parts)

    def _decode_end(self, status):
        found = INNER_STATUS.search(self.log_text())
        if not found:
            return End("failed", status)
        inner = int(found[1])
        if inner == 0:
            return End("power-off")
        return End("exit", inner >> 1) if inner & 1 else End("failed", inner)


class NestedQemuMachine(Nested, QemuMachine):
    def _accel_arguments(self, options):
        """Under the instruction counter Linux hangs with two CPUs; why one thread, see there."""
        if not options.deterministic:
            return ["-accel", "tcg,thread=single", "-smp", "2"]
        clock = ["-rtc", "base=2024-01-01,clock=vm"]
        return ["-accel", "tcg", "-smp", "1", "-icount", f"shift={SHIFT},sleep=off", *clock]

    def _command(self, iso, options, port):
        initrd = self.work / "outer.img"
        outer_initrd(initrd, iso, options, self.lane.vendor)
        return [
            "qemu-system-x86_64",
            *("-nodefaults", "-display", "none", "-machine", "q35", "-cpu", options.cpu),
            *self._accel_arguments(options),
            *("-m", str(options.memory_mb + OUTER_EXTRA_MB), "-no-reboot"),
            *("-kernel", str(BUILD / "guest/vmlinuz"), "-initrd", str(initrd)),
            *("-append", outer_cmdline(options, OUTER_CMDLINE)),
            *("-chardev", f"socket,id=com1,host=127.0.0.1,port={port},nodelay=on"),
            *("-serial", "chardev:com1", "-serial", f"file:{self.evidence_path}"),
            *("-serial", f"file:{self.outer_path}"),
            *("-qmp", "tcp:{}:{}".format(*self._monitor_listener.getsockname())),
        ]


class NestedBochsMachine(Nested, BochsMachine):
    # A tick of Linux as the inner machine's guest comes every 4 ms and costs three or four exits,
    # each some 200,000 instructions with the KVM in the middle: at 100 million instructions to the
    # second it did nothing else.
    ips = {"bios": 500_000_000}

    def _command(self, iso, options, port):
        initrd, config, outer = (self.work / name for name in ("initrd.img", "cfg", "outer.iso"))
        outer_initrd(initrd, iso, options, self.lane.vendor)
        cmdline = outer_cmdline(options, BOCHS_CMDLINE)
        config.write_text(BOCHS_GRUB_CFG.format(cmdline=cmdline))
        subprocess.run(
            [
                *(ROOT / "tools/iso.sh", outer, BUILD / "guest/vmlinuz", config),
                f"initrd.img={initrd}",
            ],
            check=True,
        )
        return super()._command(outer, self._outer_options(options), port)

    def _outer_options(self, options):
        return type(options)(
            memory_mb=options.memory_mb + OUTER_EXTRA_MB,
            cpu=options.cpu,
            extra=(f'com3: enabled=1, mode=file, dev="{self.outer_path}"',),
        )
