# SPDX-License-Identifier: BSD-2-Clause
"""What tests get from pytest: the lane of this run, and machines that boot and are cleaned up."""

import os
import pathlib
import re

import pytest
from harness.bochs import GUEST_IPS
from harness.config import config
from harness.iso import make_iso
from harness.lanes import DEFAULT_LANE, LANES, LaneUnavailable
from harness.tree import BUILD

LOG_TAIL = 60


def pytest_addoption(parser):
    parser.addoption(
        "--machine",
        default=os.environ.get("MACHINE") or DEFAULT_LANE,
        help=f"the machine to test on: {', '.join(LANES)} (also MACHINE=)",
    )


def pytest_configure(config):
    """A machine that was asked for and cannot be had is an error, never a skip."""
    config.addinivalue_line("markers", "lanes(*names): only these lanes can tell")
    config.addinivalue_line("markers", "sample: also where a boot takes too long to run them all")
    name = config.getoption("--machine")
    if name not in LANES:
        raise pytest.UsageError(f"no machine {name!r}: one of {', '.join(LANES)}")
    try:
        LANES[name].require()
    except LaneUnavailable as error:
        raise pytest.UsageError(f"machine {name}: {error}") from None


def pytest_collection_modifyitems(config, items):
    """What a lane cannot tell, or has no time for, is not collected for it, instead of being
    skipped every time."""
    lane = LANES[config.getoption("--machine")]
    fitting, others = [], []
    for item in items:
        (fitting if lane.fits(item) else others).append(item)
    items[:] = fitting
    config.hook.pytest_deselected(items=others)


def pytest_report_header(config):
    lane = LANES[config.getoption("--machine")]
    header = f"machine: {lane.name} ({lane.vendor}, {lane.cpu}, {lane.firmware}, {lane.accel})"
    return header if lane.thorough else f"{header}; a boot takes minutes: a sample of the tests"


@pytest.fixture(scope="session")
def lane(request):
    return LANES[request.config.getoption("--machine")]


@pytest.fixture
def boot(request, lane, tmp_path):
    """boot(cmdline="", modules={}, elf=..., lane=..., **Options) -> a running Machine."""
    machines = []
    name = re.sub(r"[^A-Za-z0-9.]+", "-", request.node.name).strip("-")

    def start(cmdline="", modules=None, elf=BUILD / "kfv.elf", iso=None, lane=lane, **options):
        assert iso or pathlib.Path(elf).exists(), f"{elf} is missing: build it with make"
        number = len(machines)
        work = tmp_path / f"machine{number}"
        work.mkdir()
        iso = iso or make_iso(work / "boot.iso", elf, cmdline, modules)
        machine = lane.start(iso, f"{name}.{number}" if number else name, work, **options)
        machines.append(machine)
        return machine

    request.node.kfv_machines = machines
    yield start
    for machine in machines:
        machine.stop()


@pytest.fixture
def boot_vms(boot):
    """boot_vms(*VMs, options="exit", focus=..., policy=..., host=(), image="kfv", **Options): the
    hypervisor with these VMs, and statements on the machine itself (see harness/config.py)."""

    def start(*vms, options="exit", focus=None, policy=None, host=(), image="kfv", **machine):
        text, modules = config(*vms, focus=focus, policy=policy, host=host)
        machine.setdefault("ips", GUEST_IPS)
        modules = {"config": text.encode(), **modules}
        return boot(options, modules, elf=BUILD / f"{image}.elf", **machine)

    return start


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows the end of what each machine said, not only where the test stood."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    for machine in getattr(item, "kfv_machines", ()):
        tail = "\n".join(machine.log_text().splitlines()[-LOG_TAIL:])
        report.sections.append((f"serial line: {machine.log_path}", tail))
