# SPDX-License-Identifier: BSD-2-Clause
"""Many vCPUs on few CPUs and on many: starting, sharing, and what one may not do to another."""

import os
import re
import statistics

import pytest
from harness.bochs import BochsMachine
from harness.config import guest, linux
from harness.demux import demux
from harness.faults import INTERRUPTS_WAIT, cpu_faults
from harness.machine import End, plain
from harness.tree import BUILD
from test_boot import IMAGE_TEST_MODULES

SPINS, SPINS_OPEN, TICKS, COUNTS = 0, 6, 10, 11
GREED = {
    "masked": SPINS,  # with interrupts off
    "cpuid": 1,  # exits without end
    "port": 2,  # ... into the gate
    "naps": 3,  # sleeps 100 us at a time, to be woken ahead of others
    "self-ipi": 4,  # wakes itself before it sleeps
    "crowd": 9,  # on all of its vCPUs, as those that wait for a lock
}


def smp(name="smp", vcpus=1, cmdline="", **settings):
    return guest("smp", name, memory="32M", vcpus=vcpus, cmdline=f"vcpus={vcpus} {cmdline}",
                 **settings)


@pytest.fixture(scope="session")
def spinner(lane, tmp_path_factory):
    """What keeps a vCPU busy: interrupts are off, unless nothing but they would end its run. That
    is so where an emulated CPU has this fault and AMD-V, which knows no preemption timer."""
    work = tmp_path_factory.mktemp("faults")
    emulated = lane.machine is BochsMachine and lane.vendor == "amd"

    def boot(iso, lane):
        return lane.start(iso, "faults", work)

    waits = emulated and INTERRUPTS_WAIT in cpu_faults(boot, work, lane)
    return f"greed={SPINS_OPEN if waits else SPINS}"


def shares(machine):
    """What the console says each vCPU had of the CPUs: name -> milliseconds."""
    lines = re.findall(r"(?m)^(\S+/cpu\d+) +\d+ +\d+ +(\d+)", machine.run("sched"))
    return {name: int(ran) for name, ran in lines}


def until_runs(machine, vcpu):
    for _ in range(60):
        if shares(machine)[vcpu]:
            return
        machine.drain(1)
    raise AssertionError(machine.log_text())


def shares_over(machine, seconds):
    """The same for a stretch of time that begins now."""
    before = shares(machine)
    machine.drain(seconds)
    return {name: ran - before[name] for name, ran in shares(machine).items()}


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_smp_guest(boot_vms, cpus):
    """Four vCPUs on fewer CPUs and on as many: INIT, start-up, IPIs, NMIs, one time for all."""
    machine = boot_vms(smp(vcpus=4, cmdline="rounds=50"), options="exit=ended", smp=cpus)
    end = machine.wait(300)
    text = machine.log_text()
    assert re.findall(r"(?m)^.*not ok .*$", text) == []
    assert re.search(r"ok \d+ - smp_interrupts_go_there_and_back", text)
    assert end == End("exit", 0)


@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_stress(boot, cpus):
    """In the image: mapping, interrupts between CPUs and VMs' lives at random, on all CPUs; on
    QEMU these are threads, so that what they do coincides to the nanosecond."""
    options = f"exit test=stress stress={cpus + 1} rounds=400"
    elf = BUILD / "kfv-test.elf"
    machine = boot(options, IMAGE_TEST_MODULES, elf=elf, smp=cpus, threads=True)
    end = machine.wait(240)
    text = machine.log_text()
    assert re.search(rf"# stress: seed {cpus + 1}, 400 rounds on each of {cpus} CPUs", text)
    assert re.findall(r"(?m)^not ok .*$", text) == []
    assert end == End("exit", 0)


def test_cpus_are_counted(boot_vms):
    machine = boot_vms(guest("heartbeat"), focus="kfv", smp=2)
    machine.expect_text("kfv> ")
    answer = machine.run("cpus")
    assert len(re.findall(r"(?m)^ *[01] +\d+ +\d+%", answer)) == 2, answer


def test_cpus_can_be_limited(boot_vms):
    machine = boot_vms(guest("heartbeat"), focus="kfv", smp=2, options="exit cpus=1")
    machine.expect_text("kfv> ")
    answer = machine.run("cpus")
    assert len(re.findall(r"(?m)^ *\d+ +\d+ +\d+%", answer)) == 1, answer


