# SPDX-License-Identifier: BSD-2-Clause
"""Drivers that die in the middle of what they do, again and again, under a guest that works on."""

import os
import re

import pytest
from harness.config import guest
from harness.machine import plain

RESTARTS = int(os.environ.get("RESTARTS", "100"))
EVERY_MS = 40  # how often each of them dies: 32 times in a second would be too often for R10
DRIVERS = 4  # a disk, two network devices, their switch
P99_US = 10_000
SECTORS = 512


def table(answer):
    """{name: (placement, state, restarts)} of what the command drivers shows."""
    rows = re.findall(r"(?m)^(\S+) +(confined|trusted) +(\w+) +\d+ +(\d+)", answer)
    return {name: (where, state, int(restarts)) for name, where, state, restarts in rows}


def test_restarts_under_load(boot_vms):
    """Each request is completed once and has the right data, of frames at most one is lost in a
    hundred restarts, and the delay is short; the VM beside it does not notice."""
    ms = 1500 + EVERY_MS * RESTARTS // DRIVERS
    load = guest("load", cmdline=f"ms={ms}", disk="d zeros rw", net=["a lan", "b lan"])
    load.modules["zeros"] = bytes(512 * SECTORS)
    machine = boot_vms(
        guest("heartbeat", "victim", memory="8M", cmdline="period_ms=100"),
        load,
        focus="kfv",
        options=f"exit vuln=deaths,1,{EVERY_MS}",
        image="kfv-test",
        deterministic=True,
        shift=3,
        ips=100_000_000,
    )
    machine.expect(r"LOAD us [^\r\n]*\n|LOAD stuck[^\r\n]*|KFV PANIC[^\r\n]*", 600)
    machine.expect(r"beat \d+ ")
    answer = machine.run("drivers")
    text = plain(machine.log_text())
    counts = dict(re.findall(r"(requests|wrong|frames|lost|twice) (\d+)", text))
    counts = {name: int(value) for name, value in counts.items()}
    found = table(answer)
    died = {name: row[2] for name, row in found.items() if row[2]}
    print(counts, died, re.search(r"LOAD us [^\r\n]*", text)[0])
    assert set(died) == {"load/blk1", "load/net2", "load/net3", "lan"}
    assert all(where == "confined" and state == "live" for where, state, _ in found.values())
    assert sum(died.values()) >= RESTARTS and min(died.values()) > RESTARTS // 8
    assert counts["wrong"] == 0 and counts["requests"] > 10 * RESTARTS
    assert counts["lost"] <= sum(died.values()) // 100 and counts["frames"] > 5 * RESTARTS
    p99 = re.search(r"LOAD us disk p99 (\d+) max \d+ net p99 (\d+)", text)
    assert max(int(p99[1]), int(p99[2])) <= P99_US
    assert "DIGEST CHANGED" not in text


@pytest.mark.sample
def test_operator_reboots_a_driver(boot_vms):
    """At its next call; the guest's line goes on as if nothing had been."""
    machine = boot_vms(guest("heartbeat", "victim", cmdline="period_ms=100"), focus="kfv")
    machine.expect("beat 2 ")
    assert table(machine.run("drivers victim"))["victim/uart"] == ("confined", "live", 0)
    assert "is rebooted when it is called next" in machine.run("drivers victim/uart reboot")
    machine.expect("victim/uart failed: ended by the operator")
    before = int(re.findall(r"beat (\d+) tsc", machine.log_text())[-1])
    machine.expect(f"beat {before + 3} tsc")
    assert table(machine.run("drivers"))["victim/uart"] == ("confined", "live", 1)
    assert "There is no driver victim/nothing" in machine.run("drivers victim/nothing reboot")
    numbers = [int(n) for n in re.findall(r"beat (\d+) tsc", plain(machine.log_text()))]
    assert numbers == list(range(1, len(numbers) + 1))
