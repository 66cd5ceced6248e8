#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs `make test`, then the boot, guest and attack tests on every lane that is named. Each runs to
its end whatever became of the others, or is stopped when its time is over; at last a line for each
says how it went. A lane that this computer cannot run is named with the reason.

Usage: tools/test_all.py LANE...     (PYTEST_FLAGS as for make test; RESTARTS=1000)
"""

import os
import pathlib
import shlex
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from harness.lanes import LANES, LaneUnavailable

# Three times what the longest takes on two idle CPUs.
LIMIT_MINUTES = 180
TESTS = ("tests/boot", "tests/attacks")
FLAGS = shlex.split(os.environ.get("PYTEST_FLAGS", ""))


def command_for(lane):
    """What a lane is too slow for is left out there: see Lane.part."""
    part = ["-k", lane.part] if lane.part else []
    return [sys.executable, "-m", "pytest", "--machine", lane.name, *FLAGS, *part, *TESTS]


def run(command, limit_minutes=LIMIT_MINUTES):
    """(exit status, last line, minutes) of a command whose output is passed on as it comes. At its
    limit it is interrupted: pytest ends its machines and says how far it came."""
    start, last = time.monotonic(), ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    ) as process:
        limit = threading.Timer(limit_minutes * 60, os.killpg, (process.pid, signal.SIGINT))
        limit.start()
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                last = line.strip(" =\n") or last
        except BaseException:
            os.killpg(process.pid, signal.SIGINT)
            raise
        finally:
            limit.cancel()
    return process.returncode, last, (time.monotonic() - start) / 60


def missing(name):
    """Why this computer cannot run a lane, or None."""
    try:
        LANES[name].require()
    except LaneUnavailable as error:
        return str(error)
    return None


def main(names):
    os.environ.setdefault("RESTARTS", "1000")  # of drivers in a row, instead of 100
    absent = {name: why for name in names if (why := missing(name))}
    jobs = {"make test": ["make", "--no-print-directory", "test"]}
    jobs.update({name: command_for(LANES[name]) for name in names if name not in absent})
    results = {name: run(command) for name, command in jobs.items()}
    print()
    for name, (status, last, minutes) in results.items():
        print(f"{name:18} {'FAILED' if status else 'passed'} {minutes:5.1f} min  {last}")
    for name, why in absent.items():
        print(f"{name:18} not here         {why}")
    return int(any(status for status, _, _ in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
