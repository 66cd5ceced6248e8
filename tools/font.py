#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Prints the screen's font as a C header: the 8x16 glyphs of the printable ASCII characters.

Usage: tools/font.py [FONT.pf2]
The glyphs come from GRUB's Unifont in PFF2 (GRUB Manual for Developers, "PFF2 Font File Format"):
sections of a name, a big-endian length and data; CHIX lists code points with the place of each
glyph, which is a box (width, height, x, y, advance) and its bits, row after row without padding.
"""
import struct
import sys

UNIFONT = "/usr/share/grub/unicode.pf2"  # package grub-common
FIRST, LAST = 32, 126
HEIGHT = 16


def sections(data):
    place = 0
    while place + 8 <= len(data):
        name, length = struct.unpack_from(">4sI", data, place)
        if name == b"DATA":  # the rest of the file, with a length of all ones
            return
        yield name, data[place + 8 : place + 8 + length]
        place += 8 + length


def glyph_places(chix):
    for place in range(0, len(chix), 9):
        code, _flags, offset = struct.unpack_from(">IBI", chix, place)
        yield code, offset


def glyph_rows(data, offset, ascent):
    """Sixteen bytes, the leftmost pixel in bit 7."""
    width, height, x, y, _advance = struct.unpack_from(">HHhhh", data, offset)
    bits = data[offset + 10 : offset + 10 + (width * height + 7) // 8]
    rows = [0] * HEIGHT
    top = ascent - (y + height)
    if width + x > 8 or x < 0 or top < 0 or top + height > HEIGHT:
        raise SystemExit("font.py: a glyph does not fit into 8x16")
    for pixel in range(width * height):
        if bits[pixel // 8] >> (7 - pixel % 8) & 1:
            rows[top + pixel // width] |= 0x80 >> (x + pixel % width)
    return rows


def read_font(path):
    with open(path, "rb") as font:
        data = font.read()
    parts = dict(sections(data))
    if parts.get(b"FILE") != b"PFF2":
        raise SystemExit(f"font.py: {path} is no PFF2 font")
    ascent = struct.unpack(">H", parts[b"ASCE"])[0]
    places = dict(glyph_places(parts[b"CHIX"]))
    return [glyph_rows(data, places[code], ascent) for code in range(FIRST, LAST + 1)]


def main():
    glyphs = read_font(sys.argv[1] if len(sys.argv) > 1 else UNIFONT)
    print("/* Made by tools/font.py. */")
    print(f"static const u8 font_glyphs[{len(glyphs)}][{HEIGHT}] = {{")
    for rows in glyphs:
        print("\t{ " + ", ".join(f"0x{row:02x}" for row in rows) + " },")
    print("};")


if __name__ == "__main__":
    main()
