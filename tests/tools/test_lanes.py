# SPDX-License-Identifier: BSD-2-Clause
"""How the harness reads a machine's end, and that a lane which cannot run is an error."""

import os
import struct
import subprocess
import sys
import time
import types

import pytest
from harness import lanes
from harness.bochs import BochsMachine
from harness.machine import Deadline, End, plain
from harness.qemu import QemuMachine
from harness.tree import ROOT


def collect(machine):
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "--machine", machine]
    return subprocess.run(
        [*command, ROOT / "tests/tools"], capture_output=True, text=True, cwd=ROOT
    )


def test_unknown_machine_is_an_error():
    run = collect("pdp11")
    assert run.returncode != 0 and "no machine 'pdp11'" in run.stderr


@pytest.mark.parametrize(
    "device, flags, offered, reason",
    [
        (False, {"svm"}, "svm", "/dev/kvm does not exist"),
        (True, {"fpu"}, "svm", "neither svm nor vmx"),
        (True, {"vmx"}, None, "nested=0"),
        (True, {"svm"}, "svm", None),
    ],
)
def test_kvm_is_asked_three_questions(monkeypatch, device, flags, offered, reason):
    monkeypatch.setattr(lanes.os, "access", lambda *_: device)
    monkeypatch.setattr(lanes, "host_cpu_flags", lambda: flags)
    monkeypatch.setattr(lanes, "kvm_offers", lambda: offered)
    if reason is None:
        lanes.require_kvm()
    else:
        with pytest.raises(lanes.LaneUnavailable, match=reason):
            lanes.require_kvm()


@pytest.mark.parametrize(
    "flags, vendor", [("fpu svm npt", "amd"), ("fpu vmx ept", "intel"), ("fpu", "nobody")]
)
def test_vendor_of_the_host(tmp_path, flags, vendor):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: svm vmx\n")
    assert lanes.host_vendor(lanes.host_cpu_flags(cpuinfo)) == vendor


@pytest.mark.parametrize(
    "leaf, ecx, offered",
    [
        (1, lanes.CPUID_1_ECX_VMX, "vmx"),
        (0x80000001, lanes.CPUID_80000001_ECX_SVM, "svm"),
        (1, ~lanes.CPUID_1_ECX_VMX & 0xFFFFFFFF, None),
        (0x80000001, lanes.CPUID_1_ECX_VMX, None),
    ],
)
def test_answer_of_kvm(monkeypatch, tmp_path, leaf, ecx, offered):
    device = tmp_path / "kvm"
    device.write_bytes(b"")

    def ioctl(_, request, buffer):
        assert request == lanes.KVM_GET_SUPPORTED_CPUID
        entries = [(0, 0), (leaf, ecx)]
        struct.pack_into("=I", buffer, 0, len(entries))
        for i, (function, value) in enumerate(entries):
            fields = (function, 0, 0, 0, 0, value, 0, 0, 0, 0)
            lanes.CPUID_ENTRY.pack_into(buffer, 8 + i * lanes.CPUID_ENTRY.size, *fields)

    monkeypatch.setattr(lanes.fcntl, "ioctl", ioctl)
    assert lanes.kvm_offers(device) == offered


def test_kvm_that_does_not_answer(monkeypatch):
    def refuse():
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(lanes.os, "access", lambda *_: True)
    monkeypatch.setattr(lanes, "host_cpu_flags", lambda: {"svm"})
    monkeypatch.setattr(lanes, "kvm_offers", refuse)
    with pytest.raises(lanes.LaneUnavailable, match="KVM does not answer: .*Invalid argument"):
        lanes.require_kvm()


def item(fixtures, **markers):
    return types.SimpleNamespace(fixturenames=fixtures, get_closest_marker=markers.get)


def test_a_slow_lane_runs_the_sample():
    named = types.SimpleNamespace(args=["tcg-svm"])
    for name, thorough in (("nested-kvm-intel", False), ("nested-kvm-amd", True)):
        lane = lanes.LANES[name]
        assert lane.fits(item(["boot", "lane"], sample=True))
        assert lane.fits(item(["tmp_path"]))
        assert bool(lane.fits(item(["boot", "lane"]))) == thorough
        assert not lane.fits(item(["boot", "lane"], lanes=named, sample=True))


def machine(kind, work, status, words=""):
    made = kind(types.SimpleNamespace(name="ends", boot_seconds=1, patience=1), "ends", work)
    made.process = types.SimpleNamespace(returncode=status)
    made.emulator_path = work / "words"
    made.emulator_path.write_text(words)
    return made


@pytest.mark.parametrize(
    "status, words, end",
    [
        (1, "", End("exit", 0)),
        (1, "qemu-system-x86_64: TCG doesn't support requested feature", End("exit", 0)),
        (1, "qemu-system-x86_64: cannot set up guest memory", End("failed", 1)),
        (33, "", End("exit", 16)),
        (-6, "", End("failed", -6)),
    ],
)
def test_end_on_qemu(tmp_path, status, words, end):
    assert machine(QemuMachine, tmp_path, status, words)._decode_end(status) == end


@pytest.mark.parametrize(
    "reason, kind", [("guest-shutdown", "power-off"), ("guest-reset", "reset")]
)
def test_power_off_and_reset_on_qemu(tmp_path, reason, kind):
    made = machine(QemuMachine, tmp_path, 0)
    made._read_message = types.MethodType(lambda self: (_ for _ in ()).throw(OSError), made)
    made._events = [{"event": "SHUTDOWN", "data": {"guest": True, "reason": reason}}]
    assert made._decode_end(0) == End(kind)


@pytest.mark.parametrize(
    "status, log, end",
    [
        (0, "", End("exit", 0)),
        (1, "00012p[UNMAP ] >>PANIC<< Shutdown port: shutdown requested", End("exit", 1)),
        (1, "00012p[CPU0  ] >>PANIC<< exception(): 3rd (13) exception", End("failed", 1)),
    ],
)
def test_end_on_bochs(tmp_path, status, log, end):
    (tmp_path / "bochs.log").write_text(log)
    assert machine(BochsMachine, tmp_path, status)._decode_end(status) == end


def test_terminal_control_is_removed():
    assert plain("\x1b[2J\x1b[1;31mkfv>\x1b[0m ok\r\n") == "kfv> ok\n"


def test_a_deadline_waits_for_who_has_no_cpu():
    """Two that never rest, on one CPU: each has half of the time, and lacks the other."""
    busy = ["taskset", "-c", str(min(os.sched_getaffinity(0))), sys.executable, "-c"]
    children = [subprocess.Popen([*busy, "while True: pass"]) for _ in range(2)]
    try:
        time.sleep(0.5)
        deadlines = [Deadline(child.pid, 1) for child in children]
        time.sleep(2)
        assert sum(deadline.left() for deadline in deadlines) > 2 * (1 - 2) + 1.5
    finally:
        for child in children:
            child.kill()
            child.wait()
    idle = Deadline(os.getpid(), 0.2)
    time.sleep(0.3)
    assert idle.left() < 0.1
