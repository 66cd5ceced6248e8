# SPDX-License-Identifier: BSD-2-Clause
"""What the attacks came to: a record of each run, as JSON and as a table for people."""

import json

from harness.tree import BUILD

PATH = BUILD / "results/attacks.json"
COLUMNS = "{:8} {:9} {:12} {:9} {:22} {:26} {:>9} {:10}"


def reactions_of(findings):
    """Code and what became of it, once each, in the order of their coming. R00 is none."""
    outcomes = {"withheld": "withheld", "failed": "failed"}
    pairs = [(f["reaction"], outcomes.get(f["verdict"], "executed")) for f in findings]
    return list(dict.fromkeys(pair for pair in pairs if pair[0] != "R00"))


def record(run, scenario, lane, mode, succeeded, oracle, exits, without=()):
    findings = run.findings()
    alerts = [f for f in findings if f["severity"] in ("warning", "alert", "critical")]
    by = dict.fromkeys(f"{f['agent']}@{f['layer']}" for f in alerts if f["agent"] != "snapshot")
    return {
        "scenario": scenario,
        "lane": lane.name,
        "placement": run.placement,
        "mode": mode,
        "without_agents": list(without),
        "attack_succeeded": succeeded,
        "detected_by": list(by),
        "reactions": [{"code": code, "outcome": what} for code, what in reactions_of(findings)],
        "exits_to_detect": exits,
        "collateral": sum(f["vm"] != "attacker" for f in findings),
        "oracle": oracle,
    }


def write(records):
    """Other lanes' records stay."""
    PATH.parent.mkdir(parents=True, exist_ok=True)
    lanes = {r["lane"] for r in records}
    others = json.loads(PATH.read_text()) if PATH.exists() else []
    kept = [r for r in others if r["lane"] not in lanes]
    part = PATH.with_suffix(f".{min(lanes)}")
    part.write_text(json.dumps(kept + records, indent=1) + "\n")
    part.replace(PATH)


def row(r):
    mode = r["mode"] + "".join(f" -{agent}" for agent in r["without_agents"])
    agents = " ".join(r["detected_by"]) or "-"
    codes = dict.fromkeys(
        x["code"] if x["outcome"] == "executed" else f"({x['code']})" for x in r["reactions"]
    )
    exits = "-" if r["exits_to_detect"] is None else r["exits_to_detect"]
    wrong = [name for name, good in r["oracle"].items() if not good]
    outcome = "succeeded" if r["attack_succeeded"] else "stopped"
    line = COLUMNS.format(
        r["scenario"],
        r["placement"],
        mode,
        outcome,
        agents,
        " ".join(codes) or "-",
        exits,
        r["collateral"],
    )
    return line.rstrip() + (f"\n         not as before: {', '.join(wrong)}" if wrong else "")


def table(records):
    head = COLUMNS.format(
        "scenario", "drivers", "mode", "attack", "seen by", "reactions", "exits", "collateral"
    )
    return [head.rstrip(), *(row(r) for r in records)]
