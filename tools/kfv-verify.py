#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tells the genuine lines of the evidence log (kfv/evidence.h) from all others.

Reads console captures (`KFV <seq> ... mac=<16 hex>` anywhere in a line) and JSON lines of the
second serial port. Each line's MAC is SipHash-2-4 over the MAC of the line before and the line
itself, so that one which is forged, changed, moved or follows a gap does not fit. A line that is
printed again (`log`) is no fault. That lines at the very end are missing cannot be seen from the
log: compare with the console's `events`, or give the last number that must be there with --last.

Usage: tools/kfv-verify.py (--key TEXT | --key-hex HEX) [--last SEQ] [--genuine] FILE...
Exit status: 0 when all evidence is genuine and complete, 1 when not, 2 for wrong usage.
"""

import argparse
import hashlib
import json
import re
import sys
from typing import NamedTuple

LINE = re.compile(r"KFV (\d+) \d+ \S+ \S+ \S+ vm=\S+ op=\S+ args=\S+ verdict=\S+ reaction=R\d\d"
                  r" n=\d+ why=\S* mac=([0-9a-f]{16})(?![0-9a-f])")
JSON_KEYS = {"seq", "time_ms", "layer", "agent", "severity", "vm", "op", "args", "verdict",
             "reaction", "n", "why", "mac"}
MASK = (1 << 64) - 1


def siphash24(key, data):
    """J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF"."""
    k0, k1 = (int.from_bytes(key[i:i + 8], "little") for i in (0, 8))
    v = [k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
         k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573]

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[3]) & MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 0xff])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at:at + 8], "little")
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


class Line(NamedTuple):
    seq: int
    text: str  # up to, without, " mac="
    mac: int
    source: str  # as it was found

    def fits(self, key, before):
        text = self.text.encode("utf-8", "backslashreplace")
        return siphash24(key, before.to_bytes(8, "little") + text) == self.mac


def from_json(text):
    """The line that a JSON object stands for, or None when it is no evidence."""
    try:
        record = json.loads(text)
    except ValueError:
        return None
    if not isinstance(record, dict) or set(record) != JSON_KEYS:
        return None
    args = record.pop("args")
    args = ",".join(map(str, args)) if isinstance(args, list) else args
    line = ("KFV {seq} {time_ms} {layer} {agent} {severity} vm={vm} op={op} args={args} "
            "verdict={verdict} reaction={reaction} n={n} why={why}").format(args=args, **record)
    try:
        return Line(int(record["seq"]), line, int(record["mac"], 16), text)
    except (TypeError, ValueError):
        return Line(-1, line, -1, text)


def find(text, source):
    match = LINE.search(text)
    if not match:
        return None
    return Line(int(match[1]), match[0][:-len(" mac=") - 16], int(match[2], 16), source)


def read(data):
    """All that claims to be evidence, in the order of the text."""
    found = []
    for text in data.decode("utf-8", "replace").replace("\r", "\n").split("\n"):
        line = from_json(text) if text.startswith("{") else find(text, text)
        if line:
            found.append(line)
    return found


class Verdict(NamedTuple):
    genuine: list
    forged: list
    missing: list  # sequence numbers
    unproven: list  # right after a gap: what came before it is not known


def verify(lines, key, last=None):
    genuine, rest, known = [], [], set()
    before = 0
    for line in lines:
        if line.seq == len(genuine) and line.fits(key, before):
            genuine.append(line)
            before = line.mac
            known.add((line.seq, line.text, line.mac))
        elif (line.seq, line.text, line.mac) not in known:
            rest.append(line)
    # Behind a gap the chain goes on from a line that cannot be proven itself.
    forged, unproven, tail = [], [], []
    for line in rest:
        follows = [x for x in rest + tail if x.seq + 1 == line.seq and line.fits(key, x.mac)]
        if follows:
            tail.append(line)
    for line in rest:
        if line in tail:
            continue
        leads = any(x.seq == line.seq + 1 and x.fits(key, line.mac) for x in tail)
        after_gap = line.seq > 0 and not any(x.seq == line.seq - 1 for x in genuine + tail)
        (unproven if leads and after_gap else forged).append(line)
    have = {x.seq for x in genuine + tail + unproven}
    have |= {x.seq for x in forged if x.seq + 1 in have}
    end = max(have | ({last} if last is not None else set()), default=-1)
    missing = [seq for seq in range(end + 1) if seq not in have]
    return Verdict(genuine + tail, forged, missing, unproven)


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", help="the secret that the hypervisor was given")
    key.add_argument("--key-hex", type=bytes.fromhex, help="what `events key` shows: 32 digits")
    parser.add_argument("--last", type=int, help="the last sequence number that must be there")
    parser.add_argument("--genuine", action="store_true", help="print the genuine lines")
    parser.add_argument("files", nargs="+", type=argparse.FileType("rb"))
    arguments = parser.parse_args(argv)
    if arguments.key_hex is not None and len(arguments.key_hex) != 16:
        parser.error("--key-hex: expected 32 digits")
    return arguments


def main(argv=None):
    arguments = parse_arguments(argv)
    key = arguments.key_hex or hashlib.sha256(arguments.key.encode()).digest()[:16]
    sound = True
    for file in arguments.files:
        result = verify(read(file.read()), key, arguments.last)
        if arguments.genuine:
            for line in result.genuine:
                print(line.source)
        for line in result.forged:
            print(f"{file.name}: forged or changed: {line.source}", file=sys.stderr)
        for line in result.unproven:
            print(f"{file.name}: after a gap, cannot be proven: {line.source}", file=sys.stderr)
        for seq in result.missing:
            print(f"{file.name}: line {seq} is missing", file=sys.stderr)
        print(f"{file.name}: {len(result.genuine)} genuine, {len(result.forged)} forged, "
              f"{len(result.missing)} missing", file=sys.stderr)
        sound &= bool(result.genuine) and not (result.forged or result.missing or result.unproven)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
