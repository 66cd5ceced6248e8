# SPDX-License-Identifier: BSD-2-Clause
"""First light: from GRUB to Debian's shell and to the kfv> console, and every way to end."""

import re
import time

import pytest
from harness.bochs import GUEST_IPS
from harness.config import config, guest, linux
from harness.demux import demux
from harness.faults import expect_hello_passed
from harness.iso import make_iso
from harness.machine import End, plain
from harness.tree import BUILD

IMAGE_TEST_MODULES = {"config": b"\n", "restless": BUILD / "guests/restless.elf"}
GUEST_PROMPT = "guest# "
LINUX_SECONDS = 240


def console_of(number):
    """The keys that switch the serial line to a VM, or with 0 to the hypervisor: Ctrl-] N."""
    return f"\x1d{number}"


def reach_linux(machine):
    machine.expect_text("KFV guest ready", timeout=LINUX_SECONDS)


def reach_shell(machine):
    reach_linux(machine)
    machine.expect_text(GUEST_PROMPT)


def command(machine, line):
    """What the kfv> console answers."""
    return machine.run(line)


@pytest.mark.sample
def test_banner_says_what_there_is(boot_vms, lane):
    """One thing at least is not there: Tiger Lake has all that is used."""
    hidden = {"intel": "VPID", "amd": "virtual-GIF"}[lane.vendor]
    machine = boot_vms(guest("hello"), options=f"exit hide={hidden}")
    machine.expect(r"KungFuVisor \d")
    for title in ("cpu ", "engine ", "uses ", "without ", "memory ", "sealed ", "modules "):
        machine.expect(rf"\n *{title}[^\r\n]+")
    machine.expect(r"config|hello")
    uses = re.search(r"\n *uses +([^:]*)\n *without ", plain(machine.log_text()))[1]
    assert not re.search("clean bits|AVIC", uses), "never used, even where present"
    ours = machine.log_text().partition("KungFuVisor ")[2].splitlines()  # the rest is firmware's
    shown = [line for line in ours if not line.startswith("[")]
    assert [line for line in shown if len(line) > 80] == []  # the log's own lines may be longer


@pytest.mark.sample
def test_linux_reaches_its_shell(boot_vms):
    machine = boot_vms(linux(), focus="linux")
    reach_linux(machine)
    machine.expect(r"Linux 6\.1\.0-\d+-cloud-amd64")
    machine.expect_text(GUEST_PROMPT)
    machine.send("echo $((40 + 2))\r")
    machine.expect(r"\n42\r")
    machine.send("grep -c svm /proc/cpuinfo; echo done\r")
    machine.expect(r"\n0\r[\s\S]*done")


def seconds_between(log, first, last):
    """Of the machine's TSC, by what the VM beside said before these places in the log."""
    hz = float(re.search(r"TSC (\d+\.\d+) MHz", log)[1]) * 1e6
    start, end = (
        int(re.findall(r"\[heartbeat\] beat \d+ tsc (\d+)", log[:at])[-1]) for at in (first, last)
    )
    return (end - start) / hz


def test_linux_keeps_time(boot_vms):
    """The guest's clock over some seconds, against the host's or, where the machine's time is not
    ours, against its TSC: within five percent."""
    beat = re.compile(r"beat (\d+) (\d+) (\d+)\r?\n")
    beside = guest("heartbeat", cmdline="period_ms=100")
    linux_beats = linux(cmdline="kfv.heartbeat")
    machine = boot_vms(beside, linux_beats, focus="linux", deterministic=False)
    reach_linux(machine)
    first = machine.expect(beat)
    start = time.monotonic()
    machine.drain(4)
    elapsed, log = time.monotonic() - start, machine.log_text()
    seen = list(beat.finditer(log, log.index(plain(first[0]))))
    if not machine.wall_time:
        elapsed = seconds_between(log, seen[0].start(), seen[-1].start())
    passed = (int(seen[-1][2]) - int(seen[0][2])) / 1e6
    assert passed == pytest.approx(elapsed, rel=0.05, abs=0.3)
    assert int(seen[-1][1]) - int(seen[0][1]) == pytest.approx(passed * 5, abs=1)


@pytest.mark.parametrize(
    "command, said",
    [
        ("poweroff -f", r"vm linux: powered off"),
        ("reboot -f", r"vm linux: reboot asked for"),
        ("halt -f", r"vm linux: halted for ever"),
    ],
)
def test_ends_are_told_apart(boot_vms, command, said):
    machine = boot_vms(linux(reboot="stop"), focus="linux")
    reach_shell(machine)
    machine.send(command + "\r")
    machine.expect(said)


def test_reboot_starts_the_vm_again(boot_vms):
    machine = boot_vms(linux(reboot="restart"), focus="linux")
    reach_shell(machine)
    machine.send("reboot -f\r")
    machine.expect(r"vm linux: reboot asked for")
    reach_shell(machine)


def test_debug_exit_reports_its_value(boot_vms):
    machine = boot_vms(guest("hello", cmdline="only=none-of-them"), options="exit=ended")
    machine.expect(r"vm hello: debug exit with value (\d+)")
    assert machine.wait().kind == "exit"


@pytest.mark.sample
def test_guest_sees_a_whole_machine(boot, boot_vms, tmp_path):
    """The guest's own tests, in TAP: CPU, timers, interrupt controllers, ports, hypercalls."""
    machine = boot_vms(guest("hello"), options="exit=ended", focus="hello")
    expect_hello_passed(machine, boot, tmp_path)
    text = machine.log_text()
    assert re.search(r"(?m)^1\.\.[1-9]", text) and re.search(r"(?m)^ok 1 ", text)


