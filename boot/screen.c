/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Screen text. The characters shown are kept in a grid of our own, so that scrolling never reads
 * the (uncached) screen and writes only the cells that change.
 *
 * Relies on font.h in the build directory, made from GRUB's Unifont by tools/font.py.
 */
#include "boot/screen.h"
#include "font.h"

#define COLUMNS_MAX  160
#define ROWS_MAX     64
#define GLYPH_WIDTH  8
#define GLYPH_HEIGHT 16
#define TEXT_COLUMNS 80
#define TEXT_ROWS    25
#define ESC	     '\x1b'
#define TEXT_WHITE   0x0f00 /* attribute byte: bright white on black */

struct rgb {
	u8 red, green, blue;
};

static const struct rgb ink = { 0xf0, 0xf0, 0xf0 };
static const struct rgb paper = { 0x10, 0x14, 0x20 };

static struct {
	void (*draw)(u32 row, u32 column, char c); /* NULL: no screen */
	volatile u16 *text;
	struct screen_framebuffer fb;
	u32 columns, rows;
	u32 row, column; /* where the next character goes; column == columns: wraps first */
	u8 escape;	 /* bytes seen of an escape sequence, at most 2 */
	u32 jump;	 /* lines to scroll at once: a framebuffer is slow */
	char cells[ROWS_MAX][COLUMNS_MAX];
} screen;

static void draw_text(u32 row, u32 column, char c)
{
	screen.text[row * TEXT_COLUMNS + column] = TEXT_WHITE | (u8)c;
}

static u32 pixel_value(struct rgb colour)
{
	const struct screen_framebuffer *fb = &screen.fb;

	return (u32)colour.red << fb->red | (u32)colour.green << fb->green |
	       (u32)colour.blue << fb->blue;
}

static void pixel_put(volatile u8 *at, u32 value)
{
	if (screen.fb.bits == 32) {
		*(volatile u32 *)at = value;
		return;
	}
	at[0] = value;
	at[1] = value >> 8;
	at[2] = value >> 16;
}

static void draw_pixels(u32 row, u32 column, char c)
{
	const struct screen_framebuffer *fb = &screen.fb;
	const u8 *glyph = font_glyphs[c - ' '];
	u32 on = pixel_value(ink), off = pixel_value(paper), step = fb->bits / 8;

	for (u32 y = 0; y < GLYPH_HEIGHT; y++) {
		volatile u8 *at = (volatile u8 *)fb->base +
				  (u64)(row * GLYPH_HEIGHT + y) * fb->pitch +
				  (u64)column * GLYPH_WIDTH * step;
		for (u32 x = 0; x < GLYPH_WIDTH; x++)
			pixel_put(at + x * step, glyph[y] & (0x80 >> x) ? on : off);
	}
}

static void set_cell(u32 row, u32 column, char c)
{
	if (screen.cells[row][column] == c)
		return;
	screen.cells[row][column] = c;
	screen.draw(row, column, c);
}

static void scroll(void)
{
	for (u32 row = 0; row < screen.rows; row++)
		for (u32 column = 0; column < screen.columns; column++)
			set_cell(row, column,
				row + screen.jump < screen.rows
					? screen.cells[row + screen.jump][column]
					: ' ');
	screen.row -= screen.jump;
}

static void new_line(void)
{
	screen.column = 0;
	if (++screen.row == screen.rows)
		scroll();
}

/* Cells start as zero, which no character is: each one is drawn. */
static void start(u32 columns, u32 rows, u32 jump)
{
	screen.columns = columns;
	screen.rows = rows;
	screen.jump = MIN(jump, rows);
	screen.row = screen.column = screen.escape = 0;
	for (u32 row = 0; row < rows; row++)
		for (u32 column = 0; column < columns; column++) {
			screen.cells[row][column] = 0;
			set_cell(row, column, ' ');
		}
}

void screen_init_text(void *vga)
{
	screen.text = vga;
	screen.draw = draw_text;
	start(TEXT_COLUMNS, TEXT_ROWS, 1);
}

static bool framebuffer_valid(const struct screen_framebuffer *fb)
{
	if (fb->bits != 24 && fb->bits != 32)
		return false;
	if (fb->width < GLYPH_WIDTH || fb->height < GLYPH_HEIGHT)
		return false;
	if (fb->pitch < (u64)fb->width * (fb->bits / 8))
		return false;
	return MAX(fb->red, MAX(fb->green, fb->blue)) + 8u <= fb->bits;
}

int screen_init_framebuffer(const struct screen_framebuffer *fb)
{
	if (!framebuffer_valid(fb))
		return -EINVAL;
	screen.fb = *fb;
	screen.draw = draw_pixels;
	start(MIN(fb->width / GLYPH_WIDTH, COLUMNS_MAX), MIN(fb->height / GLYPH_HEIGHT, ROWS_MAX),
		8);
	return 0;
}

static void erase_line_end(void)
{
	for (u32 column = screen.column; column < screen.columns; column++)
		set_cell(screen.row, column, ' ');
}

/* ESC, or ESC [ up to a letter, of which K alone has an effect. */
static bool in_escape(char c)
{
	if (c == ESC) {
		screen.escape = 1;
	} else if (screen.escape == 1) {
		screen.escape = c == '[' ? 2 : 0;
	} else if (screen.escape == 2 && c >= '@') {
		screen.escape = 0;
		if (c == 'K')
			erase_line_end();
	} else {
		return screen.escape;
	}
	return true;
}

static void put(char c)
{
	if (in_escape(c))
		return;
	if (c == '\n') {
		new_line();
		return;
	}
	if (c == '\r') {
		screen.column = 0;
		return;
	}
	if (c < ' ' || c > '~')
		c = c == '\t' ? ' ' : '?';
	if (screen.column == screen.columns)
		new_line();
	set_cell(screen.row, screen.column++, c);
}

void screen_write(const char *text, u32 len)
{
	if (!screen.draw)
		return;
	for (u32 i = 0; i < len; i++)
		put(text[i]);
}

void screen_puts(const char *text)
{
	screen_write(text, __builtin_strlen(text));
}
