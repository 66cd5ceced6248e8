# SPDX-License-Identifier: BSD-2-Clause
"""Physical disks under their drivers: what a guest reads is what is in the image, and what it
writes is in the image afterwards, where it belongs and nowhere else."""

import hashlib
import random
import re
import struct
import zlib

import pytest
from harness.config import config, guest, linux
from harness.disks import CYLINDER, SECTOR, disk_arguments
from harness.machine import plain

LINUX_SECONDS = 240
DISK_LEN = 16 * CYLINDER  # a shape that every emulator takes
FIRST, COUNT = 2048, 4096  # of the partition, in sectors

# Bochs has IDE alone.
NAMES = ["ide1"] + [
    pytest.param(name, marks=pytest.mark.lanes("tcg-svm")) for name in ("vblk0", "ahci1", "nvme1")
]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def mbr(*entries):
    """The first sector, with (type, first, count) of up to four partitions."""
    table = b"".join(struct.pack("<B3xB3xII", 0, *entry) for entry in entries)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def gpt(first, count, sectors):
    """A protective record, header and entries, of which the second is a partition."""
    entry = bytes(range(32)) + struct.pack("<QQQ", first, first + count - 1, 0)
    entries = (bytes(128) + entry).ljust(128 * 128, b"\0")
    header = struct.pack(
        "<8sIIIIQQQQ16sQIII",
        *(b"EFI PART", 0x10000, 92, 0, 0, 1, sectors - 1, 34, sectors - 34),
        *(bytes(16), 2, 128, 128, zlib.crc32(entries)),
    )
    header = header[:16] + struct.pack("<I", zlib.crc32(header)) + header[20:]
    return mbr((0xEE, 1, sectors - 1)) + header.ljust(SECTOR, b"\0") + entries


class Disk:
    """A disk of the machine, backed by a file: the slave of its first IDE channel, or another."""

    def __init__(self, path, head=b"", name="ide1"):
        self.path = path
        self.name = name
        self.before = head + random.Random(11).randbytes(DISK_LEN - len(head))
        path.write_bytes(self.before)

    def partition(self):
        return self.before[FIRST * SECTOR : (FIRST + COUNT) * SECTOR]

    def arguments(self, lane):
        return disk_arguments(lane, self.path, self.name)


def quiet(**settings):
    """A VM that says once that it runs, and halts."""
    return guest("heartbeat", cmdline="period_ms=3600000", **settings)


def run(boot_vms, disk, lane, command, *disks, **settings):
    """What Linux wrote until its command was done, with status 0."""
    vm = linux(cmdline=f'kfv.run="{command}"', disk=disks, **{"reboot": "stop", **settings})
    machine = boot_vms(vm, focus=vm.name, extra=disk.arguments(lane))
    machine.expect(r"kfv\.run status \d+", timeout=LINUX_SECONDS * lane.patience)
    text = plain(machine.log_text())
    assert "kfv.run status 0" in text, text
    return text


@pytest.mark.parametrize("name", NAMES)
def test_a_disk_is_read(boot_vms, tmp_path, lane, name):
    disk = Disk(tmp_path / "disk.img", name=name)
    text = run(boot_vms, disk, lane, "sha256sum /dev/vda; cat /sys/block/vda/ro", f"d {name} ro")
    assert f"{digest(disk.before)}  /dev/vda\n1\n" in text.replace("\r", "")


@pytest.mark.lanes("tcg-svm")
@pytest.mark.parametrize("name", ["vblk0", "ahci1", "nvme1"])
def test_a_disk_interrupts_when_it_is_done(boot_vms, tmp_path, lane, name):
    """By a message for each request at least; the bus takes 64 KiB at once."""
    disk = Disk(tmp_path / "disk.img", name=name)
    vm = linux(cmdline='kfv.run="sha256sum /dev/vda"', reboot="stop", disk=f"d {name} ro")
    machine = boot_vms(vm, focus="kfv", extra=disk.arguments(lane))
    machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS)
    message = rf"{name[:4]}@\S+\n(?:  .*\n)*? +message \d+, (\d+) interrupts"
    assert int(re.search(message, machine.run("pci"))[1]) >= DISK_LEN // 65536


def test_a_logical_partition_is_read(boot_vms, tmp_path, lane):
    """The second one in an extended partition, whose number is 6."""
    extended, second = FIRST + COUNT, 3000
    disk = Disk(tmp_path / "disk.img", mbr((0x83, FIRST, COUNT), (5, extended, 8000)))
    image = bytearray(disk.before)
    for at, *entries in (
        (extended, (0x83, 100, 1000), (5, second, 4000)),
        (extended + second, (0x83, 64, 2000)),
    ):
        image[at * SECTOR : (at + 1) * SECTOR] = mbr(*entries)
    disk.path.write_bytes(image)
    text = run(boot_vms, disk, lane, "sha256sum /dev/vda", "d ide1:6 ro")
    begin = (extended + second + 64) * SECTOR
    assert f"{digest(image[begin : begin + 2000 * SECTOR])}  /dev/vda" in text


