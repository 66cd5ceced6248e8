# SPDX-License-Identifier: BSD-2-Clause
"""What SMP code must never do, tried in every order: spin goes through the whole state space of the
models, and objects to each variant from which a step was taken away."""

import pathlib
import re
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


def life(**on):
    names = ("EVENTS", "DEADLINES", "COMMANDS", "ENDS", "SECOND")
    return [f"-D{name}={'true' if name.lower() in on else 'false'}" for name in names]


SOUND = {
    "flush-and-quiet": ("shootdown", ["-DCPUS=2", "-DCHANGES=2"]),
    "event": ("lifecycle", life(events=1)),
    "reboot": ("lifecycle", life(ends=1)),
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
    "restart-without-wait": ("reboot", "NO_QUIESCE"),
    "house-kept-once": ("reboot", "NO_AGAIN"),
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