@pytest.mark.parametrize("late, told", [(1, "1 came, 0"), (2, "2 came, 1"), (3, "2 came, 0")])
def test_a_cpu_that_wakes_too_late_stays_out(boot_vms, late, told):
    """Its start-up IPI arrives while the next one is being started, which it takes nothing from; or
    it comes so far as to answer, and is not waited for any more; or the INIT that it is sent has
    stopped it there."""
    machine = boot_vms(
        guest("heartbeat"), focus="kfv", smp=3, image="kfv-test", options=f"exit late={late}"
    )
    machine.expect_text("did not start within a second; it is left out")
    machine.expect(rf"late: {told} parked")
    machine.expect_text("kfv> ")
    machine.expect(r"beat 5 ")
    answer = machine.run("cpus")
    assert len(re.findall(r"(?m)^ *[01] +\d+ +\d+%", answer)) == 2, answer


@pytest.mark.parametrize("way", GREED)
def test_the_greedy_get_their_share(boot_vms, way, spinner):
    """Two VMs of one weight on one CPU: whatever the other does, each that spins gets its half."""
    vcpus = 4 if way == "crowd" else 1
    machine = boot_vms(
        smp("greedy", vcpus, spinner if way == "masked" else f"greed={GREED[way]}"),
        smp("other", vcpus, spinner),
        focus="kfv",
    )
    machine.expect_text("kfv> ")
    if way == "crowd":
        until_runs(machine, f"greedy/cpu{vcpus - 1}")
    machine.drain(3)
    had = shares_over(machine, 5)
    whole = sum(had.values())
    assert had["other/cpu0"] >= 0.45 * whole, had
    if way not in ("naps", "self-ipi"):  # the others do not want more than their half
        assert whole - had["other/cpu0"] >= 0.45 * whole, had


@pytest.mark.lanes("tcg-svm", "bochs-vmx", "bochs-svm")
def test_timers_are_their_own_vms_work(boot_vms):
    """Sixteen vCPUs whose timers are due every 50 us take no more of a neighbour's half than one
    vCPU that spins, by the neighbour's own count: time that it is charged for but has not had."""
    counts = []
    for greedy in (smp("greedy", 1, f"greed={SPINS_OPEN}"), smp("greedy", 16, f"greed={TICKS}")):
        machine = boot_vms(
            greedy, smp("other", 1, f"greed={COUNTS}"), focus="other", deterministic=True
        )
        machine.expect(r"(counted \d+\s+){16}")
        said = re.findall(r"counted (\d+)", machine.log_text())
        counts.append(statistics.median(map(int, said[8:])))
        machine.stop()
    assert counts[1] >= 0.9 * counts[0], counts


def test_weights_are_shares(boot_vms, spinner):
    machine = boot_vms(
        smp("heavy", cmdline=spinner, weight=300),
        smp("light", cmdline=spinner, weight=100),
        focus="kfv",
    )
    machine.expect_text("kfv> ")
    machine.drain(3)
    had = shares_over(machine, 5)
    assert 0.70 <= had["heavy/cpu0"] / sum(had.values()) <= 0.80, had


def test_a_cap_holds_though_nobody_else_wants(boot_vms, spinner):
    machine = boot_vms(smp("capped", cmdline=spinner, cap=30), focus="kfv")
    machine.expect_text("kfv> ")
    machine.drain(3)
    wanted = re.compile(r"(?m)^capped/cpu0 +\d+ +30 +(\d+) +(\d+)")
    ran, stolen = map(int, wanted.search(machine.run("sched")).groups())
    machine.drain(8)
    ran_then, stolen_then = map(int, wanted.search(machine.run("sched")).groups())
    ran, stolen = ran_then - ran, stolen_then - stolen
    assert 0.25 <= ran / (ran + stolen) <= 0.35, (ran, stolen)


def test_pinned_vms_stay_where_they_are(boot_vms, spinner):
    """Both on CPU 1 of two: they share it, and CPU 0 has no vCPU."""
    machine = boot_vms(
        smp("one", cmdline=spinner, cpus=1),
        smp("two", cmdline=spinner, cpus=1),
        focus="kfv",
        smp=2,
    )
    machine.expect_text("kfv> ")
    machine.drain(3)
    had = shares_over(machine, 5)
    assert 0.45 <= had["one/cpu0"] / sum(had.values()) <= 0.55, had
    assert re.search(r"(?m)^ *1 +\d+ +\d+% +(one|two)/cpu0", machine.run("cpus"))


