#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs `make test`, then the boot, guest and attack tests on every lane that is named. Each runs to
its end whatever became of the others; at last a line for each says how it went.

Usage: tools/test_all.py LANE...     (PYTEST_FLAGS as for make test)
"""

import os
import pathlib
import shlex
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from harness.lanes import LANES

TESTS = ("tests/boot", "tests/attacks")
FLAGS = shlex.split(os.environ.get("PYTEST_FLAGS", ""))


def command_for(lane):
    """What a lane is too slow for is left out there: see Lane.part."""
    part = ["-k", lane.part] if lane.part else []
    return [sys.executable, "-m", "pytest", "--machine", lane.name, *FLAGS, *part, *TESTS]


def run(command):
    """(exit status, last line, minutes) of a command whose output is passed on as it comes."""
    start, last = time.monotonic(), ""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            last = line.strip(" =\n") or last
    return process.returncode, last, (time.monotonic() - start) / 60


def main(names):
    jobs = {"make test": ["make", "--no-print-directory", "test"]}
    jobs.update({name: command_for(LANES[name]) for name in names})
    results = {name: run(command) for name, command in jobs.items()}
    print()
    for name, (status, last, minutes) in results.items():
        print(f"{name:18} {'FAILED' if status else 'passed'} {minutes:5.1f} min  {last}")
    return int(any(status for status, _, _ in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
