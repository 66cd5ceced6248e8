# SPDX-License-Identifier: BSD-2-Clause
"""What is on a machine's screen, read from outside: text memory, or pixels by the image's font."""

import re

from harness.tree import BUILD

VGA_TEXT, VGA_COLUMNS, VGA_ROWS = 0xB8000, 80, 25
GLYPH_WIDTH, GLYPH_HEIGHT = 8, 16
INK = b"\xf0\xf0\xf0"  # boot/screen.c


def vga_text(machine):
    """The 80x25 text screen, as lines."""
    cells = machine.memory(VGA_TEXT, VGA_COLUMNS * VGA_ROWS * 2)[::2]
    rows = (cells[i : i + VGA_COLUMNS] for i in range(0, len(cells), VGA_COLUMNS))
    return "\n".join(row.decode("cp437").rstrip("\0 ") for row in rows)


def framebuffer_text(machine):
    """The graphics screen, as lines; a cell that is no glyph of the font reads as U+FFFD."""
    width, height, pixels = read_ppm(screendump(machine))
    font = glyphs()
    rows = []
    for top in range(0, height - GLYPH_HEIGHT + 1, GLYPH_HEIGHT):
        lines = [pixels[(top + y) * width * 3 :][: width * 3] for y in range(GLYPH_HEIGHT)]
        cells = (cell(lines, column) for column in range(width // GLYPH_WIDTH))
        rows.append("".join(font.get(bits, "\ufffd") for bits in cells).rstrip())
    return "\n".join(rows)


def screendump(machine):
    path = machine.work / "screen.ppm"
    machine.qmp("screendump", filename=str(path))
    return path.read_bytes()


def read_ppm(data):
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    return int(header[1]), int(header[2]), data[header.end() :]


def cell(lines, column):
    """The bits of a character cell, one byte for each line as in the font."""
    bits = bytearray()
    for line in lines:
        start = column * GLYPH_WIDTH * 3
        pixels = (line[start + x * 3 : start + x * 3 + 3] for x in range(GLYPH_WIDTH))
        bits.append(sum(0x80 >> x for x, pixel in enumerate(pixels) if pixel == INK))
    return bytes(bits)


def glyphs():
    """{bits: character} of the font that the build made, from the space on."""
    rows = re.findall(r"\{ (0x[^}]*) \}", (BUILD / "gen/font.h").read_text())
    font = {}
    for code, row in enumerate(rows, ord(" ")):
        font.setdefault(bytes(int(value, 16) for value in re.findall(r"0x\w+", row)), chr(code))
    return font
