# SPDX-License-Identifier: BSD-2-Clause
"""The test guests and the loaders on a bare emulator, without a hypervisor: what fails here is a
fault of theirs."""

import re
import subprocess

import pytest
from harness.tree import BUILD

SECONDS = 60
PASSED = 1  # the debug-exit device turns value 0 into status 1
MACHINE = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "EPYC", "-nodefaults",
           "-display", "none", "-serial", "stdio", "-no-reboot",
           "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]


def run_machine(*arguments):
    done = subprocess.run([*MACHINE, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=SECONDS, text=True, check=False)
    return done.returncode, done.stdout


def run_bare(name, cmdline="", *extra):
    """Runs one guest to its end; returns exit status and what it printed."""
    kernel = BUILD / "guests" / f"{name}.elf"
    return run_machine("-m", "128", "-kernel", str(kernel), "-append", cmdline, *extra)


def run_placed(work, kernel, initrd, cmdline):
    """The same, put into memory by the image's own loaders and entered as they ask for."""
    guests = BUILD / "guests"
    place = [guests / "place", work, guests / "bios.bin", kernel, initrd, cmdline]
    subprocess.run(place, check=True)
    return run_machine(
        "-m", "256", "-bios", work / "bios.bin",
        "-device", f"loader,file={work}/low.bin,addr=0,force-raw=on",
        "-device", f"loader,file={work}/high.bin,addr=0x100000,force-raw=on")


def test_hello_passes_on_a_pc():
    status, text = run_bare("hello")
    assert status == PASSED, text
    assert "hello from another machine" in text
    assert int(re.search(r"# tests (\d+) passed \1 failed 0", text)[1]) >= 30


def test_hello_can_fail():
    """What only KungFuVisor promises is not there on a bare machine."""
    status, text = run_bare("hello", "only=kfv_signature")
    assert status == 3, text
    assert "not ok 1 - kfv_signature" in text


def test_heartbeat_is_steady():
    status, text = run_bare("heartbeat", "period_ms=20 beats=10", "-icount", "shift=0,sleep=off")
    assert status == PASSED, text
    assert [int(n) for n in re.findall(r"^beat (\d+) tsc \d+$", text, re.M)] == list(range(1, 11))
    assert 19_000 <= int(re.search(r"beats 10 worst gap (\d+) us", text)[1]) <= 21_000
    assert "CHANGED" not in text


def test_bench_counts_instructions():
    """With the instruction counter the TSC counts instructions: a port read is one."""
    status, text = run_bare("bench", "", "-icount", "shift=0,sleep=off")
    assert status == PASSED, text
    found = dict(re.findall(r"^BENCH (\S+) (\d+) min \d+$", text, re.M))
    assert found["exit.port_pic"] == "1" and found["exit.msr_read"] == "1"
    assert {"exit.cpuid", "exit.port_uart", "exit.apic_read"} <= set(found)
    assert {"exit.eoi", "exit.self_ipi"} <= set(found)
    assert {"touch.4k", "touch.2m"} <= set(found)


@pytest.mark.parametrize("cmdline", ["", "attack=A99", "attack=A10", "attack=A16"])
def test_attack_needs_a_target(cmdline):
    status, text = run_bare("attack", cmdline)
    assert status == 5, text
    assert "no such attack on this machine" in text


@pytest.mark.parametrize("suffix", ["", ".64"], ids=["elf32", "elf64"])
def test_our_multiboot_loader_starts_hello(tmp_path, suffix):
    kernel = BUILD / "guests" / f"hello.elf{suffix}"
    status, text = run_placed(tmp_path, kernel, "-", "only=machine_")
    assert status == PASSED, text
    assert int(re.search(r"# tests (\d+) passed \1 failed 0", text)[1]) >= 30


def test_our_linux_loader_starts_debian(tmp_path):
    """Debian's kernel believes the memory map and the ACPI tables, and runs the guest's init."""
    guest = BUILD / "guest"
    status, text = run_placed(
        tmp_path, guest / "vmlinuz", guest / "initrd.img",
        'console=ttyS0 mitigations=off cryptomgr.notests=1 kfv.run="reboot -f"')
    assert status == 0, text  # the reset, by the port that the FADT names, ends the emulator
    assert "KFV guest ready" in text
    assert "BIOS-e820: [mem 0x0000000000100000-0x000000000fffffff] usable" in text
    assert "ACPI: 1 ACPI AML tables successfully acquired and loaded" in text
    assert "ACPI: PM: (supports S0 S5)" in text
    assert "Freeing initrd memory: " in text
    assert "00:00: ttyS0 at I/O 0x3f8 (irq = 4" in text
    assert not re.search(r"ACPI.*(Error|Warning|BIOS Bug)", text), text
