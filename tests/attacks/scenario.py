# SPDX-License-Identifier: BSD-2-Clause
"""One run of one attack: a victim and an attacker side by side, and what is known of it afterwards.

What the hypervisor says of itself is in Run.evidence; what the verdicts rest on is seen from
outside: the machine's memory through the emulator's monitor, and the victim's own beats."""

import dataclasses
import hashlib
import re
import subprocess
import sys

from harness.iso import make_iso  # noqa: F401
from harness.machine import MachineError
from harness.tree import BUILD, ROOT

MODES = ("off", "detect", "on")
LAYERS = ("L1", "L2", "L3", "VO")
FIELDS = {"time_ms", "layer", "agent", "severity", "vm", "args", "verdict", "reaction", "n", "why"}
RELEASE = BUILD / "kfv.elf"
TEST_IMAGE = BUILD / "kfv-test.elf"
SECRET = "tests-of-the-attacks"
PERIOD_MS = 20
MEMORY_MB = 128
SHIFT = 3  # 8 ns for each instruction: firmware and GRUB wait for time to pass
IPS = 125_000_000  # Bochs's word for that; with fewer, copying a VM lasts longer than a beat
BLOCK = 2 << 20
PATIENCE_S = 120
POISON = 0xDEADBEEF.to_bytes(4, "little")  # what attackers write
IOAPIC_REST = 8  # bytes that the driver keeps behind the redirection table

CONFIG = """\
vm victim {{ memory 8M; kernel heartbeat; cmdline "period_ms={period}"; reboot stop; {placed}
{net} }}
vm attacker {{ memory 8M; kernel attack; cmdline "{attack}"; reboot stop; {placed}
{nets} }}
{beside}
console {{ focus kfv }}
{policy}
"""

VM = "vm {} {{ memory 8M; kernel talk; reboot stop; {} }}"


def default_policy():
    """The statements of the built-in policy, from its source."""
    text = (ROOT / "drivers/config/default.c").read_text()
    block = re.search(r"policy_default\[\] =\n(.*?);\n", text, re.S)[1]
    lines = [line.strip().strip('"')[: -len("\\n")] for line in block.splitlines()]
    return [line.replace("\\t", "").strip() for line in lines[1:-1]]


def policy(mode, without=(), more=()):
    """The built-in policy in this mode; `without` names agents that it is to do without."""
    kept = [line for line in default_policy() if not line.startswith(("mode", "version"))]
    for agent in without:
        kept = [line for line in kept if not re.search(rf"\b{agent}\b", line)]
    return "\n".join(["policy default {", "version 0", f"mode {mode}", *more, *kept, "}"])


@dataclasses.dataclass
class Beat:
    number: int
    tsc: int


