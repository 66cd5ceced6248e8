# SPDX-License-Identifier: BSD-2-Clause
"""make demo: an attack that succeeds without the defence and comes to nothing with it."""

import subprocess
import sys

from harness.tree import ROOT


def test_demo_shows_both():
    command = [sys.executable, ROOT / "tools/demo.py", "--machine", "tcg-svm", "--attack", "A10"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    off, on = done.stdout.split("A10, defence on")
    assert "step ports: gained" in off and "the attack SUCCEEDED" in off and "reaction=" not in off
    assert "gained, saw 2" not in on and "the attack came to nothing" in on
    assert "reaction=R07" in on and on.count("evidence verified") == 1


def test_demo_refuses_an_unknown_machine():
    command = [sys.executable, ROOT / "tools/demo.py", "--machine", "toaster"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "one of tcg-svm" in done.stderr
