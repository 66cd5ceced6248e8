# SPDX-License-Identifier: BSD-2-Clause
"""Each feature of the CPU that the image uses is hidden in turn (boot option hide=). Either it goes
on without, says so in the banner and runs a guest, or it stops with its numbered reason."""

import re

import pytest
from harness.bochs import GUEST_IPS
from harness.config import config, guest
from harness.faults import expect_hello_passed
from harness.lanes import LANES

SAMPLE = ("EPT", "VPID", "EPT 2M pages", "nested paging")  # where there is no time for all

# The back end's own: name -> number of the reason to stop, or None.
OF_SVM = {
    "nested paging": 5,
    "next-RIP save": None,
    "VMCB clean bits": None,
    "flush by ASID": None,
    "decode assists": None,
    "pause filter": None,
    "virtual GIF": None,
}
OF_VMX = {
    "EPT": 7,
    "unrestricted guest": 18,
    "VPID": None,
    "EPT 2M pages": None,
    "EPT 1G pages": None,
    "EPT accessed and dirty bits": None,
    "EPT execute-only": None,
    "single INVEPT": None,
    "INVVPID": None,
    "EFER switch": None,
    "PAT switch": None,
    "virtual NMIs": None,
    "preemption timer": None,
    "monitor trap flag": None,
    "MSR bitmaps": None,
    "I/O bitmaps": None,
}
# Of the CPU at large: the image goes on without a word.
OF_CPU = ["xsave", "smep", "smap", "umip", "x2apic", "rdtscp"]


def pytest_generate_tests(metafunc):
    vendor = LANES[metafunc.config.getoption("--machine")].vendor
    if "reason" in metafunc.fixturenames:
        features = list((OF_VMX if vendor == "intel" else OF_SVM).items())
        chosen = [
            pytest.param(*pair, marks=[pytest.mark.sample] if pair[0] in SAMPLE else [], id=pair[0])
            for pair in features
        ]
        metafunc.parametrize("feature, reason", chosen)


def boot_without(boot, *features):
    """The hello guest's tests decide whether the machine is still whole."""
    text, modules = config(guest("hello"))
    words = ",".join(name.replace(" ", "-") for name in features)
    modules["config"] = text.encode()
    return boot(f"exit=ended hide={words}", modules, ips=GUEST_IPS, memory_mb=256)


def test_hidden_feature(boot, tmp_path, feature, reason):
    machine = boot_without(boot, feature)
    if reason:
        machine.expect(rf"KFV boot failure {reason:02}\b")
        return
    machine.expect(rf"{re.escape(feature)}: \S")
    expect_whole(machine, boot, tmp_path)


@pytest.mark.parametrize("feature", OF_CPU)
def test_hidden_cpu_feature(boot, tmp_path, feature):
    expect_whole(boot_without(boot, feature), boot, tmp_path)


def test_hidden_acpi_tag(boot, tmp_path):
    """Without the loader's copy the tables are found in the BIOS area, or through EFI's. Where the
    firmware has none, it makes no difference."""
    machine = boot_without(boot, "acpi tag")
    expect_whole(machine, boot, tmp_path)
    assert machine.lane.name == "bochs-vmx-uefi" or "acpi: no tables" not in machine.log_text()


def expect_whole(machine, boot, work):
    machine.expect_text("hello from KungFuVisor", 60)
    expect_hello_passed(machine, boot, work)
