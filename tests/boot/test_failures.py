# SPDX-License-Identifier: BSD-2-Clause
"""Every way in which a boot can fail says so: a numbered reason and what to do about it, on the
serial line and on the screen. No silent stop, no blank screen."""

import pytest
from harness.config import config, guest
from harness.lanes import LANES
from harness.machine import End
from harness.screen import framebuffer_text, vga_text

EXIT_PANIC = 0x7E

# QEMU's names of CPUs that lack something; Bochs has models that were made that way.
QEMU_CPUS = [
    ("qemu64,-svm", 3),
    ("EPYC,-svm", 3),
    ("EPYC,-npt", 5),
    ("EPYC,-nx", 15),
    ("EPYC,-lm", 2),
]
BOCHS_CPUS = [
    ("p4_prescott_celeron_336", 3),
    ("athlon64_clawhammer", 3),
    ("pentium_mmx", 2),
    ("core2_penryn_t9600", 7),
    ("corei5_lynnfield_750", 18),
]
EARLY = {2, 15}  # found by the first instructions, which cannot read the `exit` option yet


def sound_config():
    text, modules = config(guest("hello"))
    return {"config": text.encode(), **modules}


def expect_failure(machine, reason):
    machine.expect(rf"KFV boot failure {reason:02}\b")
    if reason not in EARLY:
        machine.expect(r"What to do: \S")


def pytest_generate_tests(metafunc):
    if "lacking" in metafunc.fixturenames:
        bochs = metafunc.config.getoption("--machine").startswith("bochs")
        pairs = BOCHS_CPUS if bochs else QEMU_CPUS
        metafunc.parametrize("lacking", pairs, ids=[cpu for cpu, _ in pairs])


@pytest.mark.lanes("tcg-svm", "tcg-svm-uefi", "bochs-vmx", "bochs-svm")
def test_cpu_that_lacks_something(boot, lacking):
    cpu, reason = lacking
    machine = boot("exit", sound_config(), cpu=cpu)
    expect_failure(machine, reason)
    if reason not in EARLY:
        assert machine.wait() in (End("exit", EXIT_PANIC), End("exit", 1))


@pytest.mark.parametrize(
    "memory_mb, why", [(16, "no 16 MiB in a row"), (24, "not enough memory: needs 16 MiB")]
)
def test_too_little_memory(boot, memory_mb, why):
    """For the hypervisor itself, and for a VM."""
    machine = boot("exit", sound_config(), memory_mb=memory_mb)
    expect_failure(machine, 8)
    assert why in machine.log_text()


@pytest.mark.sample
def test_no_configuration(boot):
    modules = sound_config()
    del modules["config"]
    machine = boot("exit", modules)
    expect_failure(machine, 10)


BAD_CONFIGS = [
    (b"vm a {\n\tmemory 16M\n\tkernel hello\n\tsurprise 1\n}\n", "4:2"),
    (b"vm a { memory 3M; kernel hello }\n", "1:15"),
    (b"vm a {\n\tmemory 16M\n\tkernel hello\n", None),
    (b"\x00\xff\xfe", "1:1"),
    (b"policy p {\nversion 1\nwhen nobody severity alert do R01\n}\n", "3:"),
]


@pytest.mark.parametrize("text, place", BAD_CONFIGS, ids=range(len(BAD_CONFIGS)))
def test_damaged_configuration_names_the_place(boot, text, place):
    machine = boot("exit", {**sound_config(), "config": text})
    machine.expect(r"KFV boot failure 11\b")
    found = machine.expect(r"config:(\d+:\d+): \S[^\r\n]+")
    assert place is None or found[1].startswith(place), found[0]
    machine.expect("What to do:")
    assert "beat" not in machine.log_text() and "vm a" not in machine.log_text()


DAMAGED = {
    "one-byte": b"\n",
    "elf-cut": b"\x7fELF",
    "elf-zeros": b"\x7fELF" + bytes(4000),
    "bzimage-zeros": b"MZ" + bytes(4094),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_kernel(boot, damage):
    modules = {**sound_config(), "hello": DAMAGED[damage]}
    machine = boot("exit", modules)
    machine.expect(r"vm hello[^\r\n]*: \S")
    expect_failure(machine, 12)


def test_kernel_module_is_missing(boot):
    modules = sound_config()
    del modules["hello"]
    machine = boot("exit", modules)
    machine.expect_text("expected a boot module named hello")
    expect_failure(machine, 12)


@pytest.mark.lanes("tcg-svm")
def test_failure_is_on_the_text_screen_too(boot):
    """Without `exit` the machine stands still with the reason in front of whoever sits there."""
    machine = boot("", {"hello": b"x"})
    expect_failure(machine, 10)
    machine.drain(0.5)
    shown = vga_text(machine)
    assert "KFV boot failure 10" in shown and "What to do:" in shown
    assert machine.running()


@pytest.mark.lanes("tcg-svm")
def test_early_failure_is_on_the_text_screen_too(boot):
    machine = boot("", sound_config(), cpu="EPYC,-nx")
    expect_failure(machine, 15)
    machine.drain(0.5)
    assert "KFV boot failure 15" in vga_text(machine)


@pytest.mark.lanes("tcg-svm")
def test_failure_is_on_the_framebuffer_too(boot):
    """UEFI firmware has no text screen."""
    machine = boot("", {"hello": b"x"}, lane=LANES["tcg-svm-uefi"])
    expect_failure(machine, 10)
    machine.drain(1)
    shown = framebuffer_text(machine)
    assert "KFV boot failure 10" in shown and "What to do:" in shown
