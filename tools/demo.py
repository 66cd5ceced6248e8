#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Shows one attack twice, with the defence off and on: what the two VMs and the hypervisor say on
the machine's serial line, and what came of it.

Usage: tools/demo.py [--machine NAME] [--attack A02|A10|A16]
"""

import argparse
import os
import pathlib
import re
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/attacks")]
import scenario
from harness.lanes import DEFAULT_LANE, LANES, LaneUnavailable
from harness.machine import MachineError, plain

DELAY = "delay_ms=200"
# Title, the attacker's command line, the bug planted for it, what the attacker says on success.
ATTACKS = {
    "A02": (
        "a VM feels its way through all ports, then reaches past the end of an I/O APIC register",
        f"attack=A02 stride=211 {DELAY}",
        "ioapic",
        r"A02 step ioapic leaked \d+ written [1-9]",
    ),
    "A10": (
        "a VM that can write to its own control structure makes itself a way into the machine",
        f"attack=A10 fields=6 {DELAY}",
        "control",
        r"A10 step \S+: gained",
    ),
    "A16": (
        "a VM floods the hypervisor with calls, so that its neighbour gets no time",
        f"attack=A16 spin=300 unfair=1 {DELAY} ms=400",
        "unfair",
        r"A16 step refused 0 held 0 ",
    ),
}
SHOWN = re.compile(r"\[attacker\] ATTACK|KFV \d+ \d+ (?!L0)|vm \w+ failed")
NOISE = re.compile(r"^(kfv> )?(\[kfv\] )?| mac=\w+$")


def show(run):
    """Beats are counted; what else the machine said since the attacker began is shown."""
    lines = plain(run.log).splitlines()
    for line in filter(SHOWN.search, lines):
        print("   ", NOISE.sub("", line))
    beats = len(run.beats())
    print(f"    ({beats} beats of the victim, {run.lost_beats()} lost, p99 {run.p99_ms():.1f} ms)")


def play(lane, attack, mode, work):
    title, cmdline, bug, success = ATTACKS[attack]
    machines = []

    def boot(options, modules, elf, **wanted):
        iso = scenario.make_iso(work / "boot.iso", elf, options, modules)
        machines.append(lane.start(iso, f"demo-{mode}", work, **wanted))
        return machines[0]

    print(f"\n{attack}, defence {mode}: {title}.\n", flush=True)
    try:
        run = scenario.Run(boot, cmdline, mode, vuln=bug)
        show(run)
        gained = bool(run.attacker(success))
        genuine = run.evidence_is_genuine()
    finally:
        for machine in machines:
            machine.stop()
    print(f"\n    the attack {'SUCCEEDED' if gained else 'came to nothing'};"
          f" chain of evidence {'verified' if genuine else 'BROKEN'}", flush=True)
    return gained


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--machine", default=os.environ.get("MACHINE") or DEFAULT_LANE)
    parser.add_argument("--attack", choices=ATTACKS, default="A10")
    wanted = parser.parse_args()
    if wanted.machine not in LANES:
        parser.error(f"no machine {wanted.machine!r}: one of {', '.join(LANES)}")
    lane = LANES[wanted.machine]
    try:
        with tempfile.TemporaryDirectory() as work:
            outcomes = [
                play(lane, wanted.attack, mode, pathlib.Path(work)) for mode in ("off", "on")
            ]
    except (LaneUnavailable, MachineError) as error:
        sys.exit(f"{lane.name}: {error}")
    if outcomes != [True, False]:
        sys.exit("demo: the attack should succeed without the defence, and come to nothing with it")


if __name__ == "__main__":
    main()
