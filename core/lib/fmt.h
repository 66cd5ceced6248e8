/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text without a C library: the part of printf that the hypervisor needs. Knows
 *	%d %i %u %x %X with l, ll, z;  %c %s %p %%
 *	flags - 0 #;  width and precision as number or *;  precision cuts strings only.
 * Anything else is printed as it stands. Widths beyond FMT_WIDTH_MAX count as that.
 */
#pragma once

#include "core/lib/types.h"

#define FMT_WIDTH_MAX 255

/* Where the text goes; embed it in a struct of your own. */
struct fmt_sink {
	void (*put)(struct fmt_sink *sink, char c);
};

/* Sends the text to the sink and returns its length in bytes. */
int fmt_v(struct fmt_sink *sink, const char *fmt, va_list args);

/*
 * Like snprintf: writes at most size - 1 bytes and a NUL (nothing when size is 0), and returns the
 * length that the whole text has.
 */
int fmt_string(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int fmt_string_v(char *buf, size_t size, const char *fmt, va_list args);
