/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One test dialect for the host and for the image. A test is a function that registers itself in
 * the section kfv_tests; the environment supplies test_printf() and calls tests_run(). The output
 * is TAP: a plan, one line for each test, and below a failed one what was expected, and where.
 *
 *	TEST(ring_refuses_when_full)
 *	{
 *		EXPECT_EQ(ring_free(&ring), 0);
 *		EXPECT(!ring_put(&ring, 'x'));
 *	}
 */
#pragma once

#include "core/lib/types.h"

struct test {
	const char *name;
	void (*run)(void);
};

#define TEST(id)                                                                                   \
	static void test_##id(void);                                                               \
	static const struct test test_of_##id = { #id, test_##id };                                \
	static const struct test *const test_entry_##id __used __section("kfv_tests") =            \
		&test_of_##id;                                                                     \
	static void test_##id(void)

/*
 * A failed expectation fails its test, which goes on: `if (!EXPECT(p)) return;` where it cannot.
 * The value under test comes first, the one expected second.
 */
#define EXPECT(cond)	      test_expect(!!(cond), #cond, __FILE__, __LINE__)
#define EXPECT_EQ(a, b)	      test_expect_eq((u64)(a), (u64)(b), #a " == " #b, __FILE__, __LINE__)
#define EXPECT_STR(a, b)      test_expect_str((a), (b), #a " == " #b, __FILE__, __LINE__)
#define EXPECT_MEM(a, b, len) test_expect_mem((a), (b), (len), #a " == " #b, __FILE__, __LINE__)

bool test_expect(bool ok, const char *what, const char *file, int line);
bool test_expect_eq(u64 got, u64 want, const char *what, const char *file, int line);
bool test_expect_str(
	const char *got, const char *want, const char *what, const char *file, int line);
bool test_expect_mem(const void *got, const void *want, size_t len, const char *what,
	const char *file, int line);

/*
 * Runs the tests whose name contains `filter` (NULL: all) and returns how many failed. A filter
 * that matches nothing counts as one failure.
 */
u32 tests_run(const char *filter);

/* The environment's own: the C library's printf on the host, the console in the image. */
void test_printf(const char *fmt, ...) __printf(1, 2);
/* In the image: what follows this word of the boot command line. */
u64 test_number(const char *word, u64 fallback);
