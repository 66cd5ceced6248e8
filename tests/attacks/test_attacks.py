# SPDX-License-Identifier: BSD-2-Clause
"""The loop, closed: each attack runs with the defence off (it must succeed, or the other runs mean
nothing), detecting only, and on (it must come to nothing, and the VM beside it must not notice)."""

import re

import pytest
import results
import scenario
from harness.qemu import QemuMachine
from scenario import MODES, Run

DELAY_MS = 200
DELAY = f"delay_ms={DELAY_MS}"
STRIDE = 211
ZEROS = 64 << 20  # free memory of the test's machine, which nothing has written to

# Where there is no time for all: each attack with the defence off, and on.
OFF_AND_ON = [
    mode if mode == "detect" else pytest.param(mode, marks=pytest.mark.sample) for mode in MODES
]

A02 = f"attack=A02 stride={STRIDE} {DELAY}"
A16 = f"attack=A16 unfair=1 {DELAY}"
SPIN = 300  # turns of a loop between two calls
CARD = b"THE ATTACKER WROTE THIS"

# tests/guests/attack/a10.c: the tampers in the order of their bits.
TAMPERS = ("cpuid", "ports", "msrs", "port-map", "memory", "address-space")


def tampers(lane):
    """VT-x always exits at CPUID, and has no address space that is never valid."""
    intel = lane.vendor == "intel"
    return [name for name in TAMPERS if not (intel and name in ("cpuid", "address-space"))]


def gainful(lane):
    """Those by which something is gained; the others break the VM."""
    return {name for name in tampers(lane) if name != "address-space"}


def fields(*names):
    return sum(1 << TAMPERS.index(name) for name in names)


@pytest.fixture(scope="module")
def calm(lane, tmp_path_factory):
    """The same two VMs while nobody attacks: the measure for the others, and where things lie."""
    work = tmp_path_factory.mktemp("calm")
    machines = []

    def boot(cmdline, modules, elf, **options):
        iso = scenario.make_iso(work / "boot.iso", elf, cmdline, modules)
        machines.append(lane.start(iso, "attacks-calm", work, **options))
        return machines[0]

    run = Run(boot, f"attack=none {DELAY}", until=r"beat 60 tsc")
    if run.sees_memory:
        ram = run.ram()
        run.victim_at, run.attacker_at = scenario.find_victim(ram), scenario.find_attacker(ram)
    yield run
    for machine in machines:
        machine.stop()


# Under two hypervisors a byte for the serial line passes two kernels and a QEMU, and meanwhile
# nobody else runs there: measured 50 us for each byte of evidence and what the console says of it.
NESTED_BYTE_MS = 0.075


def told_ms(run):
    """How long the victim may wait while findings are told."""
    if not run.machine.lane.name.startswith("nested"):
        return 0
    return len(run.machine.evidence_path.read_bytes()) * NESTED_BYTE_MS


def liveness(run, calm):
    """What must be as if nobody had attacked. Without a monitor, memory cannot be looked at."""
    oracle = {
        "no beat lost": run.lost_beats() * scenario.PERIOD_MS <= told_ms(run),
        "p99 of beats within 3 times": run.p99_ms() <= max(3 * calm.p99_ms(), told_ms(run)),
        "victim sees its memory unchanged": "DIGEST CHANGED" not in run.log,
    }
    if run.sees_memory:
        oracle["victim memory unchanged"] = scenario.victim_unchanged(run.ram())
        oracle["VMM text and constants unchanged"] = run.vmm_unchanged()
    return oracle


def check(r, run, agent, succeeded):
    """What is expected of every record, whatever the attack."""
    assert r["attack_succeeded"] is succeeded, r
    assert r["collateral"] == 0, [f for f in run.findings() if f["vm"] != "attacker"]
    codes = {x["outcome"] for x in r["reactions"]}
    if r["mode"] == "off":
        assert not r["detected_by"] and not r["reactions"]
        return
    assert agent in r["detected_by"]
    assert codes == {"executed" if r["mode"] == "on" else "withheld"}, r["reactions"]
    if r["mode"] == "on":
        assert all(r["oracle"].values()), r["oracle"]


def executed(r):
    return {x["code"] for x in r["reactions"] if x["outcome"] == "executed"}


# --- nobody attacks ------------------------------------------------------------------------------


