# SPDX-License-Identifier: BSD-2-Clause
"""What SMP code must never do, tried in every order: spin goes through the whole state space of the
models, and objects to each variant from which a step was taken away."""

import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


def life(**on):
    names = ("EVENTS", "DEADLINES", "COMMANDS", "ENDS", "FREEZES", "SECOND")
    return [f"-D{name}={'true' if name.lower() in on else 'false'}" for name in names]


SOUND = {
    "flush-and-quiet": ("shootdown", ["-DCPUS=2", "-DCHANGES=2"]),
    "event": ("lifecycle", life(events=1, second=1)),
    "timer": ("lifecycle", life(deadlines=1)),
    "command": ("lifecycle", life(commands=1)),
    "reboot-and-freeze": ("lifecycle", life(ends=1, freezes=1, second=1)),
}
BROKEN = {
    "flush-without-poll": ("flush-and-quiet", "FLUSH_WITHOUT_POLL"),
    "lock-without-poll": ("flush-and-quiet", "LOCK_WITHOUT_POLL"),
    "loop-without-poll": ("flush-and-quiet", "QUIET_WITHOUT_POLL"),
    "answer-before-flush": ("flush-and-quiet", "ANSWER_FIRST"),
    "without-kick": ("flush-and-quiet", "WITHOUT_KICK"),
    "without-wait": ("flush-and-quiet", "WITHOUT_WAIT"),
    "halt-without-look": ("event", "NO_EVENT_CHECK"),
    "free-while-loaded": ("event", "LEFT_WHILE_LOADED"),
    "work-not-handed-back": ("command", "NO_HAND_BACK"),
    "restart-without-wait": ("reboot-and-freeze", "NO_QUIESCE"),
    "house-kept-once": ("reboot-and-freeze", "NO_AGAIN"),
    "half-clean-and-forgotten": ("reboot-and-freeze", "PIECE_FORGOTTEN"),
    "safe-but-for-reboots": ("reboot-and-freeze", "SAFE_BUT_REBOOTS"),
    "safe-before-the-last-turn": ("reboot-and-freeze", "SAFE_TOO_SOON"),
}


def explore(work, model, defines):
    subprocess.run(["spin", "-a", *defines, HERE / f"{model}.pml"], cwd=work, check=True)
    subprocess.run(["gcc", "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=work, check=True)
    pan = [work / "pan", "-m1000000", "-n"]
    done = subprocess.run(pan, cwd=work, capture_output=True, text=True, timeout=300)
    errors = re.search(r"errors: (\d+)", done.stdout)
    assert errors, done.stdout + done.stderr
    whole = "Search not completed" not in done.stdout and "too small" not in done.stdout
    return int(errors[1]), whole, done.stdout


@pytest.mark.parametrize("scenario", SOUND)
def test_model_holds(tmp_path, scenario):
    errors, whole, said = explore(tmp_path, *SOUND[scenario])
    assert errors == 0 and whole, said


@pytest.mark.parametrize("variant", BROKEN)
def test_broken_variant_is_found(tmp_path, variant):
    scenario, macro = BROKEN[variant]
    model, defines = SOUND[scenario]
    errors, _, said = explore(tmp_path, model, [*defines, f"-D{macro}"])
    assert errors, said
