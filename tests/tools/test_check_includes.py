# SPDX-License-Identifier: BSD-2-Clause
"""The include check finds every kind of violation that is planted, and nothing in a sound tree."""

import pathlib
import subprocess
import sys
import types

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
sys.path.insert(0, str(TOOLS))
import check_includes

SOUND = {
    "core/lib/types.h": "/* SPDX */\n#pragma once\n#include <stdint.h>\ntypedef uint8_t u8;\n",
    "kfv/hook.h": '#pragma once\n#include "core/lib/types.h"\n',
    "core/l1/frame.h": '#pragma once\n#include "core/lib/types.h"\n',
    "core/l2/vm.h": '#pragma once\n#include "core/l1/frame.h"\n#include "arch/x86/hv.h"\n',
    "core/l3/run.h": '#pragma once\n#include "core/l2/vm.h"\n#include "kfv/hook.h"\n',
    "core/l3/run.c": '#include "core/l3/run.h"\n#include "core/lib/types.h"\n',
    "arch/x86/hv.h": '#pragma once\n#include "core/l1/frame.h"\n',
    "arch/x86/svm/vmcb.h": '#pragma once\n#include "arch/x86/hv.h"\n',
    "arch/x86/svm/exit.c": '#include "arch/x86/svm/vmcb.h"\n',
    "arch/x86/vmx/vmcs.h": '#pragma once\n#include "arch/x86/hv.h"\n',
    "arch/x86/iommu/vtd.h": "#pragma once\n",
    "drivers/api/driver.h": '#pragma once\n#include "core/lib/types.h"\n',
    "drivers/uart/uart.c": '#include "drivers/api/driver.h"\n',
    "drivers/pci/pci.h": '#pragma once\n#include "drivers/api/driver.h"\n',
    "kfv/vo.c": '#include "core/l2/vm.h"\n#include "drivers/api/driver.h"\n',
    "boot/boot.h": '#pragma once\n#include "core/lib/types.h"\n',
}


@pytest.fixture
def tree(tmp_path):
    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    for path, text in SOUND.items():
        write(path, text)
    return types.SimpleNamespace(root=tmp_path, write=write)


def test_sound_tree_passes(tree):
    assert check_includes.check_tree(tree.root, ["gcc", "clang"]) == []


FORBIDDEN = [
    ("core/lib/string.c", "kfv/hook.h"),
    ("kfv/hook.h", "drivers/api/driver.h"),
    ("arch/x86/svm/npt.c", "arch/x86/vmx/vmcs.h"),
    ("arch/x86/vmx/ept.c", "arch/x86/svm/vmcb.h"),
    ("arch/x86/iommu/amdvi.c", "arch/x86/svm/vmcb.h"),
    ("arch/x86/svm/dma.c", "arch/x86/iommu/vtd.h"),
    ("arch/x86/trap.c", "core/l2/vm.h"),
    ("arch/x86/apic.c", "drivers/api/driver.h"),
    ("core/l1/irq.c", "core/l2/vm.h"),
    ("core/l2/s2.c", "core/l3/run.h"),
    ("core/l2/bus.c", "drivers/pci/pci.h"),
    ("core/l3/exit.c", "arch/x86/svm/vmcb.h"),
    ("core/init.c", "arch/x86/vmx/vmcs.h"),
    ("drivers/uart/irq.c", "core/l1/frame.h"),
    ("drivers/uart/irq.c", "kfv/hook.h"),
    ("drivers/uart/irq.c", "drivers/pci/pci.h"),
    ("drivers/api/bus.h", "core/l2/vm.h"),
    ("kfv/ho.c", "arch/x86/hv.h"),
    ("kfv/agents/rate.c", "drivers/pci/pci.h"),
    ("boot/entry.c", "arch/x86/svm/vmcb.h"),
    ("boot/vmx_probe.c", "arch/x86/svm/vmcb.h"),
    ("boot/svm_probe.c", "arch/x86/vmx/vmcs.h"),
]


@pytest.mark.parametrize("path, header", FORBIDDEN)
def test_forbidden_include_is_found(tree, path, header):
    pragma = "#pragma once\n" if path.endswith(".h") else "\n"
    tree.write(path, f'{pragma}#include "core/lib/types.h"\n#include "{header}"\n')
    found = check_includes.check_tree(tree.root)
    assert [(v.path, v.line) for v in found if header in v.rule] == [(path, 3)]


@pytest.mark.parametrize("header", ["stdio.h", "string.h", "immintrin.h"])
def test_hosted_header_is_found(tree, header):
    tree.write("core/l1/log.c", f"#include <{header}>\n")
    found = check_includes.check_tree(tree.root)
    assert [(v.path, v.line) for v in found] == [("core/l1/log.c", 1)]


def test_generated_header_belongs_to_its_folder(tree):
    tree.write("boot/screen.c", '#include "font.h"\n')
    tree.write("kfv/font.c", '#include "font.h"\n')
    assert [v.path for v in check_includes.check_tree(tree.root)] == ["kfv/font.c"]


def test_path_must_start_at_the_root(tree):
    tree.write("core/l1/log.c", '#include "frame.h"\n')
    [violation] = check_includes.check_tree(tree.root)
    assert "no such file" in violation.rule


def test_assembly_is_checked(tree):
    tree.write("arch/x86/svm/enter.S", '#include "arch/x86/vmx/vmcs.h"\n')
    assert len(check_includes.check_tree(tree.root)) == 1


def test_unknown_folder_is_found(tree):
    tree.write("arch/x86.h", "#pragma once\n")
    tree.write("drivers/loose.c", "\n")
    paths = [v.path for v in check_includes.check_tree(tree.root)]
    assert paths == ["drivers/loose.c"]


def test_own_header_comes_first(tree):
    tree.write("core/l3/run.c", '#include "core/lib/types.h"\n#include "core/l3/run.h"\n')
    [violation] = check_includes.check_tree(tree.root)
    assert (violation.path, violation.line) == ("core/l3/run.c", 1)
    assert "own header" in violation.rule


def test_pragma_once_is_required(tree):
    tree.write("core/l1/irq.h", "/* words */\n#define X 1\n#pragma once\n")
    [violation] = check_includes.check_tree(tree.root)
    assert violation.path == "core/l1/irq.h" and "#pragma once" in violation.rule


def test_cycle_is_found(tree):
    tree.write("core/l2/a.h", '#pragma once\n#include "core/l2/b.h"\n')
    tree.write("core/l2/b.h", '#pragma once\n#include "core/l2/a.h"\n')
    [violation] = check_includes.check_tree(tree.root)
    assert violation.rule == "circular include: core/l2/a.h -> core/l2/b.h -> core/l2/a.h"


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_header_that_leans_on_others_is_found(tree, compiler):
    tree.write("core/l2/lean.h", "#pragma once\nextern u8 lean;\n")
    tree.write("core/l2/sound.h", '#pragma once\n#include "core/lib/types.h"\nextern u8 sound;\n')
    [violation] = check_includes.check_tree(tree.root, [compiler])
    assert violation.path == "core/l2/lean.h" and compiler in violation.rule


def test_command_line_reports_file_line_and_rule(tree):
    tree.write("drivers/uart/uart.c", '\n#include "kfv/hook.h"\n')
    run = subprocess.run(
        [TOOLS / "check_includes.py", "--root", tree.root], capture_output=True, text=True
    )
    assert run.returncode == 1
    expected = "drivers/uart/uart.c:2: drivers/uart/** may not include kfv/hook.h (only"
    assert run.stderr.startswith(expected)
