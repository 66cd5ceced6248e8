#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The campaign of random faults: one bit of a confined driver's data, stack or text changes in the
middle of what it does, again and again, beside a VM that must not notice.

Usage: tests/campaign/campaign.py [--machine NAME] [--count N] [--seed S] [--first N] [--resume]

N is how many faults; what a driver did not come to is none, and is counted beside them.
The same seed and number are the same fault on the same image and lane. A crash or a hang of the
hypervisor itself is counted, its serial log kept by seed and number, and the campaign goes on
behind it; --resume goes on where the last one with this lane and seed stopped, until there are N.
Ends with 1 unless there was neither, every driver that failed came back, and the victim's memory
stayed as it was.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.config import config, guest
from harness.iso import make_iso
from harness.lanes import DEFAULT_LANE, LANES, LaneUnavailable
from harness.machine import MachineError
from harness.tree import BUILD

RESULTS = BUILD / "results/faults.json"
IMAGE = BUILD / "kfv-test.elf"
CHUNK = 1000  # faults for each boot
REPORTS = 100  # tests/image/campaign.c says how it stands after so many
IPS = 20_000_000  # of Bochs: a driver's budget is so much of its time
SILENCE = 120  # seconds: longer than so many rounds take
CLASSES = ("crash", "hang", "wrong", "nothing")  # of those that were reached
KINDS = ("data", "stack", "text")
COUNTS = ("injected", *CLASSES, "not_reached", "recovered", "unprovoked", *KINDS)
LINE = re.compile(r"CAMPAIGN next (\d+) (" + r" \d+ ".join(COUNTS) + r" \d+)\s")  # a whole one
# A driver may do to its own VM what it likes, ask for a reboot for example: then it begins anew.
END = re.compile(r"CHORES done|vm chores(?:: (?!halted)| failed)[^\r\n]*|KFV PANIC[^\r\n]*")
BEAT = re.compile(r"beat \d+ ")


def count(line):
    """The words and numbers of a line of the image's, and the number of the fault that is next."""
    words = line[2].split()
    return int(line[1]), dict(zip(words[::2], map(int, words[1::2])))


def empty():
    return dict.fromkeys((*COUNTS, "vmm_crashes", "vmm_hangs", "victim_changed", "vm_ended"), 0)


def add(total, part):
    for name, value in part.items():
        total[name] += value


def vms():
    """What a mutated driver may do to its own VM is that VM's affair; the victim's drivers are
    confined like its neighbour's."""
    devices = "uart pic pit rtc ioapic pci pmtimer kbc"
    return config(
        guest("heartbeat", "victim", memory="8M", cmdline="period_ms=100", confined="all"),
        guest("chores", cmdline="rounds=0", devices=devices, confined="all"),
        focus="kfv",
    )


def chunk(boot, seed, first, number):
    """One boot: returns what it counted, and the number of the fault to go on with."""
    text, modules = vms()
    machine = boot(
        f"exit vuln=campaign,{seed},{first},{number}", {"config": text.encode(), **modules}, IMAGE
    )
    at, found, done = first, {}, False
    total = empty()
    while not done:
        try:
            machine.expect([LINE.pattern, END.pattern], SILENCE)
        except MachineError:
            total["vmm_hangs"] += 1
            break
        match = machine.serial.match
        done = match[0].startswith(("CHORES", "vm chores"))
        if match[0].startswith("vm chores"):
            total["vm_ended"] += 1
            at = min(at + REPORTS, first + number)
            print(f"{at}: {match[0]}", file=sys.stderr)
        if match[0].startswith("KFV PANIC"):
            total["vmm_crashes"] += 1
            break
        if not done:
            at, found = count(match)
    add(total, found)
    if not done:
        shutil.copy(machine.log_path, machine.log_path.with_suffix(f".{seed}.{at}.log"))
        return total, min(at + REPORTS, first + number)
    try:
        machine.expect(BEAT.pattern, SILENCE)
    except MachineError:
        total["vmm_hangs"] += 1
    total["victim_changed"] += "DIGEST CHANGED" in machine.log_text()
    return total, at


