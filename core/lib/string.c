/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory and string functions of the image. String instructions move eight bytes at a time (SDM,
 * "REP/REPE/REPZ/REPNE/REPNZ"), which counts where an emulator charges for every repetition. The
 * direction flag is clear everywhere (System V ABI) but inside memmove's one statement. A name in
 * parentheses is one that string.h also makes a macro.
 */
#include "core/lib/string.h"

void *(memcpy)(void *to, const void *from, size_t len)
{
	void *d = to;
	size_t words = len / 8;

	asm volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words)::"memory");
	len &= 7;
	asm volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(len)::"memory");
	return to;
}

void *memmove(void *to, const void *from, size_t len)
{
	u8 *d = (u8 *)to + len - 1;
	const u8 *s = (const u8 *)from + len - 1;

	/* Also true where `to` lies below `from`: the difference wraps. */
	if ((uintptr_t)to - (uintptr_t)from >= len)
		return memcpy(to, from, len);
	asm volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(len)::"memory", "cc");
	return to;
}

void *(memset)(void *to, int value, size_t len)
{
	void *d = to;
	size_t words = len / 8;
	u64 pattern = (u8)value * 0x0101010101010101ull;

	asm volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
	len &= 7;
	asm volatile("rep stosb" : "+D"(d), "+c"(len) : "a"(pattern) : "memory");
	return to;
}

int(memcmp)(const void *a, const void *b, size_t len)
{
	const u8 *x = a, *y = b;

	for (; len; len--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t(strlen)(const char *s)
{
	const char *end = s;

	/* The empty statement keeps the compiler from recognising strlen and calling it here. */
	while (*end) {
		end++;
		asm volatile("" : "+r"(end));
	}
	return end - s;
}

int strncmp(const char *a, const char *b, size_t len)
{
	for (; len; len--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}
