/* SPDX-License-Identifier: BSD-2-Clause */
/* How guests say what they found: the tests' voice, and one line for each measurement. */
#include "core/lib/fmt.h"
#include "tests/dialect.h"
#include "tests/guests/kit/kit.h"

void test_printf(const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	fmt_string_v(text, sizeof(text), fmt, args);
	va_end(args);
	print("%s", text);
}

static void sort(u64 *values, u32 n)
{
	for (u32 i = 1; i < n; i++)
		for (u32 j = i; j && values[j] < values[j - 1]; j--) {
			u64 swap = values[j];

			values[j] = values[j - 1];
			values[j - 1] = swap;
		}
}

void report(const char *name, u64 *values, u32 n, u64 overhead)
{
	u64 median, min;

	sort(values, n);
	median = values[n / 2];
	min = values[0];
	print("BENCH %s %lu min %lu\n", name, median - MIN(overhead, median),
		min - MIN(overhead, min));
}
