# SPDX-License-Identifier: BSD-2-Clause
"""The machines that tests run on. A lane is an emulator with a CPU and a firmware; which one a run
takes is said by --machine or MACHINE, and everything a test may ask of it is in Options."""

import dataclasses
import fcntl
import os
import struct

from harness.bochs import BochsMachine
from harness.nested import NestedBochsMachine, NestedQemuMachine
from harness.qemu import QemuMachine


@dataclasses.dataclass
class Options:
    """What a test may ask of a machine; a lane fills in what is left None."""

    memory_mb: int = 512
    smp: int = 1
    cpu: str = None  # a CPU model as the emulator calls it
    deterministic: bool = None  # time is counted in instructions: the same run every time
    shift: int = 0  # deterministic, one CPU: an instruction takes 2^shift ns
    threads: bool = False  # QEMU: a thread for each CPU, which guests may not survive (qemu.py)
    ips: int = None  # Bochs: how many instructions make a second of the machine's time
    reboot: bool = False  # whether a reset starts the machine again instead of ending it
    extra: tuple = ()  # further emulator arguments (QEMU) or configuration lines (Bochs)


@dataclasses.dataclass(frozen=True)
class Lane:
    name: str
    machine: type
    vendor: str  # "amd" or "intel": the virtualisation that the CPU offers
    cpu: str
    firmware: str = "bios"
    accel: str = "tcg"
    deterministic: bool = False  # unless a test says otherwise
    boot_seconds: int = 30  # generous bound on reaching the image, on a busy machine
    thorough: bool = True  # False: only the tests that are marked as a sample
    patience: int = 1  # how many times longer than usual everything may take
    part: str = ""  # the tests that `make test-all` runs there (pytest -k); all of them if empty

    def start(self, iso, name, work, **wanted):
        """Boots iso; logs and evidence are named after the test. Returns the running machine."""
        self.require()
        options = Options(**wanted)
        options.cpu = options.cpu or self.cpu
        if options.deterministic is None:
            options.deterministic = self.deterministic
        machine = self.machine(self, name, work)
        try:
            machine.start(iso, options)
        except BaseException:
            machine.stop()
            raise
        return machine

    def fits(self, item):
        """Whether one of pytest's tests is for this lane, and is worth its time there."""
        marker = item.get_closest_marker("lanes")
        if marker and self.name not in marker.args:
            return False
        return self.thorough or "lane" not in item.fixturenames or item.get_closest_marker("sample")

    def require(self):
        """Raises LaneUnavailable with the reason if this computer cannot run the lane."""
        if self.accel == "kvm":
            require_kvm()


class LaneUnavailable(Exception):
    pass


def host_cpu_flags(path="/proc/cpuinfo"):
    with open(path) as cpuinfo:
        for line in cpuinfo:
            if line.startswith("flags"):
                return set(line.split(":", 1)[1].split())
    return set()


def host_vendor(flags):
    """Whose virtualisation the flags show; "nobody" keeps the lane from running."""
    return "amd" if "svm" in flags else "intel" if "vmx" in flags else "nobody"


def bochs(name, vendor, cpu, **more):
    """It runs an instruction at a time: Linux needs half a minute of a CPU to its shell."""
    return Lane(name, BochsMachine, vendor, cpu, **{"boot_seconds": 120, "patience": 3, **more})


# The lanes beside one that runs everything run what their own difference may change. A CPU model:
# what the CPU decides.
MODEL_PART = "test_boot.py and not two_guests or test_run or test_masking or a10 or release"

# The other maker of AMD-V, with more features and faults of its own: what the hardware does for
# guests, not what the devices and the console do.
OPINION_PART = (
    "test_boot.py and not two_guests or test_run or test_masking or test_smp or test_compartments"
    " or lacks or comes_back or test_attacks.py"
)

# Firmware: what it hands over, and one of each kind; on Bochs it takes most of a minute. OVMF
# itself wants long mode and memory.
FIRMWARE_PART = (
    "test_boot.py and not two_guests or test_run or acpi or cpus_are or smp_guest"
    " or test_failures and not lacks and not little_memory"
)
UEFI_PART = (
    "test_boot.py and not ends_are and not two_guests or test_run or acpi or calm"
    " or (a02 or a16) and on or a10_is"
)

