# SPDX-License-Identifier: BSD-2-Clause
"""Nothing costs more than its limit; the counter makes that exact. See bench.py."""

import bench
import pytest


@pytest.mark.lanes(*bench.LANES_MEASURED)
def test_costs_stay_within_their_limits(boot, lane):
    def start(cmdline, modules, elf):
        return boot(cmdline, modules, elf=elf, **bench.MACHINE)

    found = bench.measure(start)
    bench.save(lane.name, found)
    print(bench.table(lane.name, found))
    assert bench.excesses(lane.name, found) == []


def within_limits(lane):
    place = bench.LANES_MEASURED.index(lane)
    found = {}
    for row in bench.ROWS:
        found.update(zip(bench.keys_of(row), row.limits[place] if row.limits else (1,)))
    return found


@pytest.mark.parametrize("name", bench.LANES_MEASURED)
def test_judge_sees_every_figure(name):
    """One more than the limit is too much, and so is a figure that is not there."""
    good = within_limits(name)
    assert bench.excesses(name, good) == []
    for row in bench.ROWS:
        for key in bench.keys_of(row):
            missing = {other: value for other, value in good.items() if other != key}
            assert bench.excesses(name, missing) == [f"{name}: {key} was not measured"]
            if row.limits:
                assert len(bench.excesses(name, {**good, key: good[key] + 1})) == 1


@pytest.mark.parametrize("name", bench.LANES_MEASURED)
def test_table_fits_the_screen(name):
    found = {**within_limits(name), "host.cpuid.unhooked": 113, "host.cpuid.hooked": 266}
    lines = bench.table(name, found).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.split() == ["cpuid", "113", "266"] for line in lines)
