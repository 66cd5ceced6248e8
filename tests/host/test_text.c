/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded copies and strict numbers.
 */
#include "core/lib/text.h"
#include "drivers/api/number.h"
#include "tests/dialect.h"

#include <string.h>

TEST(text_copy_is_bounded)
{
	char to[8];

	EXPECT(text_copy(to, 5, "uart"));
	EXPECT_STR(to, "uart");
	memset(to, '#', sizeof(to));
	EXPECT(!text_copy(to, 4, "uart"));
	EXPECT_MEM(to, "uar\0####", 8);
	EXPECT(!text_copy(to, 1, "uart"));
	EXPECT_STR(to, "");
	EXPECT(text_copy(to, 1, ""));
}

static void good(const char *text, u64 want)
{
	u64 got = ~want;

	EXPECT_EQ(text_parse_u64(text, strlen(text), &got), 0);
	EXPECT_EQ(got, want);
}

static void bad(const char *text, int error)
{
	u64 got = 77;

	EXPECT_EQ(text_parse_u64(text, strlen(text), &got), error);
	EXPECT_EQ(got, 77);
}

TEST(text_numbers)
{
	good("0", 0);
	good("007", 7);
	good("18446744073709551615", UINT64_MAX);
	good("0x0", 0);
	good("0XfEe00000", 0xfee00000);
	good("0xffffffffffffffff", UINT64_MAX);
	good("0x0000000000000000000000001", 1);
}

TEST(text_refuses_what_is_no_number)
{
	static const char *const words[] = { "", " 1", "1 ", "-1", "+1", "0x", "x", "12a", "0x1g",
		"1x1", "@", "`", "G", "0x-1", "99999999999999999999z" };

	for (u32 i = 0; i < ARRAY_LEN(words); i++)
		bad(words[i], -EINVAL);
	bad("18446744073709551616", -ERANGE);
	bad("99999999999999999999", -ERANGE);
	bad("0x10000000000000000", -ERANGE);
}

TEST(text_number_ends_at_its_length)
{
	u64 got = 0;

	EXPECT_EQ(text_parse_u64("123456", 3, &got), 0);
	EXPECT_EQ(got, 123);
}
