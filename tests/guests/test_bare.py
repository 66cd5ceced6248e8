# SPDX-License-Identifier: BSD-2-Clause
"""The test guests on a bare emulator, without a hypervisor: what fails here is a fault of the guest,
not of KungFuVisor."""

import re
import subprocess

import pytest
from harness.tree import BUILD

SECONDS = 60
PASSED = 1  # the debug-exit device turns value 0 into status 1


def run_bare(name, cmdline="", *extra):
    """Runs one guest to its end; returns exit status and what it printed."""
    done = subprocess.run(
        ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "EPYC", "-m", "128", "-nodefaults",
         "-display", "none", "-serial", "stdio", "-no-reboot",
         "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
         "-kernel", str(BUILD / "guests" / f"{name}.elf"), "-append", cmdline, *extra],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS,
        text=True, check=False)
    return done.returncode, done.stdout


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
    assert [int(n) for n in re.findall(r"^beat (\d+)$", text, re.M)] == list(range(1, 11))
    assert 19_000 <= int(re.search(r"beats 10 worst gap (\d+) us", text)[1]) <= 21_000
    assert "CHANGED" not in text


def test_bench_counts_instructions():
    """With the instruction counter the TSC counts instructions: a port read is one."""
    status, text = run_bare("bench", "", "-icount", "shift=0,sleep=off")
    assert status == PASSED, text
    found = dict(re.findall(r"^BENCH (\S+) (\d+) min \d+$", text, re.M))
    assert found["exit.port_pic"] == "1" and found["exit.msr_read"] == "1"
    assert {"exit.cpuid", "exit.port_uart", "exit.apic_read", "exit.eoi", "exit.self_ipi", "touch.4k",
            "touch.2m"} <= set(found)


@pytest.mark.parametrize("cmdline", ["", "attack=A99", "attack=A10", "attack=A16"])
def test_attack_needs_a_target(cmdline):
    status, text = run_bare("attack", cmdline)
    assert status == 5, text
    assert "no such attack on this machine" in text