@pytest.mark.sample
def test_calm_machine_is_left_alone(calm):
    assert calm.findings() == []
    assert calm.lost_beats() == 0
    assert calm.p99_ms() < scenario.PERIOD_MS * 1.2
    assert "refused" not in calm.log
    if calm.sees_memory:
        assert scenario.victim_unchanged(calm.ram()) and calm.vmm_unchanged()
        assert calm.memory(ZEROS, 3 << 12) == bytes(3 << 12)
    assert calm.evidence_is_genuine()


# --- A02 -----------------------------------------------------------------------------------------


def swept_before(alert):
    """How many ports the attacker had touched, the alert's among them."""
    port, width = (int(arg, 0) for arg in alert["args"][:2])
    return port // STRIDE * 3 + {1: 1, 2: 2, 4: 3}[width]


def run_a02(boot, calm, lane, mode, without=(), placement="trusted"):
    own = scenario.IOAPIC_REST // 4 if placement == "confined" else 0
    run = Run(boot, A02, mode, vuln="ioapic", without=without, placement=placement)
    oracle = liveness(run, calm)
    leaked = run.attacker(r"A02 step ioapic leaked (\d+) written (\d+) denied (\d+)")
    oracle["attacker gained nothing"] = int(leaked[1]) == 0 and int(leaked[2]) <= own
    oracle["legal access works"] = run.attacker("A02 step legal access works") is not None
    succeeded = not oracle["attacker gained nothing"]
    if run.sees_memory:
        oracle["redzone clean"] = not scenario.ioapic_overrun(run.ram(), placement)
        succeeded = not oracle["redzone clean"]
    first = run.first_alert("absent-ports")
    exits = swept_before(first) if first else None
    return run, results.record(run, "A02", lane, mode, succeeded, oracle, exits, without)


@pytest.mark.parametrize("mode", OFF_AND_ON)
def test_a02_ports_and_index_out_of_range(boot, calm, lane, keep, mode):
    """With drivers in ring 0, where what they break is not theirs alone."""
    run, r = run_a02(boot, calm, lane, mode)
    keep(r)
    check(r, run, "range@L3", succeeded=mode != "on")
    if mode == "off":
        return
    assert {f["why"] for f in run.findings()} >= {"absent-ports", "index"}
    assert r["exits_to_detect"] <= 3 * 300
    if mode == "on":
        assert executed(r) == {"R01", "R02"}
        assert run.evidence_is_genuine()


def test_a02_without_its_agent(boot, calm, lane, keep):
    run, r = run_a02(boot, calm, lane, "on", without=("range",))
    keep(r)
    assert r["attack_succeeded"] and not r["detected_by"] and r["collateral"] == 0


ENDED = r"attacker/ioapic failed: data overrun"


@pytest.mark.sample
def test_a02_confined(boot, calm, lane, keep):
    run, r = run_a02(boot, calm, lane, "on", placement="confined")
    keep(r)
    check(r, run, "range@L3", succeeded=False)
    assert executed(r) == {"R01", "R02"}
    assert not re.search(ENDED, run.log)


def test_a02_confined_with_the_defence_off(boot, calm, lane, keep):
    """The driver runs over the end of its data, which is its own: nothing lies behind."""
    run, r = run_a02(boot, calm, lane, "off", placement="confined")
    keep(r)
    check(r, run, "range@L3", succeeded=False)
    assert len(re.findall(ENDED, run.log)) == 1
    wrong = [name for name, good in r["oracle"].items() if not good]
    assert wrong == ["legal access works"], "the driver is gone for good, and nothing else"


def test_a02_confined_without_its_agent(boot, calm, lane, keep):
    """The driver is rebooted under its guest, until it has failed too often."""
    run, r = run_a02(boot, calm, lane, "on", without=("range",), placement="confined")
    keep(r)
    assert not r["attack_succeeded"] and r["detected_by"] == ["fault@L1"] and r["collateral"] == 0
    assert executed(r) == {"R10"}
    wrong = [name for name, good in r["oracle"].items() if not good]
    assert wrong == ["legal access works"]
    assert run.evidence_is_genuine()


# --- A18 -----------------------------------------------------------------------------------------

A18 = f"attack=A18 victim=11 {DELAY}"