def test_a_vm_alone_on_its_cpu_sets_no_pace(boot_vms, spinner):
    """On the other one, where two spin, a third VM that sleeps and wakes is not put off."""
    machine = boot_vms(
        smp("alone", cmdline=spinner, cpus=0),
        *(smp(name, cmdline=spinner, cpus=1) for name in ("one", "two")),
        guest("heartbeat", cpus=1),
        focus="kfv",
        smp=2,
    )
    machine.expect(r"beat 6[0-9] tsc \d+\s", timeout=90)
    said = plain(demux(machine.raw_log(), "alone", "one", "two", "heartbeat")["heartbeat"])
    hz = int(re.search(r"tsc (\d+) Hz", said)[1])
    at = {int(n): int(tsc) for n, tsc in re.findall(r"beat (\d+) tsc (\d+)\s", said)}
    assert at[59] - at[9] < 30 * hz  # five seconds are meant, on a computer that is not busy


@pytest.mark.lanes("bochs-vmx", "bochs-vmx-server", "bochs-vmx-client")
def test_a_loop_of_pauses_gives_way(boot_vms):
    """To the vCPU of its VM that it waits for, by an exit that the CPU makes of such a loop."""
    machine = boot_vms(smp("crowd", 2, f"greed={GREED['crowd']}"), focus="kfv")
    machine.expect_text("kfv> ")
    until_runs(machine, "crowd/cpu1")
    machine.drain(3)
    exits = re.search(r"(?m)^pause +(\d+) ", machine.run("exits"))
    assert exits and int(exits[1]) > 1000, machine.log_text()
    assert min(shares_over(machine, 3).values()) > 0


def test_a_vm_that_may_run_nowhere_is_refused(boot_vms):
    machine = boot_vms(smp("lost", cpus=9))
    machine.expect(r"vm lost \(line 1\): may run on none of the \d+ CPUs")


@pytest.mark.parametrize("vcpus", [2, 4])
def test_linux_with_many_vcpus(boot_vms, vcpus):
    machine = boot_vms(linux(vcpus=vcpus), focus="linux", smp=2)
    machine.expect_text("KFV guest ready", timeout=400)
    machine.expect_text("guest# ")
    machine.send("nproc; echo end\r")
    machine.expect(rf"\n{vcpus}\r[\s\S]*end", timeout=120)


def test_cpus_that_share_a_core(boot_vms):
    """Both emulated CPUs on one core: whoever holds a lock, or is next, often stands still."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        machine = boot_vms(linux(vcpus=2), focus="linux", smp=2)
    finally:
        os.sched_setaffinity(0, cores)
    machine.expect_text("guest# ", timeout=150)


def test_a_panic_stops_all_cpus(boot_vms):
    """The other CPU's guest does not go on behind the last line."""
    machine = boot_vms(guest("heartbeat", cpus=1), focus="kfv", smp=2, options="")
    machine.expect_text("kfv> ")
    machine.expect(r"beat 5 ")
    machine.send("panic yes\r")
    machine.expect(r"KFV PANIC[\s\S]*The machine is stopped")
    machine.drain(3)
    assert "beat" not in machine.log_text().partition("The machine is stopped")[2]


@pytest.mark.parametrize("victim", ["heartbeat", "stuck"])
def test_a_cpu_that_is_stuck_is_named(boot_vms, victim):
    """A planted bug keeps CPU 1 inside the hypervisor. Destroying a VM needs its answer, be it that
    it has nothing of another VM in its hands or that it has let go of its own."""
    machine = boot_vms(
        smp("stuck", cmdline="greed=5", cpus=1),
        guest("heartbeat", cpus=0),
        focus="kfv",
        smp=2,
        image="kfv-test",
        options="exit vuln=stuck",
    )
    machine.expect_text("kfv> ")
    machine.expect(r"beat 3 ")
    machine.send(f"vm {victim} destroy\r")
    machine.expect(r"KFV PANIC: CPU 1 does not answer CPU 0: it is at 0xffffffff8", timeout=120)
    assert machine.wait(60) in (End("exit", 0x7E), End("exit", 1))  # Bochs knows one failure


@pytest.mark.parametrize("greed, held", [(7, "kfv"), (8, "vm")])
def test_a_broken_order_of_locks_is_named(boot_vms, greed, held):
    """A planted bug takes a VM's lock after a later one, or after another VM's."""
    machine = boot_vms(
        smp(cmdline=f"greed={greed}"), image="kfv-test", options="exit vuln=order"
    )
    machine.expect(
        r"KFV PANIC: lock order: vm wanted at break_order\+0x[0-9a-f]+, "
        rf"while {held} is held since take_first\+0x[0-9a-f]+"
    )
    assert machine.wait(60) in (End("exit", 0x7E), End("exit", 1))