# From sector 7 on, so that neither the driver's blocks nor the guest's pages are whole.
WRITE = (
    "head -c 300000 /dev/vdb >/w && dd if=/w of=/dev/vda bs=512 seek=7 conv=notrunc,fsync "
    "2>/dev/null && echo 3 >/proc/sys/vm/drop_caches && sha256sum /dev/vda"
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("table", ["mbr", "gpt"])
def test_a_partition_is_written(boot_vms, tmp_path, lane, table, name):
    """The image has what was written, in the partition, and else what it had."""
    sectors = DISK_LEN // SECTOR
    head = mbr((0x83, FIRST, COUNT)) if table == "mbr" else gpt(FIRST, COUNT, sectors)
    disk = Disk(tmp_path / "disk.img", head, name)
    new = random.Random(12).randbytes(300032)
    source = f"{name}:{1 if table == 'mbr' else 2}"
    vm = linux(cmdline=f'kfv.run="{WRITE}"', reboot="stop", disk=[f"d {source} rw", "n new.img"])
    vm.modules["new.img"] = new
    machine = boot_vms(vm, focus=vm.name, extra=disk.arguments(lane))
    machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS * lane.patience)
    expected = bytearray(disk.before)
    at = (FIRST + 7) * SECTOR
    expected[at : at + 300000] = new[:300000]
    part = bytes(expected[FIRST * SECTOR : (FIRST + COUNT) * SECTOR])
    assert f"{digest(part)}  /dev/vda" in plain(machine.log_text())
    assert disk.path.read_bytes() == bytes(expected)


def test_copy_on_write_leaves_the_disk_as_it_is(boot_vms, tmp_path, lane):
    """ext4 on it, filled and read back; after a reboot it is as new, and so is the image."""
    disk = Disk(tmp_path / "disk.img", mbr((0x83, FIRST, COUNT)))
    command = (
        "if [ -e /sys/block/vdb ]; then sha256sum /dev/vda; fi; mke2fs -F /dev/vda >/dev/null &&"
        "mkdir /m && mount -t ext4 /dev/vda /m && head -c 500000 /dev/vdb >/m/f && umount /m &&"
        "echo 3 >/proc/sys/vm/drop_caches && mount -t ext4 /dev/vda /m && sha256sum /m/f &&"
        "head -c 500000 /dev/vdb | sha256sum"
    )
    vm = linux(cmdline=f'kfv.run="{command}"', reboot="stop", disk=["d ide1:1 cow", "n new.img"])
    vm.modules["new.img"] = random.Random(13).randbytes(500224)
    machine = boot_vms(vm, focus=vm.name, extra=disk.arguments(lane))
    machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS * lane.patience)
    text = plain(machine.log_text())
    written = digest(vm.modules["new.img"][:500000])
    assert f"{digest(disk.partition())}  /dev/vda" in text
    assert f"{written}  /m/f" in text and f"{written}  -" in text
    assert disk.path.read_bytes() == disk.before


@pytest.mark.parametrize("name", ["ide1:2", "ide0", "ide31", "nvme0", "vblk0:1"])
def test_a_disk_that_is_not_there(boot_vms, tmp_path, lane, name):
    disk = Disk(tmp_path / "disk.img", mbr((0x83, FIRST, COUNT), (0x83, FIRST + 1, DISK_LEN)))
    vm = linux(reboot="stop", disk=f"d {name} ro")
    machine = boot_vms(vm, extra=disk.arguments(lane))
    machine.expect(rf"disk d: there is no (disk|partition) {name}")


def test_a_writer_has_its_disk_alone(boot_vms, tmp_path, lane):
    """Against VMs that are there already, in whole and in part, until these are gone."""
    disk = Disk(tmp_path / "disk.img", mbr((0x83, FIRST, COUNT)))
    writer = quiet(name="writer", disk="d ide1 rw")
    text, _ = config(quiet(name="reader", disk="e ide1:1 cow"))
    writer.modules["more"] = text.encode()
    machine = boot_vms(writer, focus="kfv", extra=disk.arguments(lane))
    machine.expect("beat 1 ")
    assert "reader was not created: see the log." in machine.run("vm create more")
    assert re.search(
        r"disk e: expected nobody beside it on ide1, as one of them writes, found disk d of vm "
        r"writer",
        machine.run("log"),
    )
    assert "writer is gone." in machine.run("vm writer destroy")
    assert "reader is ready." in machine.run("vm create more")
    assert "writer was not created: see the log." in machine.run("vm writer create")


