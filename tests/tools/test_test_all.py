# SPDX-License-Identifier: BSD-2-Clause
"""make test-all: every lane is run whatever became of the others, and one failure is a failure."""

import re
import sys

import pytest
from harness.lanes import LANES, LaneUnavailable
from harness.tree import ROOT

sys.path.insert(0, str(ROOT / "tools"))
import test_all  # noqa: E402


@pytest.fixture
def statuses(monkeypatch):
    """{word of a command: its status}; what is not named passes. Nothing is really run."""
    bad, seen = {}, []

    def run(command):
        seen.append(command)
        status = next((bad[word] for word in command if word in bad), 0)
        return status, f"{4 - status} passed", 1.5

    monkeypatch.setattr(test_all, "run", run)
    return bad, seen


@pytest.mark.parametrize("failing", [None, "make", "bochs-vmx", "bochs-svm"])
def test_all_of_them_run(statuses, capsys, failing):
    bad, seen = statuses
    if failing:
        bad[failing] = 2
    status = test_all.main(["bochs-vmx", "bochs-svm"])
    lines = capsys.readouterr().out.splitlines()[-3:]
    assert status == (1 if failing else 0)
    assert len(seen) == 3 and len(lines) == 3
    assert sum("FAILED" in line for line in lines) == (1 if failing else 0)
    assert all("1.5 min" in line and "passed" in line for line in lines)


def test_a_lane_that_cannot_run_is_named_and_no_failure(statuses, capsys, monkeypatch):
    def refuse(_):
        raise LaneUnavailable("no such device")

    monkeypatch.setattr(type(LANES["kvm"]), "require", refuse)
    assert test_all.main(["kvm"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(statuses[1]) == 1 and "make test" in lines[-2]
    assert lines[-1].split() == "kvm not here no such device".split()


def test_a_lane_that_can_run_is_run(statuses, monkeypatch):
    monkeypatch.setattr(type(LANES["kvm"]), "require", lambda _: None)
    assert test_all.main(["kvm"]) == 0
    assert any("kvm" in command for command in statuses[1])


def test_a_command_is_interrupted_at_its_limit(capfd):
    script = """if True:
        import time
        try:
            print("begun", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            print("12 passed so far")
            raise SystemExit(2)"""
    status, last, minutes = test_all.run([sys.executable, "-c", script], limit_minutes=0.02)
    assert (status, last) == (2, "12 passed so far") and minutes < 0.5


def test_its_lanes_exist_and_their_parts_are_said():
    text = (ROOT / "tools/tools.mk").read_text().replace("\\\n", " ")
    names = re.search(r"(?m)^ALL_LANES \?= (.*)$", text)[1]
    for lane in (LANES[name] for name in names.split()):
        command = test_all.command_for(lane)
        assert lane.name in command and ("-k" in command) == bool(lane.part)


def test_output_and_last_line_are_kept(capfd):
    script = "print('one'); print('=== 3 passed ==='); print(); raise SystemExit(3)"
    status, last, _ = test_all.run([sys.executable, "-c", script])
    assert (status, last) == (3, "3 passed")
    assert "one" in capfd.readouterr().out
