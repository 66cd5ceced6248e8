#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What of the house style clang-format cannot see: licence lines, lengths, forbidden leftovers.

Usage: tools/check_style.py [--root DIR] [FILE]...      (paths relative to the root)
"""

import argparse
import ast
import pathlib
import re
import statistics
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
SPDX = "SPDX-License-Identifier: BSD-2-Clause"
MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
NATURAL_FUNCTION_LINES = 40
MAX_COLUMNS = 100
TAB = 8

C_SUFFIXES = (".c", ".h")
LICENSED = C_SUFFIXES + (".S", ".lds", ".ld", ".asl", ".py", ".sh")
LEFTOVER = re.compile(r"^\s*#\s*if\s+0\b|\b(TO[D]O|FIX[M]E|XX[X])\b")


def functions(text):
    """(name, first line, lines of the body): with this brace style, a function's braces are the
    only ones that stand alone in the first column."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif start and line.startswith("}"):
            yield _name(lines, start), start, number - start - 1
            start = None


def _name(lines, brace):
    """The word before the first parenthesis of the signature above the brace."""
    signature = ""
    for line in reversed(lines[: brace - 1]):
        signature = line + " " + signature
        if line[:1].isalpha() or line[:1] == "_":
            break
    match = re.search(r"(\w+)\s*\(", re.sub(r"__\w+__\s*\(\(.*?\)\)", "", signature))
    return match[1] if match else "?"


def check_licence(lines):
    """On the first line, or on the second below `#!`."""
    first = 1 if lines and lines[0].startswith("#!") else 0
    if len(lines) <= first or SPDX not in lines[first]:
        yield first + 1, "no SPDX line"


def check_lines(lines, check_width):
    """Where clang-format decides on lines, a string may go over the edge."""
    if len(lines) > MAX_FILE_LINES:
        yield len(lines), f"{len(lines)} lines: find the second idea (at most {MAX_FILE_LINES})"
    for number, line in enumerate(lines, 1):
        if check_width and len(line.expandtabs(TAB)) > MAX_COLUMNS:
            yield number, f"longer than {MAX_COLUMNS} columns"
        if line != line.rstrip():
            yield number, "white space at the end"
        if LEFTOVER.search(line):
            yield number, "leftover: " + line.strip()


def check_functions(text):
    for name, line, length in functions(text):
        if length > MAX_FUNCTION_LINES:
            yield line, f"{name}() has {length} lines (at most {MAX_FUNCTION_LINES})"


def check_python(text):
    try:
        ast.parse(text)
    except SyntaxError as error:
        yield error.lineno or 1, f"Python: {error.msg}"


def check_file(root, name):
    path = root / name
    data = path.read_bytes()
    if path.suffix not in LICENSED and not data.startswith(b"#!"):
        return []
    text = data.decode()
    found = list(check_licence(text.splitlines()))
    found += check_lines(text.splitlines(), check_width=path.suffix not in C_SUFFIXES)
    if path.suffix in C_SUFFIXES:
        found += check_functions(text)
    if path.suffix == ".py":
        found += check_python(text)
    return [(name, line, what) for line, what in found]


def report_lengths(root, names):
    """The figures that tell whether functions stay small, with the longest by name."""
    found = [
        (length, name, function)
        for name in names
        if name.endswith(".c")
        for function, _, length in functions((root / name).read_text())
    ]
    if not found:
        return
    lengths = [length for length, _, _ in found]
    within = sum(length <= NATURAL_FUNCTION_LINES for length in lengths) / len(lengths)
    print(
        f"functions: {len(found)}, median {statistics.median(lengths):.0f} lines,"
        f" {within:.0%} within {NATURAL_FUNCTION_LINES}"
    )
    for length, name, function in sorted(found, reverse=True):
        if length > NATURAL_FUNCTION_LINES:
            print(f"  {length} lines: {function}() in {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=ROOT, type=pathlib.Path)
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()
    found = [hit for name in arguments.files for hit in check_file(arguments.root, name)]
    for hit in found:
        print("{}:{}: {}".format(*hit), file=sys.stderr)
    report_lengths(arguments.root, arguments.files)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
