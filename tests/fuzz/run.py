#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Runs the libFuzzer programs one after the other and writes what they did as a table and as JSON.
Ends with status 1 when one of them crashed, or did not run at all."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import time

FUZZ = pathlib.Path(__file__).resolve().parent


def run(name, work, seconds):
    """One fuzzer for so many seconds: seeds are read, finds go to its folder under work."""
    found = work / name / "corpus"
    crashes = work / name / "crashes"
    for folder in (found, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    seeds = FUZZ / "corpus" / name
    corpus = [found] + ([seeds] if seeds.is_dir() else [])
    before = set(crashes.iterdir())
    start = time.monotonic()
    done = subprocess.run(
        [work / f"fuzz_{name}", f"-max_total_time={seconds}", "-timeout=5", "-print_final_stats=1",
         f"-artifact_prefix={crashes}/", *corpus],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    elapsed = time.monotonic() - start
    count = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stdout)
    new = len(set(crashes.iterdir()) - before)
    crashed = max(new, 1) if done.returncode else 0
    if crashed:
        print(done.stdout[-6000:])
    return {"executions": int(count[1]) if count else 0, "seconds": round(elapsed, 1),
            "crashes": crashed}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=20)
    options.add_argument("--work", type=pathlib.Path, required=True)
    options.add_argument("--json", type=pathlib.Path, required=True)
    options.add_argument("names", nargs="+")
    args = options.parse_args()
    results = {name: run(name, args.work, args.seconds) for name in args.names}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(results, indent=2) + "\n")
    print(f"{'fuzzer':<16}{'executions':>12}{'seconds':>9}{'crashes':>9}")
    for name, r in results.items():
        print(f"{name:<16}{r['executions']:>12}{r['seconds']:>9}{r['crashes']:>9}")
    return any(r["crashes"] or not r["executions"] for r in results.values())


if __name__ == "__main__":
    sys.exit(main())
