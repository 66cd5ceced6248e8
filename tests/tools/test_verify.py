# SPDX-License-Identifier: BSD-2-Clause
"""tools/kfv-verify.py accepts exactly the genuine lines of a log."""

import hashlib
import importlib.util
import json
import pathlib
import random

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What the hypervisor's own code writes: tests/host/test_kfv_evidence.c holds the same lines.
GOLDEN = [
    "KFV 0 12345 L0 epoch info vm=host op=- args=0xcdeae0bd verdict=done reaction=R00 n=1 "
    "why=key mac=c81d5bfbe2d6b3f6",
    "KFV 1 12346 L3 range warning vm=a op=L3_PORT_READ args=0x1f0,0x1 verdict=deny "
    "reaction=R01 n=4 why=absent-ports mac=2507495fe8d33ade",
]
GOLDEN_JSON = {
    "seq": 1, "time_ms": 12346, "layer": "L3", "agent": "range", "severity": "warning", "vm": "a",
    "op": "L3_PORT_READ", "args": ["0x1f0", "0x1"], "verdict": "deny", "reaction": "R01", "n": 4,
    "why": "absent-ports", "mac": "2507495fe8d33ade"}


@pytest.fixture(name="tool", scope="module")
def load_tool():
    spec = importlib.util.spec_from_file_location("kfv_verify", ROOT / "tools/kfv-verify.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="run")
def make_run(tool, tmp_path):
    def run(lines, *more, key="secret"):
        path = tmp_path / "log"
        path.write_bytes("\n".join(lines).encode("latin-1") + b"\n")
        return tool.main(["--key", key, *more, str(path)])
    return run


@pytest.fixture(name="log")
def make_log(tool):
    """Twenty genuine lines."""
    key = hashlib.sha256(b"secret").digest()[:16]
    lines, before = [], 0
    for seq in range(20):
        text = (f"KFV {seq} {seq * 100} L1 rate warning vm=a op=L1_EXIT args=0x7,0x1000 "
                f"verdict=allow reaction=R02 n={seq + 1} why=hypercall-rate")
        before = tool.siphash24(key, before.to_bytes(8, "little") + text.encode())
        lines.append(f"{text} mac={before:016x}")
    return lines


def test_siphash_is_the_published_one(tool):
    # The paper's own test vector.
    assert tool.siphash24(bytes(range(16)), bytes(range(15))) == 0xa129ca6149be45e5


def test_golden_lines(run):
    assert run(GOLDEN) == 0
    assert run([GOLDEN[0], json.dumps(GOLDEN_JSON)]) == 0


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, "0x1ff", 1e99, "\ud800"])
@pytest.mark.parametrize("field", sorted(GOLDEN_JSON))
def test_any_json_is_survived(run, field, value):
    assert run([GOLDEN[0], json.dumps(GOLDEN_JSON | {field: value})]) in (0, 1)


@pytest.mark.parametrize("field", sorted(GOLDEN_JSON))
def test_every_json_field_is_covered(run, field):
    value = GOLDEN_JSON[field]
    changed = {int: lambda: value + 1, list: lambda: value + ["0x1"],
               str: lambda: ("0" if value[0] != "0" else "1") + value[1:]}[type(value)]()
    assert run([GOLDEN[0], json.dumps(GOLDEN_JSON | {field: changed})]) == 1


def test_complete_log(run, log, capsys):
    assert run(log) == 0
    assert "20 genuine, 0 forged, 0 missing" in capsys.readouterr().err


def test_console_noise_is_no_fault(run, log):
    noisy = []
    for n, line in enumerate(log):
        noisy += [f"[    1.{n:03}] {line}\r", "Linux says KFV 3 mac= nothing", ""]
    assert run(noisy + log[5:9]) == 0  # `log` showed some of them again


def test_wrong_key(run, log):
    assert run(log, key="other") == 1


def test_empty_log_proves_nothing(run):
    assert run(["nothing"]) == 1


@pytest.mark.parametrize("gone", [0, 1, 7, 17])
def test_removal(run, log, gone, capsys):
    assert run(log[:gone] + log[gone + 1:]) == 1
    assert f"line {gone} is missing" in capsys.readouterr().err


def test_removal_at_the_end(run, log):
    assert run(log[:-1]) == 0  # nothing in the log tells
    assert run(log[:-1], "--last", "19") == 1
    assert run(log, "--last", "19") == 0


def test_reorder(run, log):
    log[4], log[5] = log[5], log[4]
    assert run(log) == 1


def test_rewound_sequence(run, log):
    assert run(log + [log[19].replace("KFV 19 ", "KFV 20 ")]) == 1
    assert run(log + [log[3].replace("n=4", "n=5")]) == 1


def test_forged_lines_are_told_from_genuine(run, log, capsys):
    forged = [line[:-1] + ("0" if line[-1] != "0" else "1") for line in log]
    mixed = [line for pair in zip(forged, log) for line in pair]
    assert run(mixed, "--genuine") == 1
    assert capsys.readouterr().out.splitlines() == log


def test_any_changed_character(run, log):
    chance = random.Random(1)
    for _ in range(200):
        number = chance.randrange(len(log))
        at = chance.randrange(len(log[number]))
        changed = list(log)
        changed[number] = log[number][:at] + "~" + log[number][at + 1:]
        assert run(changed, "--last", "19") == 1


def test_changed_line_is_named(run, log, capsys):
    assert run(log[:5] + [log[5].replace("n=6", "n=7")] + log[6:]) == 1
    said = capsys.readouterr().err
    assert "forged or changed: KFV 5 " in said
    assert "19 genuine, 1 forged, 0 missing" in said


def test_key_as_digits(tool, tmp_path, log):
    path = tmp_path / "log"
    path.write_text("\n".join(log))
    digits = hashlib.sha256(b"secret").digest()[:16].hex()
    assert tool.main(["--key-hex", digits, str(path)]) == 0
    with pytest.raises(SystemExit):
        tool.main(["--key-hex", "00", str(path)])
