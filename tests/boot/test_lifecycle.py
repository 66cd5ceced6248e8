# SPDX-License-Identifier: BSD-2-Clause
"""The life of VMs from the console, while others run: made, run, paused, reset, ended, destroyed,
remembered whole and brought back. Nothing of one is left for the next."""

import re

import pytest
from harness.config import config, guest, linux
from harness.demux import demux
from harness.machine import plain

CYCLES = 100
REBOOTS = 50
LINUX_SECONDS = 240
DIRTY = r"(\d+) words not zero"


class Console:
    """The prompt, while VMs write in between: what they say is taken apart first."""

    def __init__(self, machine, *vms):
        self.machine = machine
        self.vms = vms
        self.asked = 0
        machine.expect_text("kfv> ")

    def said(self, party):
        return plain(demux(self.machine.raw_log(), *self.vms)[party])

    def numbers(self, party, pattern):
        return [int(number) for number in re.findall(pattern, self.said(party))]

    def ask(self, line):
        """What is answered to a command. Another one, which there is not, marks the end."""
        self.asked += 1
        mark = f"that-was-{self.asked}"
        self.machine.send(f"{line}\r{mark}\r")
        pattern = rf"kfv> {re.escape(line)}\s*\n([\s\S]*)kfv> {mark}\s*\n"
        return self.until("kfv", pattern)[1]

    def until(self, party, pattern, times=1, seconds=60):
        """Waits until a party has said so; returns the last time."""
        deadline = self.machine.deadline(seconds)
        while len(found := list(re.finditer(pattern, self.said(party)))) < times:
            assert not deadline.over(), f"no {pattern!r} in {self.said(party)[-2000:]}"
            self.machine.drain(0.05)
        return found[-1]

    def memory_use(self):
        """{what: KiB} as `mem` shows it."""
        rows = re.findall(r"(?m)^(\S.*?|  of it used) +(\d+) KiB", self.ask("mem"))
        assert rows
        return {what: int(kib) for what, kib in rows}

    def state(self, name):
        return re.search(rf"(?m)^ *\d+ {name} +(\w+)", self.ask("vms"))[1]

    def counts(self):
        return self.numbers("counter", r"count (\d+) after")

    def until_count(self, least):
        deadline = self.machine.deadline(120)
        while max(self.counts(), default=0) < least:
            assert not deadline.over(), self.said("counter")[-2000:]
            self.machine.drain(0.2)


def scrub(name="victim", **settings):
    return guest("scrub", name=name, memory="8M", **settings)


def counter(**settings):
    return guest("counter", name="counter", **settings)


def test_every_frame_comes_back(boot_vms):
    """Made and destroyed, started in between or not, a hundred times beside a running VM."""
    machine = boot_vms(guest("heartbeat"), scrub(), focus="kfv")
    console = Console(machine, "heartbeat", "victim")
    console.until("heartbeat", "beat 2 ")  # stage 2 grows as memory is touched
    console.ask("vm victim destroy")
    before = console.memory_use()
    for cycle in range(CYCLES):
        assert "victim is ready" in console.ask("vm victim create")
        seen = len(console.numbers("victim", DIRTY))
        if cycle % 4 == 1:
            assert "victim is running" in console.ask("vm victim start")
        if cycle % 20 == 1:
            console.until("victim", DIRTY, seen + 1)
            assert "snapshot holds" in console.ask("vm victim snapshot")
        assert "victim is gone" in console.ask("vm victim destroy")
    assert console.memory_use() == before
    assert console.state("heartbeat") == "running"
    assert set(console.numbers("victim", DIRTY)) == {0}
    beats = console.numbers("heartbeat", r"beat (\d+)")
    assert beats == list(range(1, len(beats) + 1))


def test_a_guest_that_reboots_does_not_disturb_its_neighbour(boot_vms):
    rebooter = scrub("rebooter", cmdline="reboot=1", reboot="restart")
    machine = boot_vms(guest("heartbeat"), rebooter, focus="kfv")
    console = Console(machine, "heartbeat", "rebooter")
    console.until("kfv", r"vm rebooter: reboot asked for", REBOOTS)
    machine.drain(1)
    scrubbed = console.numbers("rebooter", DIRTY)
    assert len(scrubbed) >= REBOOTS and set(scrubbed) == {0}
    said = console.said("heartbeat")
    hz = int(re.search(r"tsc (\d+) Hz", said)[1])
    beats = [(int(n), int(tsc)) for n, tsc in re.findall(r"beat (\d+) tsc (\d+)", said)]
    assert [n for n, _ in beats] == list(range(1, len(beats) + 1)) and len(beats) > 10
    assert "DIGEST CHANGED" not in said
    seconds = (beats[-1][1] - beats[0][1]) / hz
    assert len(beats) * 0.1 == pytest.approx(seconds, rel=0.2, abs=0.5)


