# SPDX-License-Identifier: BSD-2-Clause
"""Drivers in compartments, as guests see them: not at all."""

import hashlib
import random

import pytest
from harness.config import guest, linux
from harness.faults import expect_hello_passed
from harness.machine import plain

LINUX_SECONDS = 240
MIB = 1 << 20


def test_a_guest_finds_every_device_as_it_should_be(boot_vms, boot, tmp_path):
    machine = boot_vms(guest("hello", confined="all"), options="exit=ended")
    expect_hello_passed(machine, boot, tmp_path)
    assert "failed: " not in plain(machine.log_text())


@pytest.mark.sample
def test_linux_reads_a_disk_through_compartments(boot_vms):
    image = random.Random(7).randbytes(2 * MIB)
    vm = linux(
        cmdline='kfv.run="sha256sum /dev/vda"',
        reboot="stop",
        confined="all",
        disk="data vd.img",
    )
    vm.modules["vd.img"] = image
    machine = boot_vms(vm, focus=vm.name)
    machine.expect(r"kfv\.run status \d+", timeout=LINUX_SECONDS)
    said = plain(machine.log_text())
    assert f"{hashlib.sha256(image).hexdigest()}  /dev/vda" in said
    assert "failed: " not in said
