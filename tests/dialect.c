/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The runner of the test dialect. Needs nothing but test_printf(), so that the same object serves
 * the host and the image.
 */
#include "tests/dialect.h"

/* The linker's own names for the ends of the section. */
extern const struct test *const __start_kfv_tests[];
extern const struct test *const __stop_kfv_tests[];

/* The test that runs now. "not ok" is printed at its first failure, above the reasons. */
static const struct test *current;
static u32 current_number;
static bool current_failed;

static bool starts_with(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix)
		s++, prefix++;
	return !*prefix;
}

static bool selected(const struct test *t, const char *filter)
{
	if (!filter)
		return true;
	for (const char *s = t->name; *s; s++)
		if (starts_with(s, filter))
			return true;
	return false;
}

static void fail_current(void)
{
	if (!current_failed)
		test_printf("not ok %u - %s\n", current_number, current->name);
	current_failed = true;
}

bool test_expect(bool ok, const char *what, const char *file, int line)
{
	if (ok)
		return true;
	fail_current();
	test_printf("# %s:%d: expected %s\n", file, line, what);
	return false;
}

bool test_expect_eq(u64 got, u64 want, const char *what, const char *file, int line)
{
	if (test_expect(got == want, what, file, line))
		return true;
	test_printf("#   got %ld (0x%lx), not %ld (0x%lx)\n", (long)got, got, (long)want, want);
	return false;
}

bool test_expect_str(
	const char *got, const char *want, const char *what, const char *file, int line)
{
	if (test_expect(got && starts_with(got, want) && starts_with(want, got), what, file, line))
		return true;
	test_printf("#   got \"%s\", not \"%s\"\n", got ? got : "(null)", want);
	return false;
}

bool test_expect_mem(
	const void *got, const void *want, size_t len, const char *what, const char *file, int line)
{
	const u8 *a = got, *b = want;

	for (size_t i = 0; i < len; i++) {
		if (test_expect(a[i] == b[i], what, file, line))
			continue;
		test_printf("#   byte %lu is 0x%02x, not 0x%02x\n", i, a[i], b[i]);
		return false;
	}
	return true;
}

static u32 count_selected(const char *filter)
{
	u32 n = 0;

	for (const struct test *const *t = __start_kfv_tests; t < __stop_kfv_tests; t++)
		n += selected(*t, filter);
	return n;
}

/* Returns whether the test passed. */
static bool run_one(const struct test *t, u32 number)
{
	current = t;
	current_number = number;
	current_failed = false;
	t->run();
	if (!current_failed)
		test_printf("ok %u - %s\n", number, t->name);
	return !current_failed;
}

u32 tests_run(const char *filter)
{
	u32 number = 0, passed = 0, planned = count_selected(filter);

	test_printf("1..%u\n", planned);
	for (const struct test *const *t = __start_kfv_tests; t < __stop_kfv_tests; t++)
		if (selected(*t, filter))
			passed += run_one(*t, ++number);
	test_printf("# tests %u passed %u failed %u\n", number, passed, number - passed);
	return planned ? number - passed : 1;
}