@pytest.mark.parametrize("paused", [False, True], ids=["running", "paused"])
def test_a_snapshot_brings_the_vm_back(boot_vms, paused):
    """All of it: memory, vector registers, timers. Its time goes on from the snapshot."""
    machine = boot_vms(guest("heartbeat"), counter(), focus="kfv")
    console = Console(machine, "heartbeat", "counter")
    console.until_count(5)
    if paused:
        console.ask("vm counter pause")
        console.machine.drain(0.3)  # for what it had said by then
    assert "snapshot holds 18 MiB" in console.ask("vm counter snapshot")
    taken = console.counts()[-1]
    assert console.state("counter") == ("paused" if paused else "running")
    console.ask("vm counter resume")
    console.until_count(taken + 40)
    assert "counter is running" in console.ask("vm counter restore")
    console.until("counter", rf"count {max(console.counts())} ", 2)
    counts = console.counts()
    back = next(i for i in range(1, len(counts)) if counts[i] <= counts[i - 1])
    assert counts[:back] == list(range(1, back + 1))
    assert counts[back:] == list(range(counts[back], counts[back] + len(counts) - back))
    assert counts[back] <= back - 30
    if paused:  # in the midst of a line, it may be
        assert counts[back] - taken in (1, 2)
    gaps = console.numbers("counter", r"count \d+ after (\d+) us")
    # Two seconds passed outside; a pause goes by inside as well, but what came after the snapshot.
    assert gaps[back] < (max(gaps[:back]) if paused else 1_000_000)
    assert "NOT WHOLE" not in console.said("counter")
    beats = console.numbers("heartbeat", r"beat (\d+)")
    assert beats == list(range(1, len(beats) + 1))


@pytest.mark.parametrize("vcpus", [2, 4])
def test_a_snapshot_holds_all_vcpus(boot_vms, vcpus):
    """They send each other interrupts while it is taken, twice, and go on from there together:
    none is left behind, and no two disagree about the time."""
    cmdline = f"vcpus={vcpus} churn=1"
    smp = guest("smp", name="smp", memory="8M", vcpus=vcpus, cmdline=cmdline)
    console = Console(boot_vms(smp, focus="kfv", smp=2), "smp")

    def churned():
        said = re.findall(rf"churn((?: \d+){{{vcpus}}})\n", console.said("smp"))
        return [[int(turns) for turns in line.split()] for line in said]

    def until_churned(times):
        deadline = console.machine.deadline(120)
        while len(churned()) < times:
            assert not deadline.over(), console.said("smp")[-2000:]
            console.machine.drain(0.1)

    def since_restored(start):
        """What was said since the turns went back, which is seen behind line `start`."""
        lines = churned()
        drops = [i for i in range(start, len(lines)) if lines[i][0] < lines[i - 1][0]]
        return lines[drops[0] :] if drops else []

    until_churned(2)
    for _ in range(2):
        taken = churned()  # the snapshot is later than its last line
        assert "snapshot holds 10 MiB" in console.ask("vm smp snapshot")
        until_churned(len(churned()) + 4)
        assert "smp is running" in console.ask("vm smp restore")
        deadline = console.machine.deadline(120)
        while len(since_restored(len(taken))) < 3:
            assert not deadline.over(), console.said("smp")[-2000:]
            console.machine.drain(0.1)
        after = since_restored(len(taken))
        for i in range(vcpus):
            assert taken[-1][i] < after[0][i] < after[1][i], (taken[-1], after)
    assert "TIME WENT BACK" not in console.said("smp")


def test_what_has_ended_comes_back(boot_vms, lane):
    """Registers that the hardware does not switch are part of it, and it ends again."""
    rounds = 5000 if lane.name.startswith("bochs") else 200  # some seconds
    one = guest("registers", name="one", cmdline=f"seed=1 rounds={rounds}")
    machine = boot_vms(one, focus="kfv")
    console = Console(machine, "one")
    ended = r"vm one: debug exit with value 0"
    assert "snapshot holds" in console.ask("vm one snapshot")
    for times in (1, 2):
        console.until("kfv", ended, times)
        assert console.state("one") == "stopped"
        assert "one is stopped: cannot snapshot" in console.ask("vm one snapshot")
        assert "one is running" in console.ask("vm one restore")
    console.ask("vm one stop")
    assert "one is running" in console.ask("vm one restore")
    console.until("kfv", ended, 3)
    assert f"REGISTERS ok {rounds}" in console.said("one") and ", not " not in console.said("one")


