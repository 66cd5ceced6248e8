/* SPDX-License-Identifier: BSD-2-Clause */
/* Strict numbers. Pure. */
#include "drivers/api/number.h"

/* The value of one digit, or 16 and more when it is none. */
static u32 digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

int text_parse_u64(const char *text, size_t len, u64 *out)
{
	u32 base = len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x' ? 16 : 10;
	u64 value = 0;
	bool overflow = false;

	if (!len)
		return -EINVAL;
	for (size_t i = base == 16 ? 2 : 0; i < len; i++) {
		u32 digit = digit_value(text[i]);

		if (digit >= base)
			return -EINVAL;
		overflow |= __builtin_mul_overflow(value, (u64)base, &value);
		overflow |= __builtin_add_overflow(value, (u64)digit, &value);
	}
	if (overflow)
		return -ERANGE;
	*out = value;
	return 0;
}