def run_a18(boot, calm, lane, mode, without=()):
    """The defence off: the port may send in any name."""
    port = "open" if mode == "off" else ""
    run = Run(
        boot,
        A18,
        mode,
        without=without,
        net="net lan office mac 52:54:00:00:00:0b",
        nets=f"net lan office mac 52:54:00:00:00:0a {port}\nnet ear office",
    )
    oracle = liveness(run, calm)
    sent, heard = map(int, run.attacker(r"A18 step sent (\d+) heard (\d+)").groups())
    oracle["nobody was deceived"] = heard == 0
    first = run.first_alert("mac")
    exits = 1 if first else None
    assert sent == 24
    return run, results.record(run, "A18", lane, mode, heard > 0, oracle, exits, without)


@pytest.mark.parametrize("mode", OFF_AND_ON)
def test_a18_frames_in_the_victims_name(boot, calm, lane, keep, mode):
    """What is reported is the attacker's port, whoever it says that it is."""
    run, r = run_a18(boot, calm, lane, mode)
    keep(r)
    check(r, run, "forgery@L2", succeeded=mode == "off")
    if mode == "on":
        assert executed(r) == {"R13"}
        assert run.evidence_is_genuine()


def test_a18_without_its_agent(boot, calm, lane, keep):
    """The switch drops the frames all the same."""
    run, r = run_a18(boot, calm, lane, "on", without=("forgery",))
    keep(r)
    assert not r["attack_succeeded"] and not r["detected_by"] and r["collateral"] == 0


# --- A19 -----------------------------------------------------------------------------------------

# The machine is a fiftieth of one that has a gigabit card: it cannot send more than 10 in a ms.
A19_LIMITS = "agent flood { frames 4 }"
TALK = r"talk sent (\d+) heard (\d+) answered (\d+)"
TALKERS = {"b": (11, 12), "c": (12, 11)}


def talkers(echo):
    return {
        name: f'cmdline "self={me} peer={peer} echo={echo}"; '
        f"net lan office mac 52:54:00:00:00:{me:02x}"
        for name, (me, peer) in TALKERS.items()
    }


def losses(run):
    """The part of what each of the two has sent that the other did not hear."""
    said = {name: next(iter(run.said(name, TALK)), None) for name in TALKERS}
    assert all(said.values()), run.log
    sent, heard = ({name: int(m[n]) for name, m in said.items()} for n in (1, 2))
    assert sent["b"] and sent["c"]
    return 1 - heard["c"] / sent["b"], 1 - heard["b"] / sent["c"]


def run_a19(boot, calm, lane, mode, flood="", port="", echo=0, without=()):
    run = Run(
        boot,
        f"attack=A19 {flood} {DELAY}",
        mode,
        without=without,
        nets=f"net lan office mac 52:54:00:00:00:0a {port}\nnet ear office",
        beside=talkers(echo),
        more=[] if "flood" in without else [A19_LIMITS],
    )
    oracle = liveness(run, calm)
    lost = max(losses(run))
    print(f"{mode}: lost {lost:.3f};", run.attacker(r"A19 step flood [^\r\n]*")[0])
    oracle["B and C lose less than 1% between them"] = lost < 0.01
    polite = run.attacker(r"A19 step polite frames heard (\d+) of (\d+)")
    oracle["attacker may send afterwards"] = polite[1] == polite[2]
    exits = 1 if run.first_alert() else None
    return run, results.record(run, "A19", lane, mode, lost >= 0.01, oracle, exits, without)


@pytest.mark.parametrize("mode", OFF_AND_ON)
def test_a19_flood_of_frames(boot, calm, lane, keep, mode):
    """To everybody, so that the others' buffers are full when their own frames come."""
    run, r = run_a19(boot, calm, lane, mode)
    keep(r)
    check(r, run, "flood@L2", succeeded=mode != "on")
    if mode == "on":
        assert "R02" in executed(r) and executed(r) <= {"R02", "R18"}
        assert run.evidence_is_genuine()


@pytest.mark.parametrize("flood", ["size=1514", "as=11"])
def test_a19_large_forged_and_reflected(boot, calm, lane, keep, flood):
    """Large frames; frames in B's name from a port that may send them; B and C answer each."""
    run, r = run_a19(boot, calm, lane, "on", flood, port="open", echo=1)
    keep(r)
    check(r, run, "flood@L2", succeeded=False)
    assert "R02" in executed(r) and executed(r) <= {"R02", "R18"}


