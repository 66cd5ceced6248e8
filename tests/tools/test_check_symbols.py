# SPDX-License-Identifier: BSD-2-Clause
"""A driver that refers past the gate API is found in its object; one that does not passes."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import check_symbols

API = "void l1_timer_arm(unsigned long deadline_ns);\n/* not vm_fail(); this is a comment */\n"


@pytest.fixture
def build(tmp_path):
    """compile(path, text) puts an object where the Makefile would."""
    (tmp_path / "drivers/api").mkdir(parents=True)
    (tmp_path / "drivers/api/driver.h").write_text(API)

    def compile(path, text):
        target = tmp_path / "build" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        command = ["gcc", "-xc", "-c", "-ffreestanding", "-o", target, "-"]
        subprocess.run(command, input=text, text=True, check=True)

    compile.root, compile.objects = tmp_path, tmp_path / "build"
    compile("core/lib/string.o", "int str_len(void) { return 1; }")
    compile("core/l2/vm.o", "void vm_fail(void) { }")
    return compile


def call(name):
    return f"void {name}(); void use_{name}(void) {{ {name}(); }}"


def test_gate_library_and_own_are_allowed(build):
    build("drivers/uart/uart.o", call("l1_timer_arm") + call("str_len") + call("fifo_put"))
    build("drivers/uart/fifo.o", "void fifo_put(void) { }")
    assert check_symbols.check(build.objects, build.root) == []


def test_call_into_the_nucleus_is_found(build):
    build("drivers/uart/uart.o", call("vm_fail"))
    expected = [("drivers/uart/uart.o", "vm_fail")]
    assert check_symbols.check(build.objects, build.root) == expected


def test_nucleus_data_is_found(build):
    build("drivers/uart/uart.o", "extern int secret; int *steal(void) { return &secret; }")
    assert ("drivers/uart/uart.o", "secret") in check_symbols.check(build.objects, build.root)


def test_other_driver_is_found(build):
    build("drivers/uart/uart.o", call("pic_raise"))
    build("drivers/pic/pic.o", "void pic_raise(void) { }")
    expected = [("drivers/uart/uart.o", "pic_raise")]
    assert check_symbols.check(build.objects, build.root) == expected


def test_nothing_built_is_an_error(build):
    with pytest.raises(SystemExit, match="build the image first"):
        check_symbols.check(build.objects, build.root)


def test_real_api_is_understood():
    names = check_symbols.api_names(ROOT)
    assert {"l1_now_ns", "l1_timer_arm", "l2_call", "l3_raise_irq"} <= names
    assert not {"vm_fail", "hook_fire"} & names
