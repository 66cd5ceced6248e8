# SPDX-License-Identifier: BSD-2-Clause
"""Configurations for tests: VMs as values that know the boot modules they need."""

import dataclasses

from harness.tree import BUILD

# Linux checks at boot that ticks come while it spins, which a busy machine cannot promise a VM.
LINUX_CMDLINE = "quiet no_timer_check"


@dataclasses.dataclass
class Vm:
    name: str
    settings: dict  # statement -> its text, in the language of drivers/api/config.h; or several
    modules: dict = dataclasses.field(default_factory=dict)  # module name -> path or bytes

    def text(self):
        lines = [
            f"\t{statement} {value}"
            for statement, values in self.settings.items()
            for value in ([values] if isinstance(values, str | int) else values)
        ]
        return "\n".join([f"vm {self.name} {{", *lines, "}"])


def linux(name="linux", memory="256M", cmdline="", line="ttyS0", **settings):
    """Debian's kernel with the small initramfs; what cmdline says comes after the usual."""
    words = quote(f"console={line} {LINUX_CMDLINE} {cmdline}".strip())
    return Vm(
        name,
        dict(memory=memory, kernel="vmlinuz", initrd="initrd.img", cmdline=words, **settings),
        {"vmlinuz": BUILD / "guest/vmlinuz", "initrd.img": BUILD / "guest/initrd.img"},
    )


def guest(program, name=None, memory="16M", cmdline="", **settings):
    """One of the multiboot guests of tests/guests; a guest that ends has ended."""
    settings = dict(dict(reboot="stop"), **settings)
    return Vm(
        name or program,
        dict(memory=memory, kernel=program, cmdline=quote(cmdline), **settings),
        {program: BUILD / f"guests/{program}.elf"},
    )


def quote(text):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def config(*vms, focus=None, policy=None, host=()):
    """(text of the configuration, the boot modules it names)."""
    parts = [*host, *(vm.text() for vm in vms)]
    if focus:
        parts.append(f"console {{ focus {focus} }}")
    if policy:
        parts.append(policy)
    modules = {}
    for vm in vms:
        modules.update(vm.modules)
    return "\n".join(parts) + "\n", modules