@pytest.mark.sample
@pytest.mark.lanes("bochs-vmx", "nested-kvm-amd", "nested-kvm-intel")
def test_x2apic_mode_at_hand_over(boot, tmp_path):
    """Firmware may have switched to it, and locked it: even who would not choose it stays."""
    text, modules = config(guest("hello"))
    iso = make_iso(
        tmp_path / "boot.iso",
        BUILD / "kfv.elf",
        "exit=ended hide=x2apic",
        {"config": text.encode(), **modules},
        command="wrmsr 0x1b 0xfee00d00\nmultiboot2",
    )
    machine = boot(iso=iso, ips=GUEST_IPS)
    assert machine.wait(120) == End("exit", 0), machine.log_text()
    assert "not ok" not in machine.log_text()


@pytest.mark.sample
def test_image_tests(boot):
    """The in-image tests, in TAP."""
    machine = boot("exit test", IMAGE_TEST_MODULES, elf=BUILD / "kfv-test.elf")
    end = machine.wait(240)
    text = machine.log_text()
    assert re.findall(r"(?m)^not ok .*$", text) == []
    assert re.search(r"(?m)^1\.\.[1-9]", text) and re.search(r"(?m)^ok 1 ", text)
    assert end == End("exit", 0)


def test_an_interrupt_arrives_once(boot):
    """Under the instruction counter, where emulated devices' timers come at certain times."""
    image = BUILD / "kfv-test.elf"
    machine = boot("exit test=arrives_once", {"config": b"\n"}, elf=image, deterministic=True)
    assert machine.wait(120) == End("exit", 0), machine.log_text()


@pytest.mark.sample
def test_console_commands(boot_vms):
    machine = boot_vms(guest("heartbeat"), linux(), focus="kfv")
    machine.expect_text("kfv> ")
    help_text = command(machine, "help")
    for name in "help vms exits hooks agents policy events log mem panic".split():
        assert re.search(rf"(?m)^ *{name}\b", help_text), name
        if name not in ("help", "panic"):
            answer = command(machine, name)
            assert answer.strip(), f"{name} says nothing"
            too_wide = [line for line in answer.splitlines() if len(line) > 80]
            assert name == "log" or too_wide == [], answer  # the log shows lines as they were
    vms = command(machine, "vms")
    assert re.search(r"heartbeat\b.*running", vms) and re.search(r"linux\b.*running", vms)
    assert "no-such-command" in command(machine, "no-such-command")


def test_console_editing_and_history(boot_vms):
    machine = boot_vms(guest("heartbeat", cmdline="beats=1"), focus="kfv")
    machine.expect_text("kfv> ")
    row = r"\n *1 heartbeat +(running|stopped)"  # it may have ended by now
    machine.send("vmX\x7fs\r")  # backspace
    machine.expect(row)
    machine.expect_text("kfv> ")
    machine.send("\x1b[A\r")  # up
    machine.expect(row)


def test_keys_switch_between_the_console_and_the_vms(boot_vms):
    machine = boot_vms(guest("heartbeat"), linux(), focus="linux")
    reach_shell(machine)
    machine.send(console_of(0))
    machine.expect_text("console: kfv")
    machine.expect_text("kfv> ")
    machine.send(console_of(1))
    machine.expect_text("console: heartbeat")
    machine.expect(r"\nbeat \d+")
    machine.send(console_of(2) + "echo $((6 * 7))\r")
    machine.expect_text("console: linux")
    machine.expect(r"\n42\r")


def test_panic_is_readable(boot_vms):
    machine = boot_vms(guest("heartbeat"), options="", focus="kfv")
    machine.expect_text("kfv> ")
    machine.send("panic\r")
    machine.expect_text("usage: panic yes")
    machine.send("panic yes\r")
    machine.expect_text("KFV PANIC")
    machine.expect(r"command_run\+0x[0-9a-f]+")  # the backtrace has names
    machine.drain(1)
    assert machine.running()


def test_two_guests_lose_no_byte(boot_vms):
    """Both write as fast as they can; what the one line carried is taken apart again."""
    lines = 400
    talk = f'kfv.run="i=0; while [ $i -lt {lines} ]; do echo line $i of $0 ok; i=$((i+1)); done"'
    machine = boot_vms(
        linux("one", cmdline=talk, reboot="stop"),
        linux("two", cmdline=talk, reboot="stop"),
        options="exit=ended",
        focus="one",
        memory_mb=1024,
    )
    machine.wait(LINUX_SECONDS * 3)
    said = demux(machine.raw_log(), "one", "two")
    for name in ("one", "two"):
        numbers = re.findall(r"(?m)^line (\d+) of sh ok\r?$", plain(said[name]))
        assert [int(number) for number in numbers] == list(range(lines)), name


@pytest.mark.sample
def test_registers_stay_with_their_vm(boot_vms):
    """Vector, debug and system-call registers of two VMs that share one CPU."""
    machine = boot_vms(
        guest("registers", name="one", cmdline="seed=1"),
        guest("registers", name="two", cmdline="seed=2"),
        options="exit=ended",
    )
    end = machine.wait()
    log = machine.log_text()
    assert log.count("REGISTERS ok 200") == 2, log[-2000:]
    assert end == End("exit", 0)


def test_heartbeat_goes_on_beside_linux(boot_vms):
    machine = boot_vms(guest("heartbeat", cmdline="period_ms=100"), linux(), focus="linux")
    reach_shell(machine)
    busy = "end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do :; done"
    machine.send(f"{busy}; echo done\r")
    machine.expect(r"\ndone\r", timeout=LINUX_SECONDS)
    said = demux(machine.raw_log(), "heartbeat", "linux")["heartbeat"]
    beats = [int(number) for number in re.findall(r"beat (\d+)", said)]
    assert beats == list(range(1, len(beats) + 1)) and len(beats) > 20
    assert "DIGEST CHANGED" not in machine.log_text()