def test_a19_without_its_agent(boot, calm, lane, keep):
    run, r = run_a19(boot, calm, lane, "on", without=("flood",))
    keep(r)
    assert r["attack_succeeded"] and not r["detected_by"] and r["collateral"] == 0


# --- A16 -----------------------------------------------------------------------------------------

FLOOD = r"A16 step flood of (\d+) calls tsc (\d+) to (\d+) from (\d+) ns"


def calls_before(run, alert):
    """How many calls went before the first that was held back; if none was, how many there were
    until the alert at most, as its time is known to a millisecond."""
    held = run.attacker(r"A16 step refused \d+ held \d+ first at call (\d+)")
    if int(held[1]):
        return int(held[1])
    calls, start, end, start_ns = map(int, run.attacker(FLOOD).groups())
    ms = alert["time_ms"] + 1 - start_ns / 1e6
    return round(calls * ms * run.tsc_hz / 1000 / (end - start))


def run_a16(boot, calm, lane, mode, without=()):
    # Long enough for every reaction to come; without any, starving the victim takes less.
    ms = 1000 if mode == "on" and not without else 400
    run = Run(boot, f"{A16} spin={SPIN} ms={ms}", mode, vuln="unfair", without=without)
    flood = run.attacker(FLOOD)
    share = run.share(int(flood[2]), int(flood[3]))
    oracle = liveness(run, calm)
    oracle["victim keeps 80% of its beats"] = share >= 0.8
    oracle["attacker goes on afterwards"] = "A16 step polite calls answered 8 of 8" in run.log
    first = run.first_alert("hypercall-rate")
    exits = calls_before(run, first) if first else None
    return run, results.record(run, "A16", lane, mode, share < 0.8, oracle, exits, without)


@pytest.mark.parametrize("mode", OFF_AND_ON)
def test_a16_flood_of_hypercalls(boot, calm, lane, keep, mode):
    run, r = run_a16(boot, calm, lane, mode)
    keep(r)
    check(r, run, "rate@L1", succeeded=mode != "on")
    if mode == "on":
        assert executed(r) == {"R02", "R16", "R18", "R22"}
        order = [f["reaction"] for f in run.findings() if f["layer"] == "VO"]
        assert order.index("R18") < order.index("R16"), "the lighter reaction comes first"
        assert run.evidence_is_genuine()


def test_a16_without_its_agent(boot, calm, lane, keep):
    run, r = run_a16(boot, calm, lane, "on", without=("rate",))
    keep(r)
    assert r["attack_succeeded"] and not r["detected_by"] and r["collateral"] == 0


# --- A10 -----------------------------------------------------------------------------------------


def attack_a10(calm, names):
    where = ""
    if calm.sees_memory:
        peek, poke = calm.image_at(), calm.victim_at
        where = f" zeros={ZEROS} base={calm.attacker_at} peek={peek} poke={poke}"
    return f"attack=A10 fields={fields(*names)}{where} {DELAY}"


Q35, I440FX = "29c08086", "12378086"
HOST_BRIDGES = {"tcg": Q35, "bochs": I440FX, "nested": Q35, "kvm": Q35}
HYPERVISORS = {"tcg": "TCGTCGTCGTCG", "bochs": "", "nested": "KVMKVMKVM", "kvm": "KVMKVMKVM"}


def truths(run):
    """Field -> what somebody sees who looks past the hypervisor."""
    kind = run.machine.lane.name.split("-")[0]
    bridge = HOST_BRIDGES[kind]
    image = scenario.readonly_bytes(run.elf)[:16]
    words = [int.from_bytes(image[n : n + 8], "little") for n in (0, 8)]
    return {
        "cpuid": HYPERVISORS.get(kind),
        "ports": bridge,
        "msrs": None,  # any: the register is not the guest's to read
        "port-map": bridge,
        "memory": "".join(f"{word:016x}" for word in words),
    }


def gained(run):
    """Fields that gave the attacker what only the machine itself has."""
    found = {}
    for m in run.said("attacker", r"ATTACK A10 step (\S+): gained, saw ?(\S*)"):
        truth = truths(run)[m[1]]
        found[m[1]] = truth is None or m[2] == truth
    assert all(found.values()), f"what was seen is not what is there: {found}"
    return set(found)


