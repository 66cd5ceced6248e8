# SPDX-License-Identifier: BSD-2-Clause
"""Boot images for tests: the same tools/iso.sh as the product's, with a menu that does not wait."""

import pathlib
import subprocess
import tempfile

from harness.tree import ROOT

GRUB_CFG = """\
serial --unit=0 --speed=115200
terminal_input serial console
terminal_output serial console
insmod all_video
{command} /boot/kfv.elf {cmdline}
{modules}
boot
"""


def grub_cfg(cmdline, module_names, command="multiboot2"):
    """Commands instead of a menu: GRUB runs them at once, and boot errors land on COM1."""
    modules = "\n".join(f"module2 /boot/{name} {name}" for name in module_names)
    return GRUB_CFG.format(command=command, cmdline=cmdline, modules=modules)


def make_iso(path, elf, cmdline="", modules=None, command="multiboot2"):
    """Writes a boot image to path. modules maps the name that the kernel sees to a file's path, or
    to bytes, which are the content itself. command is the one of GRUB's that boots the kernel."""
    modules = modules or {}
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        (work / "grub.cfg").write_text(grub_cfg(cmdline, modules, command))
        arguments = []
        for name, content in modules.items():
            if isinstance(content, bytes):
                (work / name).write_bytes(content)
                content = work / name
            arguments.append(f"{name}={content}")
        tool = ROOT / "tools/iso.sh"
        subprocess.run([tool, path, elf, work / "grub.cfg", *arguments], check=True)
    return pathlib.Path(path)
