/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text under any format. The first byte chooses: a conversion put together from the
 * bytes, which must come out as the C library's does; or the bytes themselves as a format, which
 * must stay inside the buffer and return the same length whatever its size.
 */
#include "core/lib/fmt.h"
#include "tests/fuzz/holds.h"

#include <stdio.h>
#include <string.h>

/* Not known to the compiler as formats, so that any text may be one. */
static int ours(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = fmt_string_v(buf, size, fmt, args);
	va_end(args);
	return len;
}

static int theirs(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return len;
}

#define COMPARE(...)                                                                               \
	do {                                                                                       \
		HOLDS(ours(got, sizeof(got), __VA_ARGS__) ==                                       \
			theirs(want, sizeof(want), __VA_ARGS__));                                  \
		if (strcmp(got, want))                                                             \
			fprintf(stderr, "format \"%s\": \"%s\", not \"%s\"\n", fmt, got, want);    \
		HOLDS(!strcmp(got, want));                                                         \
	} while (0)

/* choice[0..3]: flags, width, letter, precision; value: what is printed. */
static void compare(const u8 *choice, u64 value)
{
	static const char *const letters[] = { "d", "u", "x", "X", "ld", "lu", "lx", "lX", "lld",
		"zu", "s", "c" };
	const char *letter = letters[choice[2] % ARRAY_LEN(letters)];
	char fmt[32], text[9] = { 0 }, got[300], want[300];

	snprintf(fmt, sizeof(fmt), "<%%%s%s%s%.0u%s>", choice[0] & 1 ? "-" : "",
		choice[0] & 2 && *letter != 's' && *letter != 'c' ? "0" : "",
		choice[0] & 4 && strpbrk(letter, "xX") ? "#" : "", choice[1], letter);
	memcpy(text, &value, 8);
	if (*letter == 's' && choice[0] & 8) {
		snprintf(fmt, sizeof(fmt), "<%%%s*.*s>", choice[0] & 1 ? "-" : "");
		COMPARE(fmt, (int)(s8)choice[1], (int)(s8)choice[3], text);
	} else if (*letter == 's') {
		COMPARE(fmt, text);
	} else if (*letter == 'c') {
		COMPARE(fmt, (int)(value % 255) + 1);
	} else if (letter[1]) {
		COMPARE(fmt, value);
	} else {
		COMPARE(fmt, (u32)value);
	}
}

/* Conversions take at most three arguments each, and there are twelve. */
static void survive(const u8 *data, size_t len)
{
	char fmt[64] = { 0 }, big[2048], small[16];
	u32 conversions = 0;
	int full;

	for (size_t i = 0; i < MIN(len, sizeof(fmt) - 1) && conversions <= 4; i++) {
		fmt[i] = data[i] == 's' ? 'd' : data[i];
		conversions += fmt[i] == '%';
		if (conversions > 4)
			fmt[i] = 0;
	}
	memset(small, '#', sizeof(small));
	full = ours(big, sizeof(big), fmt, 1, -2ll, 3, INT64_MIN, 5, 6, 7, 8, 9, 10, 11, 12);
	HOLDS(full >= 0 && full < (int)sizeof(big));
	HOLDS(full == ours(small, 8, fmt, 1, -2ll, 3, INT64_MIN, 5, 6, 7, 8, 9, 10, 11, 12));
	HOLDS(!memcmp(small, big, MIN(full, 7)) && !small[MIN(full, 7)]);
	for (u32 i = 8; i < sizeof(small); i++)
		HOLDS(small[i] == '#');
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	u64 value;

	if (len >= 1 && data[0] & 1)
		survive(data + 1, len - 1);
	if (len < 13 || data[0] & 1)
		return 0;
	memcpy(&value, data + 5, sizeof(value));
	compare(data + 1, value);
	return 0;
}
