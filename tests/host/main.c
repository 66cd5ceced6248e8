/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the unit tests of the pure sources on the host, under the sanitizers: host-tests [FILTER].
 */
#include "tests/dialect.h"

#include <stdio.h>

void test_printf(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	return tests_run(argc > 1 ? argv[1] : NULL) ? 1 : 0;
}
