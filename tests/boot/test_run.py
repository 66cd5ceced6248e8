# SPDX-License-Identifier: BSD-2-Clause
"""make run, as somebody at a terminal has it: the product's own image, menu and configuration."""

import subprocess
import sys

import pexpect
import pytest
from harness.tree import BUILD, ROOT

LINUX_SECONDS = 240
CONSOLE = "\x1d0"  # Ctrl-] 0
SWITCH = "\x01x"  # Ctrl-A x: a machine without ACPI cannot switch itself off


@pytest.fixture
def terminal(lane, tmp_path):
    iso = tmp_path / "kfv.iso"
    modules = [ROOT / "boot/kfv.conf", BUILD / "guest/vmlinuz", BUILD / "guest/initrd.img"]
    product = [BUILD / "kfv.elf", ROOT / "boot/grub.cfg", *modules]
    subprocess.run([ROOT / "tools/iso.sh", iso, *product], check=True)
    command = [ROOT / "tools/run.py", "--machine", lane.name, iso]
    child = pexpect.spawn(
        sys.executable, list(map(str, command)), encoding="utf-8", codec_errors="replace"
    )
    yield child
    child.close(force=True)


@pytest.mark.sample
def test_a_person_runs_it(lane, terminal):
    """From GRUB's menu to Linux's shell, from there to the console, and off."""
    seconds = LINUX_SECONDS * lane.patience
    terminal.expect_exact(f"{lane.name}: Ctrl-A x ends it", timeout=60)
    terminal.expect(r"KungFuVisor \d", timeout=seconds)
    terminal.expect_exact("console: linux", timeout=seconds)
    terminal.expect_exact("guest# ", timeout=seconds)
    terminal.send("echo $((6 * 7))\r")
    terminal.expect(r"\n42\r", timeout=seconds)
    terminal.send(CONSOLE)
    terminal.expect_exact("kfv> ", timeout=seconds)
    terminal.send("vms\r")
    terminal.expect(r" 1 linux +running", timeout=seconds)
    terminal.send("poweroff\r")
    if terminal.expect(["machine: End", "it may be switched off now"], timeout=seconds):
        terminal.send(SWITCH)
    terminal.expect(pexpect.EOF, timeout=60)
    terminal.close()
    assert terminal.exitstatus == 0
