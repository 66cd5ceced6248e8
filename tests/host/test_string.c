/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The image's memory and string functions against the C library's: here they are compiled under
 * other names.
 */
#define memcpy	kfv_memcpy
#define memmove kfv_memmove
#define memset	kfv_memset
#define memcmp	kfv_memcmp
#define strlen	kfv_strlen
#define strcmp	kfv_strcmp
#define strncmp kfv_strncmp
#define strchr	kfv_strchr
#include "core/lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen
#undef strcmp
#undef strncmp
#undef strchr

#include <string.h>

#include "tests/dialect.h"

#define ROOM 64

/* Every length, source and destination offset within ROOM, overlapping both ways. */
static void compare_moves(
	void *(*ours)(void *, const void *, size_t), size_t len, size_t from, size_t to)
{
	u8 a[ROOM], b[ROOM];

	for (u32 i = 0; i < ROOM; i++)
		a[i] = b[i] = i + 1;
	memmove(a + to, a + from, len);
	EXPECT(ours(b + to, b + from, len) == b + to);
	EXPECT_MEM(b, a, ROOM);
}

TEST(string_memmove_overlaps)
{
	for (size_t len = 0; len <= 24; len++)
		for (size_t from = 0; from + len <= ROOM; from++)
			for (size_t to = 0; to + len <= ROOM; to++)
				compare_moves(kfv_memmove, len, from, to);
}

TEST(string_memcpy_every_length)
{
	for (size_t len = 0; len <= 32; len++)
		compare_moves(kfv_memcpy, len, 0, 32);
}

TEST(string_memset_touches_only_its_range)
{
	for (size_t len = 0; len <= 24; len++) {
		u8 a[ROOM] = { 0 }, b[ROOM] = { 0 };

		memset(a + 5, 0xa5, len);
		EXPECT(kfv_memset(b + 5, 0xfffffa5, len) == b + 5);
		EXPECT_MEM(b, a, ROOM);
	}
}

static int sign(int x)
{
	return (x > 0) - (x < 0);
}

TEST(string_compare_like_the_c_library)
{
	static const char *const words[] = { "", "a", "ab", "abc", "abd", "b", "\xff", "a\xff" };

	for (u32 i = 0; i < ARRAY_LEN(words); i++) {
		for (u32 j = 0; j < ARRAY_LEN(words); j++) {
			const char *a = words[i], *b = words[j];
			size_t n = MIN(strlen(a), strlen(b));

			EXPECT_EQ(sign(kfv_strcmp(a, b)), sign(strcmp(a, b)));
			EXPECT_EQ(sign(kfv_strncmp(a, b, 2)), sign(strncmp(a, b, 2)));
			EXPECT_EQ(sign(kfv_memcmp(a, b, n)), sign(memcmp(a, b, n)));
		}
	}
}

TEST(string_length_and_search)
{
	const char *s = "console=ttyS0";

	EXPECT_EQ(kfv_strlen(s), 13);
	EXPECT_EQ(kfv_strlen(""), 0);
	EXPECT(kfv_strchr(s, '=') == s + 7);
	EXPECT(kfv_strchr(s, 0) == s + 13);
	EXPECT(!kfv_strchr(s, 'x'));
}