@pytest.mark.lanes("tcg-svm")
def test_more_disks_than_there_is_room_for(boot_vms):
    """Of five controllers: 32 disks have a name, and of those that have none it is said."""
    extra = []
    for i in range(5):
        extra += ("-device", f"nvme,serial=kfv{i},id=n{i}")
        for namespace in range(1, 9 if i else 7):
            name = f"d{i}{namespace}"
            extra += ("-blockdev", f"null-co,node-name={name},size=1048576,read-zeroes=on")
            extra += ("-device", f"nvme-ns,drive={name},bus=n{i},nsid={namespace}")
    vm = quiet(disk="d nvme33 ro")
    machine = boot_vms(vm, focus="kfv", extra=tuple(extra))
    machine.expect("beat 1 ")
    log = plain(machine.log_text())
    named = re.findall(r"disk (nvme\d+): \d+ sectors", log)
    assert named == [f"nvme{i}" for i in range(40) if i not in (6, 7)]
    left_out = re.findall(r"disk (nvme\d+): left out, there are 32 before it", log)
    assert left_out == [f"nvme{i}" for i in range(34, 40)]


def test_a_driver_that_is_not_there(boot_vms):
    machine = boot_vms(linux(reboot="stop"), host=["driver floppy"])
    machine.expect(r'config:\d+:\d+: expected the name of a physical driver, got "floppy"')


@pytest.mark.lanes("tcg-svm")
def test_a_disk_with_long_sectors(boot_vms, tmp_path, lane):
    """It is refused, and why is said."""
    disk = Disk(tmp_path / "disk.img", name="nvme0")
    *before, device = disk.arguments(lane)
    device += ",logical_block_size=4096,physical_block_size=4096"
    machine = boot_vms(linux(reboot="stop", disk="d nvme0 ro"), extra=(*before, device))
    machine.expect("disk nvme0: of no use, its sectors are not of 512 bytes")
    machine.expect("disk d: there is no disk nvme0")


@pytest.mark.lanes("tcg-svm")
def test_a_bad_sector_is_its_disk_s_alone(boot_vms, tmp_path, lane):
    """The guest has an error for it, and all else of that disk and another of the controller."""
    good, bad = Disk(tmp_path / "good.img", name="ahci1"), Disk(tmp_path / "bad.img")
    rule = "inject-error.0.event=none,inject-error.0.iotype=read,inject-error.0.sector=9000"
    file = f"image.driver=file,image.filename={bad.path}"
    extra = (
        *good.arguments(lane),
        *("-blockdev", f"driver=blkdebug,node-name=bad,{file},{rule}"),
        *("-device", "ide-hd,drive=bad,bus=sata.0"),
    )
    command = (
        "dd if=/dev/vda of=/dev/null bs=4096 skip=1125 count=1 2>/dev/null || echo it is bad; "
        "sha256sum /dev/vdb && head -c 4000000 /dev/vda | sha256sum"
    )
    vm = linux(cmdline=f'kfv.run="{command}"', reboot="stop", disk=["b ahci0 ro", "g ahci1 ro"])
    machine = boot_vms(vm, focus=vm.name, extra=extra)
    machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS * lane.patience)
    text = plain(machine.log_text())
    assert "it is bad" in text.split("kfv.run=")[-1]
    assert f"{digest(good.before)}  /dev/vdb" in text
    assert f"{digest(bad.before[:4000000])}  -" in text


# What was written last, and is read back from the disk, again and again.
LOAD = (
    "mke2fs -F /dev/vda >/dev/null && mkdir /m && mount -t ext4 /dev/vda /m && n=0 && "
    "while [ $n -lt 12 ]; do n=$((n+1)); head -c 400000 /dev/vdb >/m/f$n && sync && "
    "echo 3 >/proc/sys/vm/drop_caches && cmp -n 400000 /m/f$n /dev/vdb || exit 1; "
    "echo round $n; done; umount /m"
)


@pytest.mark.lanes("tcg-svm")
@pytest.mark.parametrize("name", ["vblk0", "ahci1", "nvme0"])
def test_a_driver_is_rebooted_under_load(boot_vms, tmp_path, lane, name):
    """What was under way is asked for again: the guest has no error and reads what it wrote."""
    disk = Disk(tmp_path / "disk.img", name=name)
    vm = linux(cmdline=f'kfv.run="{LOAD}"', reboot="stop", disk=[f"d {name} rw", "n new.img"])
    vm.modules["new.img"] = random.Random(14).randbytes(400384)
    machine = boot_vms(vm, focus="kfv", extra=disk.arguments(lane))
    machine.expect("KFV guest ready", timeout=LINUX_SECONDS * lane.patience)
    driver = re.search(rf"{name[:4]}@\S+", machine.run("drivers"))[0]
    for count in (1, 3, 5, 7, 9):
        machine.expect(rf"round {count}\r?\n", timeout=LINUX_SECONDS * lane.patience)
        assert "is rebooted when it is called next" in machine.run(f"drivers {driver} reboot")
    machine.expect(r"kfv\.run status 0", timeout=LINUX_SECONDS * lane.patience)
    assert re.search(rf"(?m)^{driver} +confined +live +\d+ +5\b", machine.run("drivers"))
    text = plain(machine.log_text())
    assert "I/O error" not in text and "EXT4-fs error" not in text
