# SPDX-License-Identifier: BSD-2-Clause
"""What is wrong with a lane's CPU, and what may fail because of it. The kernel of tests/faults is
asked, on the bare machine: nothing is excused because of a lane's name."""

import re

from harness.iso import make_iso
from harness.machine import End
from harness.tree import BUILD

NOT_HELD = re.compile(r"(?m)^not ok \d+ - (.*)$")
SEEN = re.compile(r"(?m)^FAULT: (.*?) \(")

INTERRUPTS_WAIT = "an interrupt that ends guests waits while the guest's IF is clear"

# Fault -> the tests of the hello guest that cannot hold with it.
EXCUSES = {
    "an intercepted #DB leaves DR6 as it was": {
        "machine_breakpoint_register",
        "machine_single_step",
    },
}


def cpu_faults(boot, work, lane):
    """The faults that this lane's CPU has."""
    kernel = BUILD / "guests/faults.elf"
    iso = make_iso(work / "faults.iso", kernel, command="multiboot")
    machine = boot(iso=iso, lane=lane)
    machine.expect(r"FAULTS \d+ of \d+")
    said = machine.log_text()
    machine.stop()
    return set(SEEN.findall(said))


def expect_hello_passed(machine, boot, work):
    """The hello guest's tests all held, but for those that this CPU's faults excuse. `boot` and
    `work`, an empty folder, are for the machine that is asked."""
    end = machine.wait(120)
    failed = set(NOT_HELD.findall(machine.log_text()))
    assert failed == (excused(failed, cpu_faults(boot, work, machine.lane)) if failed else set())
    assert end == End("exit", 1 if failed else 0)


def excused(failed, faults):
    """Those of the failed tests that a fault explains; says so."""
    found = set()
    for fault in faults:
        found |= failed & EXCUSES.get(fault, set())
    if found:
        print(f"not held, as the emulated CPU has a fault: {', '.join(sorted(found))}")
        print("\n".join(f"  fault: {fault}" for fault in sorted(faults)))
    return found