def test_linux_survives_its_snapshot(boot_vms):
    """Its beats go on where they were, at the same rate, and so does its clock."""
    machine = boot_vms(linux(cmdline="kfv.heartbeat"), focus="linux", memory_mb=1024)
    machine.expect_text("KFV guest ready", timeout=LINUX_SECONDS)
    machine.expect(r"beat (\d+) (\d+)", timeout=60)
    machine.drain(2)
    machine.send("\x1d0")
    console = Console(machine, "linux")
    assert "snapshot holds 258 MiB" in console.ask("vm linux snapshot")
    machine.drain(4)
    assert "linux is running" in console.ask("vm linux restore")
    machine.drain(6)
    beats = [(int(n), int(us)) for n, us in re.findall(r"beat (\d+) (\d+)", console.said("linux"))]
    back = next(i for i in range(1, len(beats)) if beats[i][0] <= beats[i - 1][0])
    before = next(us for n, us in beats if n == beats[back][0] - 1)
    assert beats[back - 1][0] - beats[back][0] >= 10
    assert 0 < beats[back][1] - before < 1_500_000
    after = beats[back:]
    assert [n for n, _ in after] == list(range(after[0][0], after[0][0] + len(after)))
    assert len(after) >= 8
    assert (after[-1][1] - after[0][1]) / 1e6 == pytest.approx((len(after) - 1) / 5, rel=0.1)


def test_pause_and_resume_of_a_halted_vm(boot_vms):
    """Its timers are looked after again, whichever CPU does that."""
    machine = boot_vms(counter(), guest("heartbeat"), focus="kfv", smp=2)
    console = Console(machine, "counter", "heartbeat")
    for _ in range(10):
        before = console.counts()
        console.ask("vm counter pause")
        assert "counter is running" in console.ask("vm counter resume")
        console.until_count(max(before, default=0) + 3)


def test_nonsense_is_answered(boot_vms):
    text, modules = config(guest("heartbeat", name="huge", memory="4G"), scrub("third"))
    wrong = b"vm x {\n\tmemory 7M\n}\n"
    vms = [scrub(), guest("heartbeat", memory="256M")]
    vms[0].modules |= {"more": text.encode(), "wrong": wrong, **modules}
    console = Console(boot_vms(*vms, focus="kfv", memory_mb=512), "victim", "heartbeat")
    console.until("heartbeat", "beat 2 ")  # stage 2 grows as memory is touched
    console.until("victim", DIRTY)
    before = console.memory_use()
    for line, answer in (
        ("vm nobody destroy", 'There is no VM "nobody"'),
        ("vm nobody snapshot", 'There is no VM "nobody"'),
        ("vm nobody create", "The module config describes no VM nobody."),
        ("vm victim create", "There is a VM victim already."),
        ("vm victim restore", "victim has no snapshot."),
        ("vm victim explode", "usage: vm NAME create"),
        ("vm victim", "usage: vm NAME create"),
        ("vm create nowhere", 'There is no boot module "nowhere".'),
        ("vm create wrong", "wrong:2:"),
        ("vm create more", "huge was not created: see the log."),
        ("vm create more", "There is a VM third already."),
        ("vm third destroy", "third is gone."),
        ("vm third create", "The module config describes no VM third."),
        ("vm third destroy", 'There is no VM "third"'),
        ("vm heartbeat snapshot", "There is no new snapshot: not enough memory, see the log."),
    ):
        assert answer in console.ask(line), line
    log = console.ask("log")
    assert re.search(r"vm huge \(line \d+\): not enough memory: needs 4096 MiB, \d+ MiB are", log)
    assert re.search(r"vm heartbeat: a snapshot needs 258 MiB, \d+ MiB are free", log)
    assert console.memory_use() == before
    assert console.state("heartbeat") == "running"


def test_a_vm_may_end_while_its_snapshot_is_taken(boot_vms):
    """Whichever comes first: the VM has ended then or is remembered, and can be destroyed."""
    quick = guest("counter", name="quick", memory="8M", cmdline="period_ms=5 counts=40")
    machine = boot_vms(guest("heartbeat"), quick, focus="kfv", smp=2)
    console = Console(machine, "heartbeat", "quick")
    console.until("heartbeat", "beat 2 ")
    console.until("quick", "count 2 ")
    before = console.memory_use()
    for _ in range(5):
        answer = ""
        while "stopped" not in answer and "has ended" not in answer:
            answer = console.ask("vm quick snapshot")
        assert console.state("quick") == "stopped"
        assert re.search("quick is running|no snapshot", console.ask("vm quick restore"))
        assert "quick is gone" in console.ask("vm quick destroy")
        assert "quick is ready" in console.ask("vm quick create")
        assert "quick is running" in console.ask("vm quick start")
    console.ask("vm quick stop")
    assert console.memory_use() == before
    assert "NOT WHOLE" not in console.said("quick")