def run_a10(boot, calm, lane, mode, names, until=None, without=()):
    run = Run(boot, attack_a10(calm, names), mode, vuln="control", without=without, until=until)
    card = CARD in run.machine.evidence_path.read_bytes()
    oracle = liveness(run, calm)
    oracle["attacker gained nothing"] = not gained(run)
    oracle["evidence line not written by the attacker"] = not card
    oracle["attacker's VM was not broken"] = "vm attacker failed" not in run.log
    succeeded = not (oracle["attacker gained nothing"] and not card)
    succeeded |= not oracle["attacker's VM was not broken"]
    exits = 1 if run.first_alert() else None
    return run, results.record(run, "A10", lane, mode, succeeded, oracle, exits, without)



def last_words(lane):
    """On AMD-V the last tamper breaks the attacker's VM."""
    return None if lane.vendor == "intel" else r"vm attacker failed"


PAUSED = r"VO control critical vm=attacker [^\r\n]*verdict=done reaction=R16 n=\d+ why=(?!contain)"


@pytest.mark.parametrize("mode", OFF_AND_ON[:2])
def test_a10_control_structure(boot, calm, lane, keep, mode):
    """Every field that can be gained by is, and the last one breaks the attacker's own VM."""
    run, r = run_a10(boot, calm, lane, mode, tampers(lane), until=last_words(lane))
    keep(r)
    check(r, run, "control@L2", succeeded=True)
    assert gained(run) == gainful(lane)
    if run.sees_memory:
        assert not r["oracle"]["victim memory unchanged"], "the attacker wrote to it"
    if lane.machine is QemuMachine:  # Bochs's UART loses what is written faster than it sends
        assert not r["oracle"]["evidence line not written by the attacker"]


@pytest.mark.parametrize("half", [pytest.param(0, marks=pytest.mark.sample), 1])
def test_a10_is_repaired(boot, calm, lane, keep, half):
    names = tampers(lane)[half::2]
    run, r = run_a10(boot, calm, lane, "on", names)
    keep(r)
    check(r, run, "control@L2", succeeded=False)
    assert executed(r) == {"R07", "R16", "R22"}
    assert len(run.said("attacker", r"ATTACK A10 step \S+: nothing gained")) == len(names)
    assert "A10 outcome nothing gained" in run.log
    assert run.evidence_is_genuine()


def test_a10_repeated_is_paused_for_good(boot, calm, lane, keep):
    run, r = run_a10(boot, calm, lane, "on", tampers(lane), until=PAUSED)
    keep(r)
    check(r, run, "control@L2", succeeded=False)
    assert executed(r) == {"R07", "R16", "R22"}
    assert not run.attacker(r"A10 outcome")
    assert len(run.said("attacker", r"ATTACK A10 step \S+ tried")) == 4
    assert run.evidence_is_genuine()


def test_a10_without_its_agent(boot, calm, lane, keep):
    run, r = run_a10(boot, calm, lane, "on", tampers(lane), last_words(lane), ("control",))
    keep(r)
    assert r["attack_succeeded"] and not r["detected_by"] and r["collateral"] == 0
    assert gained(run) == gainful(lane)


# --- the release image ---------------------------------------------------------------------------


def test_release_image_has_no_planted_bug(boot, lane):
    planted = re.compile(r"planted|vuln|unfair|write_control|write_vmcs")
    assert planted.search(scenario.symbols(scenario.TEST_IMAGE))
    assert not planted.search(scenario.symbols(scenario.RELEASE))
    assert b"unfair" in scenario.loaded_bytes(scenario.TEST_IMAGE)
    assert b"unfair" not in scenario.loaded_bytes(scenario.RELEASE)
    name = tampers(lane)[0]
    run = Run(boot, f"attack=A10 fields={fields(name)}", "off", elf=scenario.RELEASE)
    assert run.attacker(rf"A10 step {name}: write refused -38"), run.log
    assert run.attacker("A10 outcome nothing gained")


@pytest.mark.parametrize("bug", ["control", "unfair", "ioapic"])
def test_release_image_refuses_to_plant(boot, bug):
    machine = boot(f"vuln={bug}", {"config": b""}, elf=scenario.RELEASE)
    machine.expect_text(f"vuln={bug}: this image has no such planted bug")