def run(boot, seed, first, number, said=lambda at, total: None):
    """As many boots as it takes for so many faults; rounds that none was reached in do not count,
    and there may be no more than twice as many rounds."""
    total, at = empty(), first
    while total["injected"] < number and at < first + 2 * number:
        part, at = chunk(boot, seed, at, min(CHUNK, number - total["injected"]))
        add(total, part)
        said(at, total)
    return total


def faults_of(total):
    """What must not be, in words."""
    failed = total["crash"] + total["hang"]
    wrong = [f"{total[name]} {name}" for name in ("vmm_crashes", "vmm_hangs", "victim_changed")
             if total[name]]
    if total["recovered"] < failed:
        wrong.append(f"{failed - total['recovered']} failed drivers did not come back")
    if total["unprovoked"]:
        wrong.append(f"{total['unprovoked']} rounds went wrong without a fault")
    if not total["injected"]:
        wrong.append("nothing was injected")
    return wrong


def save(lane, seed, at, total):
    """Other lanes' and seeds' results stay; the sums of all are beside them."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    runs = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else {}
    runs[f"{lane} seed {seed}"] = {"next": at, **total}
    sums = empty()
    for each in runs.values():
        add(sums, {name: value for name, value in each.items() if name in sums})
    RESULTS.write_text(json.dumps({**sums, "runs": runs}, indent=1) + "\n")


def saved(lane, seed):
    """(next fault, counts so far) of a campaign that was begun."""
    runs = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() else {}
    found = runs.get(f"{lane} seed {seed}", {})
    return found.get("next", 0), {name: found.get(name, 0) for name in empty()}


def table(lane, total):
    where = ", ".join(f"{total[kind]} in {kind}" for kind in KINDS)
    lines = [f"faults, {lane}: {total['injected']} of one bit each ({where})"]
    for name in CLASSES:
        share = 100 * total[name] / max(1, total["injected"])
        lines.append(f"  {name:8} {total[name]:7} {share:5.1f}%")
    lines.append(f"  and {total['not_reached']} rounds whose fault was not reached")
    lines.append(f"  recovered {total['recovered']}; hypervisor: {total['vmm_crashes']} crashes, "
                 f"{total['vmm_hangs']} hangs; victim changed: {total['victim_changed']}; "
                 f"VMs ended by their own drivers: {total['vm_ended']}")
    return "\n".join(lines)


def starter(lane, work, machines):
    """boot(cmdline, modules, elf) as tests have it; the machine before is stopped."""
    def boot(cmdline, modules, elf):
        while machines:
            machines.pop().stop()
        iso = make_iso(work / "boot.iso", elf, cmdline, modules)
        machines.append(lane.start(iso, "campaign", work, ips=IPS))
        return machines[0]

    return boot


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--machine", default=os.environ.get("MACHINE") or DEFAULT_LANE)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--resume", action="store_true")
    wanted = parser.parse_args()
    if wanted.machine not in LANES:
        parser.error(f"no machine {wanted.machine!r}: one of {', '.join(LANES)}")
    lane, machines = LANES[wanted.machine], []
    first, before = saved(lane.name, wanted.seed) if wanted.resume else (wanted.first, empty())

    def said(at, total):
        so_far = dict(before)
        add(so_far, total)
        save(lane.name, wanted.seed, at, so_far)
        print(f"{at}: {total['injected']} injected, {total['recovered']} of "
              f"{total['crash'] + total['hang']} failures recovered", file=sys.stderr)

    try:
        with tempfile.TemporaryDirectory() as work:
            boot = starter(lane, pathlib.Path(work), machines)
            total = run(boot, wanted.seed, first, wanted.count - before["injected"], said)
    except (LaneUnavailable, MachineError) as error:
        sys.exit(f"{lane.name}: {error}")
    finally:
        for machine in machines:
            machine.stop()
    add(total, before)
    print(table(lane.name, total))
    wrong = faults_of(total)
    if wrong:
        sys.exit("faults: " + ", ".join(wrong))


if __name__ == "__main__":
    main()
