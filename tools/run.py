#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Starts a boot image on one of the test machines, with this terminal as its serial line.

Usage: tools/run.py [--machine NAME] [--memory MB] [--smp N] [--cpu MODEL] [--disk FILE]
                    IMAGE.iso
Ctrl-A x ends the machine, Ctrl-A Ctrl-A sends Ctrl-A.
"""

import argparse
import os
import pathlib
import select
import sys
import tempfile
import termios
import tty

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
from harness.bochs import GUEST_IPS
from harness.disks import disk_arguments
from harness.lanes import DEFAULT_LANE, LANES, LaneUnavailable
from harness.machine import MachineError

ESCAPE = b"\x01"  # Ctrl-A
QUIT = b"x"


class Keyboard:
    """Raw input while it lasts; the terminal is as before afterwards."""

    def __init__(self):
        self.fd = sys.stdin.fileno()
        self.saved = termios.tcgetattr(self.fd) if os.isatty(self.fd) else None

    def __enter__(self):
        if self.saved:
            tty.setraw(self.fd)
        return self

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, self.saved)


def typed(data, escaped):
    """What to pass on of typed bytes: (bytes, whether an escape is open, whether to quit)."""
    passed = b""
    for byte in (data[i : i + 1] for i in range(len(data))):
        if escaped and byte == QUIT:
            return passed, False, True
        if not escaped and byte == ESCAPE:
            escaped = True
            continue
        passed += byte
        escaped = False
    return passed, escaped, False


def read_line(line):
    try:
        return os.read(line, 65536)
    except ConnectionResetError:
        return b""


def converse(line, keyboard):
    """Copies both ways until the machine ends, or the person: returns whether it was the person.
    The end of the input ends nothing."""
    watched, escaped = [line, keyboard], False
    while True:
        ready, _, _ = select.select(watched, [], [])
        if line in ready:
            said = read_line(line)
            if not said:
                return False
            os.write(sys.stdout.fileno(), said)
        if keyboard in ready:
            data = os.read(keyboard, 4096)
            if not data:
                watched.remove(keyboard)
            passed, escaped, leave = typed(data, escaped)
            if leave:
                return True
            os.write(line, passed)


def run(lane, iso, wanted):
    with tempfile.TemporaryDirectory() as work:
        machine = lane.start(iso, "run", pathlib.Path(work), **wanted)
        print(f"{lane.name}: Ctrl-A x ends it", file=sys.stderr)
        try:
            with Keyboard() as keyboard:
                left = converse(machine.serial.child_fd, keyboard.fd)
            if not left:
                print(f"\nmachine: {machine.wait()}", file=sys.stderr)
        finally:
            machine.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machine", default=os.environ.get("MACHINE") or DEFAULT_LANE)
    parser.add_argument("--memory", type=int, default=1024, dest="memory_mb", metavar="MB")
    parser.add_argument("--smp", type=int, default=1, metavar="N")
    parser.add_argument("--cpu", metavar="MODEL")
    parser.add_argument("--disk", type=pathlib.Path, metavar="FILE", help="its IDE disk ide1")
    parser.add_argument("image", type=pathlib.Path)
    wanted = vars(parser.parse_args())
    name, iso = wanted.pop("machine"), wanted.pop("image").resolve()
    disk = wanted.pop("disk")
    if name not in LANES:
        parser.error(f"no machine {name!r}: one of {', '.join(LANES)}")
    if disk:
        wanted["extra"] = disk_arguments(LANES[name], disk.resolve())
    try:
        run(LANES[name], iso, dict(wanted, reboot=True, deterministic=False, ips=GUEST_IPS))
    except (LaneUnavailable, MachineError) as error:
        sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