class Run:
    """`until` is what the attacker or the hypervisor says last; `beats_after` beats follow it.
    `placement` is that of both VMs' drivers; `net` and `nets` the network devices of either;
    `beside` other VMs, which talk to each other: name -> statements."""

    _ram = None

    def __init__(self, boot, attack, mode="on", vuln=None, without=(), until=None, **options):
        beside = options.pop("beside", {})
        self.placement = options.pop("placement", "confined")
        text = CONFIG.format(
            period=PERIOD_MS,
            attack=attack,
            policy=policy(mode, without, options.pop("more", ())),
            net=options.pop("net", ""),
            nets=options.pop("nets", ""),
            beside="\n".join(map(VM.format, *zip(*beside.items()))) if beside else "",
            placed="confined all" if self.placement == "confined" else "confined none",
        )
        bug = f" vuln={vuln}" if vuln else ""
        self.elf = options.pop("elf", TEST_IMAGE)
        self.machine = boot(
            f"exit evidence={SECRET}{bug}",
            {
                "config": text.encode(),
                "heartbeat": BUILD / "guests/heartbeat.elf",
                "attack": BUILD / "guests/attack.elf",
                "talk": BUILD / "guests/talk.elf",
            },
            elf=self.elf,
            memory_mb=MEMORY_MB,
            deterministic=True,
            shift=SHIFT,
            ips=IPS,
            **options,
        )
        self._wait(until or r"ATTACK \w+ outcome [^\r\n]*")

    def _wait(self, until, beats_after=10):
        self.machine.expect(until, PATIENCE_S)
        self.machine.expect(r"beat (\d+) ")
        last = int(self.machine.serial.match[1])
        self.machine.expect_text(f"beat {last + beats_after} tsc")
        self.machine.freeze()
        self.log = self.machine.log_text()
        self.evidence = self.machine.evidence(damaged=True)

    @property
    def sees_memory(self):
        return hasattr(self.machine, "memory")

    # --- what the guests said ------------------------------------------------------------------

    def said(self, vm, pattern):
        """The matches in what a VM printed."""
        return list(re.finditer(rf"\[{vm}\] {pattern}", self.log))

    def attacker(self, pattern):
        """The first match in what the attacker printed, or None."""
        return next(iter(self.said("attacker", "ATTACK " + pattern)), None)

    @property
    def tsc_hz(self):
        return float(re.search(r"TSC (\d+\.\d+) MHz", self.log)[1]) * 1e6

    def beats(self):
        return [Beat(int(m[1]), int(m[2])) for m in self.said("victim", r"beat (\d+) tsc (\d+)\n")]

    def gaps_ms(self):
        beats = self.beats()
        return [(b.tsc - a.tsc) * 1000 / self.tsc_hz for a, b in zip(beats, beats[1:])]

    def p99_ms(self):
        gaps = sorted(self.gaps_ms())
        return gaps[(len(gaps) * 99 - 1) // 100]

    def lost_beats(self):
        """How many more there should have been between the first and the last. One that is late
        is not lost: the next one comes when it always would have."""
        gaps = sorted(self.gaps_ms())
        return max(0, round(sum(gaps) / gaps[len(gaps) // 2]) - len(gaps))

    def share(self, start, end):
        """The part of its beats that the victim had between two counts of the TSC."""
        had = sum(start <= beat.tsc < end for beat in self.beats())
        return had / ((end - start) * 1000 / self.tsc_hz / PERIOD_MS)

    # --- what the hypervisor said --------------------------------------------------------------

    def findings(self):
        """Evidence of detection and reaction; what the framework says of itself is left out, and
        so are lines into which the attacker wrote."""
        return [e for e in self.evidence if FIELDS <= e.keys() and e["layer"] in LAYERS]

    def first_alert(self, why=None):
        for line in self.findings():
            if line["severity"] in ("warning", "alert", "critical") and why in (None, line["why"]):
                return line
        return None

    def evidence_is_genuine(self):
        tool = [sys.executable, ROOT / "tools/kfv-verify.py", "--key", SECRET]
        command = [*tool, self.machine.evidence_path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    # --- what lies in memory -------------------------------------------------------------------

    def memory(self, address, length):
        return self.machine.memory(address, length)

    def ram(self):
        if self._ram is None:
            self._ram = self.memory(0, MEMORY_MB << 20)
        return self._ram

    def image_at(self):
        return int(re.search(r"image +at ([0-9a-f]+):", self.log)[1], 16)

    def vmm_unchanged(self):
        """Text and constants in memory are what the image's file has, by SHA-256. Only the way
        into long mode differs, as it knows where it was loaded, and what wakes a planted bug."""
        wanted = readonly_bytes(self.elf)
        found = self.memory(self.image_at(), len(wanted))
        start = symbol(self.elf, "image_start")
        first, last = (symbol(self.elf, f"crossing_{end}") - start for end in ("gdtr", "target"))
        parts = [(first, last + 8)]
        if self.elf == TEST_IMAGE:
            bug = symbol(self.elf, "planted_ioapic") - start
            parts.append((bug, bug + 1))
        return digest_without(wanted, parts) == digest_without(found, parts)


def digest_without(data, parts):
    kept, at = hashlib.sha256(), 0
    for first, end in sorted(parts):
        kept.update(data[at:first])
        at = end
    kept.update(data[at:])
    return kept.hexdigest()


def readonly_bytes(elf):
    return loaded_bytes(elf, writable=False)


def loaded_bytes(elf, writable=True):
    """The bytes of an ELF64 file's segments in a row, with or without those that are writable."""
    data, found = elf.read_bytes(), b""
    at = int.from_bytes(data[0x20:0x28], "little")
    size, count = (int.from_bytes(data[n : n + 2], "little") for n in (0x36, 0x38))
    for header in (data[at + i * size : at + (i + 1) * size] for i in range(count)):
        kind, flags = (int.from_bytes(header[n : n + 4], "little") for n in (0, 4))
        offset, file_size = (int.from_bytes(header[n : n + 8], "little") for n in (8, 0x20))
        if kind == 1 and (writable or not flags & 2):
            found += data[offset : offset + file_size]
    return found


def victim_pattern():
    """What the victim fills its memory with (tests/guests/heartbeat.c)."""
    x, mask, words = 0x9E3779B97F4A7C15, (1 << 64) - 1, []
    for _ in range(65536 // 8):
        x ^= x << 13 & mask
        x ^= x >> 7
        x ^= x << 17 & mask
        words.append(x.to_bytes(8, "little"))
    return b"".join(words)


def find_victim(ram):
    """Where the victim's 64 KiB lie, found by a part of them that no attack here aims at."""
    pattern = victim_pattern()
    at = ram.find(pattern[4096:8192])
    if at < 0 or ram.find(pattern[4096:8192], at + 1) >= 0:
        raise MachineError("the victim's memory was not found, or more than once")
    return at - 4096


def victim_unchanged(ram):
    at = find_victim(ram)
    return ram[at : at + 65536] == victim_pattern()


def symbols(elf):
    return subprocess.run(["nm", elf], capture_output=True, text=True, check=True).stdout


def symbol(elf, name):
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", symbols(elf), re.M)[1], 16)


def find_attacker(ram):
    """Where the attacker's memory begins. Its kernel also lies elsewhere, as a boot module."""
    text, at = b"KFV test guest: the attacker is here", -1
    offset = symbol(BUILD / "guests/attack.elf.64", "landmark")
    while (at := ram.find(text, at + 1)) >= 0:
        if at >= offset and (at - offset) % BLOCK == 0:
            return at - offset
    raise MachineError("the attacker's memory was not found")


def ioapic_overrun(ram, placement):
    """How many words of the attacker's lie behind its I/O APIC, in whose driver's table its marks
    are, up to the end of the page: there are its other drivers' data, or nothing. Where it is
    confined the page is there once more, for a microreboot, and after one has no marks."""
    marks = [(0xC0 + pin) << 56 | 0x10000 | (0x30 + pin) for pin in range(24)]
    table = b"".join(mark.to_bytes(8, "little") for mark in marks)
    ends = [m.end() + IOAPIC_REST for m in re.finditer(re.escape(table), ram)]
    if placement == "trusted" and len(ends) != 1:
        raise MachineError(f"the attacker's redirection table was found {len(ends)} times")
    return sum(ram[end : (end - 1 | 0xFFF) + 1].count(POISON) for end in ends)
