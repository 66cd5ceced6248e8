#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may include whom: the layers of the design, as a table that fails the build when broken.

Usage: tools/check_includes.py [--root DIR] [--cc COMPILER]...
Checks every source file of the image, and that each header stands alone under each compiler.
"""

import argparse
import collections
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Made by the build, found in its directory: name -> the files that may include it.
GENERATED = {"font.h": "boot/**"}

IMAGE_FOLDERS = ("boot", "arch", "core", "drivers", "kfv")
CFLAGS = "-std=gnu17 -m64 -ffreestanding -mgeneral-regs-only -Wall -Wextra -Werror".split()

# What a freestanding compiler brings along (C17, "Conformance").
COMPILER_HEADERS = {f"std{name}.h" for name in ("arg", "bool", "def", "int", "align", "noreturn")}
COMPILER_HEADERS |= {"limits.h", "cpuid.h"}

# folder -> what its files may include. `**` crosses slashes, `*` does not; the first row that
# matches a file is the one that counts.
EVERYONE = ["config.h", "core/lib/**"]
# Addresses of the image, and what failures and panics are written to.
BOOT = ["boot/layout.h", "boot/reason.h", "boot/screen.h"]
ARCH = EVERYONE + BOOT + ["core/l1/*.h", "kfv/hook.h", "arch/x86/*.h"]
CORE = EVERYONE + BOOT + ["arch/x86/*.h", "drivers/api/*.h", "kfv/hook.h", "core/*.h"]
# The boot list calls everybody, and the in-image tests where there are any.
INIT = EVERYONE + ["boot/**", "arch/x86/*.h", "core/**", "kfv/*.h", "drivers/api/*.h"]
INIT += ["tests/dialect.h"]
RULES = [
    ("core/lib/**", ["core/lib/**"]),
    ("kfv/hook.h", ["core/lib/types.h"]),
    ("arch/x86/vmx/**", ARCH + ["arch/x86/vmx/**"]),
    ("arch/x86/svm/**", ARCH + ["arch/x86/svm/**"]),
    ("arch/x86/iommu/**", ARCH + ["arch/x86/iommu/**"]),
    ("arch/**", ARCH + ["arch/x86/**"]),
    ("core/l1/**", CORE + ["core/l1/**"]),
    ("core/l2/**", CORE + ["core/l1/**", "core/l2/**"]),
    ("core/l3/**", CORE + ["core/l1/**", "core/l2/**", "core/l3/**"]),
    ("core/*", CORE + ["core/**"]),
    ("drivers/api/**", EVERYONE + ["drivers/api/**"]),
    ("drivers/{driver}/**", EVERYONE + ["drivers/api/**", "drivers/{driver}/**"]),
    ("kfv/**", EVERYONE + ["core/**", "drivers/api/**", "kfv/**"]),
    ("boot/vmx_probe.c", INIT + ["arch/x86/vmx/*.h"]),
    ("boot/svm_probe.c", INIT + ["arch/x86/svm/*.h"]),
    ("boot/**", INIT),
    ("diag/**", EVERYONE + ["arch/x86/**", "core/**", "kfv/*.h", "drivers/api/*.h"]),
]

INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)[>"]')
Violation = collections.namedtuple("Violation", "path line rule")
Include = collections.namedtuple("Include", "line quote name")


def matches(path, pattern):
    regex = re.escape(pattern).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
    return re.fullmatch(regex, path) is not None


def allowed(path):
    """The row of a file: (name of the row, patterns it may include), or None."""
    for row, patterns in RULES:
        parts = path.split("/")
        driver = parts[1] if len(parts) > 2 else ""
        row = row.format(driver=driver)
        if matches(path, row):
            return row, [pattern.format(driver=driver) for pattern in patterns]
    return None


def includes_of(text):
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            found.append(Include(number, match[1], match[2]))
    return found


def check_layers(root, path, includes):
    row = allowed(path)
    if row is None:
        yield Violation(path, 1, "no row of the include table covers this file")
        return
    for inc in includes:
        if matches(path, GENERATED.get(inc.name, "")):
            continue
        if inc.quote == "<":
            if inc.name not in COMPILER_HEADERS:
                yield Violation(path, inc.line, f"<{inc.name}> is no freestanding header")
        elif not (root / inc.name).is_file():
            yield Violation(path, inc.line, f'"{inc.name}": no such file, counted from the root')
        elif not any(matches(inc.name, pattern) for pattern in row[1]):
            rule = f"{row[0]} may not include {inc.name} (only {', '.join(row[1])})"
            yield Violation(path, inc.line, rule)


def check_own_header_first(root, path, includes):
    own = re.sub(r"\.c$", ".h", path)
    if own == path or not (root / own).is_file():
        return
    if not includes or includes[0].name != own:
        line = includes[0].line if includes else 1
        yield Violation(path, line, f"the first include must be its own header, {own}")


def check_pragma_once(path, text):
    """Only comments may stand before it."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S).lstrip()
    if not code.startswith("#pragma once"):
        yield Violation(path, 1, "a header starts with #pragma once")


def check_cycles(graph):
    """A header that includes itself by way of others; reported once for each cycle."""
    done, trail = set(), []

    def visit(path):
        if path in trail:
            cycle = trail[trail.index(path):] + [path]
            yield Violation(path, 1, "circular include: " + " -> ".join(cycle))
        elif path not in done and path in graph:
            trail.append(path)
            for inc in graph[path]:
                yield from visit(inc.name)
            trail.pop()
            done.add(path)

    for path in sorted(graph):
        yield from visit(path)


def check_stands_alone(root, headers, compiler):
    """A file that includes nothing but the header has to compile. One run checks them all, since
    the compiler says which file an error comes from."""
    with tempfile.TemporaryDirectory() as work:
        files = {}
        for number, header in enumerate(headers):
            file = pathlib.Path(work, f"{number}.c")
            file.write_text(f'#include "{header}"\n')
            files[str(file)] = header
        command = [compiler, *CFLAGS, "-I", str(root), "-fsyntax-only"]
        if not files or not _fails(command + list(files)):
            return
        for file, header in files.items():
            run = subprocess.run(command + [file], capture_output=True, text=True)
            if run.returncode:
                errors = [line for line in run.stderr.splitlines() if "error" in line]
                rule = f"does not stand alone under {compiler}: {(errors or ['failed'])[0]}"
                yield Violation(header, 1, rule)


def _fails(command):
    return subprocess.run(command, capture_output=True).returncode != 0


def sources(root):
    for folder in IMAGE_FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".S"):
                yield path.relative_to(root).as_posix()


def check_tree(root, compilers=()):
    root = pathlib.Path(root)
    violations, graph = [], {}
    for path in sources(root):
        text = (root / path).read_text()
        includes = includes_of(text)
        violations += check_layers(root, path, includes)
        violations += check_own_header_first(root, path, includes)
        if path.endswith(".h"):
            graph[path] = includes
            violations += check_pragma_once(path, text)
    violations += check_cycles(graph)
    for compiler in compilers:
        violations += check_stands_alone(root, sorted(graph), compiler)
    return violations


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=ROOT, type=pathlib.Path)
    parser.add_argument("--cc", action="append", default=[], help="check headers under this one")
    arguments = parser.parse_args()
    violations = check_tree(arguments.root, arguments.cc)
    for violation in violations:
        print("{}:{}: {}".format(*violation), file=sys.stderr)
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