# Where a boot takes two to four times as long: what another hypervisor beneath may change. Time
# and many CPUs are not the emulated machine's to show there.
NESTED_PART = (
    "test_attacks.py or no_configuration or test_linux_takes_the_clock or test_compartments or"
    " test_run or bare_guest or "
    "test_boot.py and not ends_are and not two_guests and not heartbeat and not keeps_time"
)


LANES = {
    lane.name: lane
    for lane in (
        Lane("tcg-svm", QemuMachine, "amd", "EPYC"),
        Lane(
            "tcg-svm-uefi",
            QemuMachine,
            "amd",
            "EPYC",
            firmware="uefi",
            boot_seconds=60,
            part=f"{FIRMWARE_PART} or test_attacks.py",
        ),
        bochs("bochs-vmx", "intel", "corei7_haswell_4770"),
        bochs("bochs-vmx-server", "intel", "corei7_skylake_x", part=MODEL_PART),
        bochs("bochs-vmx-client", "intel", "tigerlake", part=MODEL_PART),
        bochs(
            "bochs-vmx-uefi",
            "intel",
            "corei7_haswell_4770",
            firmware="uefi",
            boot_seconds=360,
            part=UEFI_PART,
        ),
        bochs("bochs-svm", "amd", "zambezi", part=OPINION_PART),
        Lane(
            "nested-kvm-amd",
            NestedQemuMachine,
            "amd",
            "EPYC",
            deterministic=True,
            boot_seconds=240,
            patience=5,
            part=NESTED_PART,
        ),
        Lane(
            "nested-kvm-intel",
            NestedBochsMachine,
            "intel",
            "corei7_haswell_4770",
            boot_seconds=600,
            thorough=False,
            patience=10,
        ),
        Lane("kvm", QemuMachine, host_vendor(host_cpu_flags()), "host", accel="kvm"),
    )
}
DEFAULT_LANE = "tcg-svm"

# Linux, Documentation/virt/kvm/api.rst; CPUID bits from the manuals' "CPUID" chapters.
KVM_GET_SUPPORTED_CPUID = 0xC008AE05
CPUID_ENTRIES = 200
CPUID_ENTRY = struct.Struct("=10I")  # function, index, flags, eax, ebx, ecx, edx, padding[3]
CPUID_1_ECX_VMX = 1 << 5
CPUID_80000001_ECX_SVM = 1 << 2


def kvm_offers(device="/dev/kvm"):
    """The extension KVM would give to a guest: "svm", "vmx" or None."""
    buffer = bytearray(8 + CPUID_ENTRIES * CPUID_ENTRY.size)
    struct.pack_into("=I", buffer, 0, CPUID_ENTRIES)
    with open(device, "rb+", buffering=0) as kvm:
        fcntl.ioctl(kvm, KVM_GET_SUPPORTED_CPUID, buffer)
    (count,) = struct.unpack_from("=I", buffer)
    for i in range(count):
        function, _, _, _, _, ecx, *_ = CPUID_ENTRY.unpack_from(buffer, 8 + i * CPUID_ENTRY.size)
        if function == 1 and ecx & CPUID_1_ECX_VMX:
            return "vmx"
        if function == 0x80000001 and ecx & CPUID_80000001_ECX_SVM:
            return "svm"
    return None


def require_kvm():
    """Three questions, as each may have its own answer: the device, the CPU, and KVM itself."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise LaneUnavailable("/dev/kvm does not exist or may not be opened")
    if not host_cpu_flags() & {"svm", "vmx"}:
        raise LaneUnavailable("/dev/kvm exists, but this CPU shows neither svm nor vmx")
    try:
        offered = kvm_offers()
    except OSError as error:
        raise LaneUnavailable(f"KVM does not answer: {error}") from error
    if not offered:
        raise LaneUnavailable("KVM offers its guests neither svm nor vmx (nested=0)")
