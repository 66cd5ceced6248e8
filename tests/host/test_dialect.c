/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dialect's own test: expectations tell right from wrong, and one that does not hold fails the
 * whole run. For the latter the runner starts itself again and is told to fail.
 */
#include "tests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TEST(dialect_expectations_hold)
{
	EXPECT(true);
	EXPECT_EQ(-22, -EINVAL);
	EXPECT_STR("abc", "abc");
	EXPECT_MEM("a\0b", "a\0b", 3);
}

TEST(dialect_told_to_fail)
{
	int fail = getenv("DIALECT_FAIL") != NULL;

	EXPECT_EQ(fail, 0);
	EXPECT_STR(fail ? "ab" : "abc", "abc");
	EXPECT_MEM(fail ? "ac" : "ab", "ab", 2);
}

/* Runs this program with other words on its command line; returns its wait status. */
static int run_self(const char *before, const char *after, char *out, size_t size)
{
	char self[512] = "", command[640];
	FILE *child;
	size_t len;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -1;
	snprintf(command, sizeof(command), "%s %s %s", before, self, after);
	child = popen(command, "r");
	if (!child)
		return -1;
	len = fread(out, 1, size - 1, child);
	out[len] = 0;
	return pclose(child);
}

TEST(dialect_failure_is_seen)
{
	char out[2048];

	EXPECT_EQ(run_self("DIALECT_FAIL=1", "dialect_told", out, sizeof(out)), 1 << 8);
	EXPECT(strstr(out, "1..1\nnot ok 1 - dialect_told_to_fail\n# tests/host/test_dialect.c:"));
	EXPECT(strstr(out, ": expected fail == 0\n#   got 1 (0x1), not 0 (0x0)\n"));
	EXPECT(strstr(out, "#   got \"ab\", not \"abc\"\n"));
	EXPECT(strstr(out, "#   byte 1 is 0x63, not 0x62\n"));
	EXPECT(strstr(out, "\n# tests 1 passed 0 failed 1\n"));
	EXPECT_EQ(run_self("", "no_such_test", out, sizeof(out)), 1 << 8);
}
