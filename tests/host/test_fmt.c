/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text, compared with the C library's.
 */
#include "core/lib/fmt.h"
#include "tests/dialect.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The same arguments to both; the lengths must agree as well. */
#define SAME(...)                                                                                  \
	do {                                                                                       \
		char want[600], got[600];                                                          \
		int want_len = snprintf(want, sizeof(want), __VA_ARGS__);                          \
		int got_len = fmt_string(got, sizeof(got), __VA_ARGS__);                           \
                                                                                                   \
		EXPECT_STR(got, want);                                                             \
		EXPECT_EQ(got_len, want_len);                                                      \
	} while (0)

/* What a compiler would refuse as a literal. */
static const char *print_odd(const char *fmt, ...)
{
	static char got[600];
	va_list args;

	va_start(args, fmt);
	fmt_string_v(got, sizeof(got), fmt, args);
	va_end(args);
	return got;
}

TEST(fmt_plain_text)
{
	SAME("%s", "");
	SAME("two guests, one line\n");
	SAME("100%%");
}

TEST(fmt_integers)
{
	SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
	SAME("%i %u %u", 7, 0u, UINT_MAX);
	SAME("%x %X %x", 0xbeefu, 0xBEEFu, 0u);
	SAME("%ld %ld %lu", LONG_MAX, LONG_MIN, ULONG_MAX);
	SAME("%lld %lld %llu %llx", LLONG_MAX, LLONG_MIN, ULLONG_MAX, ULLONG_MAX);
	SAME("%zu %lx %lX", (size_t)1 << 40, 0xfee00000ul, 0xfee00abcul);
	SAME("%#x %#lx %#X %#x", 0x3f8u, 0xfffffffful, 0xabu, 0u);
}

TEST(fmt_width_and_padding)
{
	SAME("[%5d] [%-5d] [%05d] [%05d]", 42, 42, 42, -42);
	SAME("[%2d] [%02d] [%1x]", 12345, -12345, 0xabcdu);
	SAME("[%16lx] [%016lx] [%-16lx]", 0xdeadul, 0xdeadul, 0xdeadul);
	SAME("[%#10x] [%#010x] [%-#10x]", 0x1fu, 0x1fu, 0x1fu);
	SAME("[%*d] [%*d]", 6, 42, -6, 42);
	SAME("[%100s] [%-100s]", "right", "left");
	SAME("[%0200d]", 1);
	SAME("[%255d] [%0255d]", -1, -1);
}

TEST(fmt_strings_and_characters)
{
	SAME("[%s] [%10s] [%-10s]", "uart", "uart", "uart");
	SAME("[%.2s] [%.0s] [%.10s] [%8.3s] [%-8.3s]", "uart", "uart", "uart", "uart", "uart");
	SAME("[%.*s] [%.*s]", 3, "ioapic", -1, "ioapic");
	SAME("[%c] [%3c] [%-3c]", 'x', 'y', 'z');
	EXPECT_STR(print_odd("[%8s] [%-05d]", NULL, 7), "[  (null)] [7    ]");
}

TEST(fmt_precision_reads_no_further)
{
	char unterminated[3] = { 'a', 'b', 'c' }, got[8];

	EXPECT_EQ(fmt_string(got, sizeof(got), "%.3s", unterminated), 3);
	EXPECT_STR(got, "abc");
}

TEST(fmt_pointers)
{
	SAME("%p", (void *)0xffffffff80100000ul);
	SAME("[%20p] [%-20p]", (void *)0x1000, (void *)0x1000);
}

TEST(fmt_cuts_at_the_buffer)
{
	char got[8];

	memset(got, '#', sizeof(got));
	EXPECT_EQ(fmt_string(got, 4, "%d", 1234567), 7);
	EXPECT_MEM(got, "123\0####", 8);
	EXPECT_EQ(fmt_string(got, 1, "%d", 1234567), 7);
	EXPECT_MEM(got, "\00023\0####", 8);
	EXPECT_EQ(fmt_string(NULL, 0, "%d", 1234567), 7);
}

TEST(fmt_odd_formats_stay_as_they_are)
{
	EXPECT_STR(print_odd("%"), "%");
	EXPECT_STR(print_odd("a%5"), "a%5");
	EXPECT_STR(print_odd("a%y %d", 5), "a%y 5");
	EXPECT_STR(print_odd("%-08.3llk|"), "%-08.3llk|");
	EXPECT_EQ(strlen(print_odd("%99999999999999999999d", 1)), FMT_WIDTH_MAX);
	EXPECT_EQ(strlen(print_odd("%*d", INT_MIN, 1)), FMT_WIDTH_MAX);
	EXPECT_EQ(strlen(print_odd("%#099999999lx", 1ul)), FMT_WIDTH_MAX);
}
