#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Complete mediation, seen in the objects: what a driver refers to is the gate API, the pure
helpers of core/lib, or its own. Anything else would be a way past the gates.

Usage: tools/check_symbols.py OBJECT_DIR      (e.g. build/kfv, as the Makefile lays it out)
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
API = "drivers/api"
PROTOTYPE = re.compile(r"^\w[\w\s*]*?\b(\w+)\([^{}]*?\)[\w\s]*;", re.M)
NM = os.environ.get("CROSS_COMPILE", "") + "nm"


def api_names(root):
    """The functions that the headers of the driver API declare."""
    names = set()
    for header in sorted((root / API).glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        names |= set(PROTOTYPE.findall(text))
    return names


def symbols(objects, *, defined):
    """(object, name) of the symbols that objects define for others, or lack."""
    command = [NM, "-A", "-P", "--extern-only" if defined else "--undefined-only", *objects]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        file, name, kind = re.match(r"(.*?): (\S+) (\S)", line).groups()
        if defined == (kind not in "Uvw"):
            yield pathlib.Path(file), name


def names_in(folder):
    objects = sorted(folder.rglob("*.o"))
    return {name for _, name in symbols(objects, defined=True)} if objects else set()


def check(build, root=ROOT):
    """The forbidden references: (driver's object, symbol). An image without drivers is an error."""
    drivers = sorted(p for p in (build / "drivers").glob("*") if list(p.rglob("*.o")))
    if not drivers:
        raise SystemExit(f"{build}: no driver objects: build the image first")
    common = api_names(root) | names_in(build / "core/lib")
    found = []
    for driver in drivers:
        allowed = common | names_in(driver)
        for file, name in symbols(sorted(driver.rglob("*.o")), defined=False):
            if name not in allowed:
                found.append((file.relative_to(build).as_posix(), name))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    found = check(parser.parse_args().build)
    for file, name in found:
        print(f"{file}: refers to {name}, which is not the gate API", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
