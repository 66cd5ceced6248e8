# SPDX-License-Identifier: BSD-2-Clause
"""Physical disks under their drivers: what a guest reads is what is in the image, and what it
writes is in the image afterwards, where it belongs and nowhere else."""

import hashlib
import random
import re

import pytest
from harness.config import linux
from harness.machine import plain

LINUX_SECONDS = 240
MIB = 1 << 20
SECTOR = 512


class Disk:
    """A disk of the machine, backed by a file."""

    def __init__(self, path, data):
        self.path = path
        path.write_bytes(data)

    def arguments(self, lane):
        if lane.name.startswith("bochs"):
            cylinders = self.path.stat().st_size // SECTOR // 16 // 63
            return (
                f'ata0-slave: type=disk, mode=flat, path="{self.path}", '
                f"cylinders={cylinders}, heads=16, spt=63, translation=auto",
            )
        return (
            *("-device", "piix3-ide,id=ide", "-device", "ide-hd,drive=disk,bus=ide.0,unit=1"),
            *("-drive", f"if=none,id=disk,format=raw,file={self.path}"),
        )


@pytest.fixture
def disk(tmp_path):
    """16 cylinders of 16 heads and 63 sectors, which every emulator takes."""
    return Disk(tmp_path / "disk.img", random.Random(11).randbytes(16 * 16 * 63 * SECTOR))


def run(boot_vms, disk, lane, command, *disks, **settings):
    vm = linux(cmdline=f'kfv.run="{command}"', reboot="stop", disk=disks, **settings)
    machine = boot_vms(vm, focus=vm.name, extra=disk.arguments(lane))
    machine.expect(r"kfv\.run status \d+", timeout=LINUX_SECONDS * lane.patience)
    text = plain(machine.log_text())
    assert "kfv.run status 0" in text, text
    return text


def test_a_disk_is_read(boot_vms, disk, lane):
    text = run(boot_vms, disk, lane, "sha256sum /dev/vda", "d ide1 ro")
    assert f"{hashlib.sha256(disk.path.read_bytes()).hexdigest()}  /dev/vda" in text
