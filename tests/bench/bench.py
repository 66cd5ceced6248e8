#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What exits, hooks and the boot cost, in instructions: the TSC counts those on both lanes, so that
a figure is the same on every computer and in every run. The guest's side is what one iteration
costs the guest; the host's side what one exit of a kind costs the handler.

Usage: tests/bench/bench.py [LANE]...

Prints a table for each lane, writes build/results/bench.json, and ends with 1 if something costs
more than its limit.
"""

import argparse
import collections
import json
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness.bochs import GUEST_IPS
from harness.config import config, guest
from harness.iso import make_iso
from harness.lanes import LANES
from harness.machine import End
from harness.tree import BUILD

LANES_MEASURED = ("tcg-svm", "bochs-vmx")
RESULTS = BUILD / "results/bench.json"
SECONDS = 300
MACHINE = {"deterministic": True, "ips": GUEST_IPS}  # a driver's budget is so much of its time
NO_LIMIT = float("inf")
TO_KFV = "\x1d0"
UNARMED = "policy off { version 1; mode off }"
POLICIES = {"unhooked": UNARMED, "hooked": None}  # None: the built-in default

MEDIAN = re.compile(r"(?m)^BENCH ([\w.]+) (\d+) min \d+$")
GUEST_BEGAN = re.compile(r"(?m)^bench began at TSC (\d+)$")
BOOT = re.compile(r"boot began at TSC (\d+) and took \d+ ticks, (\d+) of them to create the VMs")
EXITS = re.compile(r"(?m)^(\w+) +\d+ +(\d+) ")

# kvm: what KVM needs on the same machine; target: what is aimed at. Limits, by lane, are one for
# each of POLICIES or one alone: what was measured and a tenth, or the target if that is less.
Row = collections.namedtuple("Row", "key title target kvm limits", defaults=(None,))
MILLION = 1_000_000

ROWS = (
    Row("exit.cpuid", "CPUID", 250, (3060, 1155), ((250, 495), (250, 580))),
    Row("exit.hypercall", "hypercall", 250, (3326, 1285), ((250, 699), (250, 882))),
    Row("exit.msr_read", "MSR read", 250, (3136, 1250), ((250, 492), (248, 578))),
    Row("exit.port_pic", "port: PIC", None, (1687, 1483), ((356, 836), (393, 969))),
    Row("exit.port_uart", "port: UART", 500, (3590, 7671), ((356, 836), (393, 969))),
    Row("exit.apic_read", "APIC read", 600, (4035, 16269), ((600, 1082), (600, 1233))),
    Row("exit.eoi", "APIC EOI", 600, (3831, 8205), ((600, 1092), (600, 1243))),
    Row("exit.self_ipi", "self-IPI", None, (9623, 21643), ((2502, 3711), (1877, 3043))),
    Row("exit.first_touch", "first touch", 1200, (7269, 7571), ((677, 911), (732, 1062))),
    Row("hook.unarmed", "hook, unarmed", 4, None, ((2,), (2,))),
    Row("hook.armed", "hook, one agent", 120, None, ((154,), (154,))),
    Row("hook.finding", "hook, agent and HO", 120, None, ((405,), (405,))),
    Row("gate.trusted", "gate call, trusted", 40, None, ((40,), (40,))),
    Row("gate.confined", "gate call, confined", 400, None, ((400,), (400,))),
    Row("gate.port_confined", "port: confined UART", 500, None, ((576,), (610,))),
    Row("ipi.round_trip", "IPI there and back", None, None, ((14300,), (14500,))),
    Row("sched.switch", "switch of vCPUs", None, None, ((1770,), (1980,))),
    Row("irq.latency", "timer, spinning", None, None, ((1610,), (935,))),
    Row("wake.hlt", "timer, in HLT", None, None, ((3090,), (2852,))),
    Row("virtio.blk_request", "disk, a sector", None, None, ((2935,), (2990,))),
    Row("virtio.blk_each_kib", "  each KiB more", None, None, ((160,), (160,))),
    Row("bus.message", "message there", None, None, ((210,), (210,))),
    Row("bus.copy", "two grants, a copy", None, None, ((790,), (790,))),
    # Whole: as the guest sees it, from the notification until the other NIC shows the frame. The
    # switch's part: without what a notification of nothing costs, but with its copies.
    Row("virtio.net_packet", "packet, NIC to NIC", None, None, ((5090,), (5790,))),
    Row("virtio.net_notify", "  notifying nothing", None, None, ((950,), (1250,))),
    Row("virtio.net_switch", "  the switch's part", 2500, None, ((4130,), (4570,))),
    Row("virtio.net_each_kib", "  each KiB more", None, None, ((290,), (290,))),
    Row("virtio.net_room", "room for a packet", None, None, ((830,), (1640,))),
    Row("memory.fixed_kib", "memory, KiB", 2048, None, ((2048,), (2048,))),
    Row("memory.per_vm_kib", "  for each VM", 64, None, ((32,), (36,))),
    *(Row(f"memory.{vms}_vms_kib", f"  with {vms}", None, None) for vms in (1, 4, 16)),
    Row("boot.to_guest", "boot to guest", 100 * MILLION, None, ((100 * MILLION,),) * 2),
    Row("boot.create_vms", "  loading it", None, None),  # mostly memory that is wiped
)
GUEST_NAMES = {"touch.2m": "exit.first_touch"}
NOT_SHOWN = {"touch.4k"}  # stage 2 maps whole blocks: the block's first page pays for the others


def keys_of(row):
    return [f"{row.key}.{kind}" for kind in POLICIES] if row.key.startswith("exit.") else [row.key]


# --- measuring ------------------------------------------------------------------------------------


def measure(start):
    """start(cmdline, modules, elf) boots a machine that counts, which its owner stops at last.
    Returns {key: ticks}."""
    found = {}
    for kind, policy in POLICIES.items():
        exits, host, boot = measure_guest(start, policy)
        found.update({f"{key}.{kind}": ticks for key, ticks in {**exits, **host}.items()})
        if kind == "unhooked":
            found.update(boot)
    found["gate.port_confined"] = measure_guest(start, UNARMED, "all")[0]["exit.port_uart"]
    found.update(measure_hooks(start))
    found.update(measure_vcpus(start))
    found.update(measure_devices(start))
    found.update(measure_memory(start))
    return found


def measure_guest(start, policy, confined="none"):
    """(the guest's figures, the host's, the boot's)."""
    text, modules = config(guest("bench", memory="64M", confined=confined), policy=policy)
    machine = start("exit", {"config": text.encode(), **modules}, BUILD / "kfv.elf")
    machine.expect(r"vm bench: debug exit with value 0", timeout=SECONDS)
    machine.send(TO_KFV)
    machine.expect_text("kfv> ")
    host = {f"host.{name}": int(ticks) for name, ticks in EXITS.findall(machine.run("exits"))}
    machine.stop()
    said = machine.log_text()
    exits = {GUEST_NAMES.get(name, name): int(ticks) for name, ticks in MEDIAN.findall(said)}
    exits = {name: ticks for name, ticks in exits.items() if name not in NOT_SHOWN}
    began, creation = map(int, BOOT.search(said).groups())
    to_guest = int(GUEST_BEGAN.search(said)[1]) - began - creation
    return exits, host, {"boot.to_guest": to_guest, "boot.create_vms": creation}


def measure_hooks(start):
    machine = start("exit test=bench_", {"config": b"\n"}, BUILD / "kfv-test.elf")
    end = machine.wait(SECONDS)
    said = machine.log_text()
    assert end == End("exit", 0), said
    return {name: int(ticks) for name, ticks in MEDIAN.findall(said)}


def measure_vcpus(start):
    """What two vCPUs of a VM cost that share one CPU, from inside."""
    smp = guest("smp", memory="32M", confined="none", vcpus=2, cmdline="vcpus=2 bench=1")
    text, modules = config(smp, policy=UNARMED)
    machine = start("exit=ended", {"config": text.encode(), **modules}, BUILD / "kfv.elf")
    end = machine.wait(SECONDS)
    said = machine.log_text()
    assert end == End("exit", 0), said
    return {name: int(ticks) for name, ticks in MEDIAN.findall(said)}


def measure_devices(start):
    """What a request to a virtual device costs until its guest has the answer."""
    sectors = b"".join(n.to_bytes(512, "little") for n in range(256))
    nets = ["a lan", "b lan"]
    vm = guest("virtio", disk="d sectors", net=nets, confined="none")
    vm.modules["sectors"] = sectors
    text, modules = config(vm, policy=UNARMED)
    machine = start("exit=ended", {"config": text.encode(), **modules}, BUILD / "kfv.elf")
    end = machine.wait(SECONDS)
    said = machine.log_text()
    assert end == End("exit", 0), said
    found = {name: int(ticks) for name, ticks in MEDIAN.findall(said)}
    found["virtio.net_switch"] = found["virtio.net_packet"] - found["virtio.net_notify"]
    return found


def memory_used(start, vms):
    """(KiB of image and pool without page tables, with so many VMs)."""
    guests = [guest("heartbeat", f"vm{n}", memory="8M", confined="none") for n in range(vms)]
    text, modules = config(*guests, focus="kfv", policy=UNARMED)
    machine = start("exit", {"config": text.encode(), **modules}, BUILD / "kfv.elf")
    machine.expect_text("kfv> ", timeout=SECONDS)
    answer = machine.run("mem")
    machine.stop()
    used = int(re.search(r"of it used +(\d+) KiB", answer)[1])
    tables = int(re.search(r"by page tables +(\d+) KiB", answer)[1])
    image = re.search(r"text (\d+) KiB.*constants (\d+) KiB, data (\d+) KiB", machine.log_text())
    return used - tables + sum(map(int, image.groups()))


def measure_memory(start):
    used = {vms: memory_used(start, vms) for vms in (1, 4, 16)}
    each = -(-(used[16] - used[1]) // 15)
    found = {f"memory.{vms}_vms_kib": kib for vms, kib in used.items()}
    return {**found, "memory.per_vm_kib": each, "memory.fixed_kib": used[1] - each}


def save(lane, found):
    """Other lanes' results stay."""
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[lane] = found
    RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


# --- judging --------------------------------------------------------------------------------------


def excesses(lane, found):
    """What costs more than its limit, or was not measured, in words."""
    words = []
    for row in ROWS:
        limits = row.limits[LANES_MEASURED.index(lane)] if row.limits else (NO_LIMIT,)
        for key, limit in zip(keys_of(row), limits):
            if key not in found:
                words.append(f"{lane}: {key} was not measured")
            elif found[key] > limit:
                words.append(f"{lane}: {key} is {found[key]}, expected at most {limit}")
    return words


# --- showing --------------------------------------------------------------------------------------


def table(lane, found):
    lines = [f"{lane}, in instructions ({RESULTS.name}; *: the target is missed)", ""]
    lines.append(f"{'':20}{'KVM':>8}{'target':>11}{'unarmed':>11}{'armed':>9}{'better':>8}")
    for row in ROWS:
        values = [found.get(key) for key in keys_of(row)] + [None]
        kvm = row.kvm and row.kvm[LANES_MEASURED.index(lane)]
        better = f"{kvm / values[0]:.1f}x" if kvm and values[0] else ""
        missed = "*" if row.target and values[0] and values[0] > row.target else " "
        lines.append(
            f"{row.title:20}{number(kvm):>8}{number(row.target):>11}"
            f"{number(values[0]):>10}{missed}{number(values[1]):>9}{better:>8}"
        )
    lines += ["", f"{'handler, by exit':39}{'unarmed':>11}{'armed':>9}"]
    for key in sorted(key for key in found if re.fullmatch(r"host\..*\.unhooked", key)):
        name = key.split(".")[1]
        armed = found.get(f"host.{name}.hooked")
        lines.append(f"{name:39}{number(found[key]):>10} {number(armed):>9}")
    return "\n".join(lines) + "\n"


def number(value):
    return "" if value is None else f"{value}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("lanes", nargs="*", metavar="LANE")
    lanes = parser.parse_args().lanes or LANES_MEASURED
    if not set(lanes) <= set(LANES_MEASURED):
        parser.error(f"expected lanes out of {', '.join(LANES_MEASURED)}")
    failed = []
    for lane in lanes:
        found = measure_alone(lane)
        save(lane, found)
        print(table(lane, found), flush=True)
        failed += excesses(lane, found)
    for words in failed:
        print(words)
    return 1 if failed else 0


def measure_alone(lane):
    """measure() without pytest's machines."""
    machines = []

    def start(cmdline, modules, elf):
        iso = make_iso(f"{work}/boot.iso", elf, cmdline, modules)
        name = f"bench-{lane}-{len(machines)}"
        machines.append(LANES[lane].start(iso, name, work, **MACHINE))
        return machines[-1]

    with tempfile.TemporaryDirectory() as work:
        try:
            return measure(start)
        finally:
            for machine in machines:
                machine.stop()


if __name__ == "__main__":
    sys.exit(main())
