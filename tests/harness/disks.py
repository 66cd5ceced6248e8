# SPDX-License-Identifier: BSD-2-Clause
"""A disk of an emulated machine that a physical driver can take, backed by a file."""

SECTOR = 512
CYLINDER = 16 * 63 * SECTOR

# By the name that the hypervisor gives it: the slave of the first IDE channel, as the CD may be
# the master, the first virtio disk, the second port of the first AHCI controller, or the first two
# namespaces of an NVMe controller.
QEMU_DEVICES = {
    "ide1": ("-device", "piix3-ide,id=ide", "-device", "ide-hd,drive=disk,bus=ide.0,unit=1"),
    "vblk0": ("-device", "virtio-blk-pci,drive=disk,disable-legacy=on"),
    "ahci1": ("-device", "ahci,id=sata", "-device", "ide-hd,drive=disk,bus=sata.1"),
    "nvme0": ("-device", "nvme,serial=kfv,drive=disk"),
    "nvme1": ("-device", "nvme,serial=kfv", "-device", "nvme-ns,drive=disk,nsid=2"),
}


def disk_arguments(lane, path, name="ide1"):
    """What Options.extra of a lane takes. Bochs wants whole cylinders and knows IDE alone."""
    if lane.name.startswith("bochs"):
        return (
            f'ata0-slave: type=disk, mode=flat, path="{path}", '
            f"cylinders={path.stat().st_size // CYLINDER}, heads=16, spt=63, translation=auto",
        )
    return (
        *("-boot", "d"),  # the CD, although the disk's first sector may look like a boot sector
        *("-drive", f"if=none,id=disk,format=raw,cache=writethrough,file={path}"),
        *QEMU_DEVICES[name],
    )
