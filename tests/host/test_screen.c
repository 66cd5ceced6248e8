/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The screen against memory: what lands in the text buffer, in pixels of 24 and 32 bits, what
 * scrolls, and that nothing is written beside a line's visible part.
 */
#include "boot/screen.h"
#include "tests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static u16 vga[80 * 25 + 1];

static void row_text(u32 row, char *out)
{
	for (u32 i = 0; i < 80; i++)
		out[i] = (char)vga[row * 80 + i];
	out[80] = 0;
	for (u32 i = 80; i && out[i - 1] == ' '; i--)
		out[i - 1] = 0;
}

static void expect_row(u32 row, const char *want)
{
	char got[81];

	row_text(row, got);
	EXPECT_STR(got, want);
}

TEST(screen_text_wraps_and_returns)
{
	char line[161];

	vga[2000] = 0xbeef;
	screen_init_text(vga);
	memset(line, 'a', 80);
	line[80] = 0;
	screen_puts(line);
	screen_puts("\nnext\r\nN\rn\ttab\x07\x1b[1;31mred\x1b[m");
	screen_puts("\nerased\r\x1b[Knot");
	expect_row(0, line);
	expect_row(1, "next");
	expect_row(2, "n tab?red");
	expect_row(3, "not");
	EXPECT_EQ(vga[80] >> 8, 0x0f);
	EXPECT_EQ(vga[2000], 0xbeef);
}

TEST(screen_text_scrolls)
{
	char line[32];

	vga[2000] = 0xbeef;
	screen_init_text(vga);
	for (int i = 0; i < 30; i++) {
		snprintf(line, sizeof(line), "line %d\n", i);
		screen_puts(line);
	}
	expect_row(0, "line 6");
	expect_row(23, "line 29");
	expect_row(24, "");
	EXPECT_EQ(vga[2000], 0xbeef);
}

/* Draws the left column of a framebuffer as text, to compare glyphs with. */
static u32 ink_in_cell(const u8 *pixels, u32 pitch, u32 step, u32 row)
{
	u32 ink = 0;

	for (u32 y = 0; y < 16; y++)
		for (u32 x = 0; x < 8; x++)
			ink += pixels[(row * 16 + y) * pitch + x * step] == 0xf0;
	return ink;
}

static void check_framebuffer(u32 bits)
{
	u32 step = bits / 8, width = 41, height = 50, pitch = width * step + 12;
	u8 *pixels = malloc(pitch * height);
	struct screen_framebuffer fb = { pixels, pitch, width, height, bits, 16, 8, 0 };

	memset(pixels, 0xee, pitch * height);
	if (!EXPECT_EQ(screen_init_framebuffer(&fb), 0))
		return;
	EXPECT_EQ(ink_in_cell(pixels, pitch, step, 0), 0);
	screen_puts("|\n \n|");
	EXPECT(ink_in_cell(pixels, pitch, step, 0) > 8);
	EXPECT_EQ(ink_in_cell(pixels, pitch, step, 1), 0);
	EXPECT(ink_in_cell(pixels, pitch, step, 2) > 8);
	EXPECT_EQ(pixels[0], 0x20);
	EXPECT_EQ(pixels[1], 0x14);
	EXPECT_EQ(pixels[2], 0x10);
	for (u32 y = 0; y < height; y++)
		for (u32 x = 40 * step; x < pitch; x++)
			if (!EXPECT_EQ(pixels[y * pitch + x], 0xee))
				return;
	screen_puts("\n");
	EXPECT_EQ(ink_in_cell(pixels, pitch, step, 2), 0);
	free(pixels);
}

TEST(screen_draws_pixels)
{
	check_framebuffer(32);
	check_framebuffer(24);
	screen_init_text(vga);
}

TEST(screen_refuses_bad_framebuffers)
{
	u8 pixels[16 * 16 * 4];
	const struct screen_framebuffer bad[] = {
		{ pixels, 64, 16, 16, 16, 11, 5, 0 },
		{ pixels, 64, 7, 16, 32, 16, 8, 0 },
		{ pixels, 64, 16, 15, 32, 16, 8, 0 },
		{ pixels, 63, 16, 16, 32, 16, 8, 0 },
		{ pixels, 64, 16, 16, 32, 25, 8, 0 },
		{ pixels, 64, 16, 16, 24, 16, 8, 17 },
		{ pixels, 64, 0xffffffff, 16, 32, 16, 8, 0 },
	};

	for (u32 i = 0; i < ARRAY_LEN(bad); i++)
		EXPECT_EQ(screen_init_framebuffer(&bad[i]), (u64)-EINVAL);
}
