/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text on whatever screen the firmware left: the VGA text buffer or a linear framebuffer. For the
 * time before the serial console runs, for boot failures and for panics; write only, scrolls.
 */
#pragma once

#include "core/lib/types.h"

/* Where a pixel's colours are: bit positions of three 8-bit fields. */
struct screen_framebuffer {
	void *base;
	u32 pitch; /* bytes from one line to the next */
	u32 width, height;
	u32 bits; /* 24 or 32 for each pixel */
	u8 red, green, blue;
};

/* `vga`: the text buffer of 80x25 cells, mapped. */
void screen_init_text(void *vga);
/* -EINVAL when it cannot hold text: another depth, smaller than a character, fields out of place.
 */
int __must_check screen_init_framebuffer(const struct screen_framebuffer *fb);
/* Does nothing while there is no screen. */
void screen_puts(const char *text);
void screen_write(const char *text, u32 len);
