/* SPDX-License-Identifier: BSD-2-Clause */
/* Strict numbers and addresses. Pure. */
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

#define MAC_DIGITS 17 /* of 00:00:00:00:00:00 */
#define MAC_GROUP  BIT(40)

int text_parse_mac(const char *text, size_t len, u64 *out)
{
	bool good = len == MAC_DIGITS;
	u64 mac = 0;

	for (u32 i = 0; good && i < MAC_DIGITS; i++) {
		u32 digit = digit_value(text[i]);

		good = i % 3 == 2 ? text[i] == ':' : digit < 16;
		if (i % 3 != 2)
			mac = mac << 4 | digit;
	}
	if (!good || !mac || (mac & MAC_GROUP))
		return -EINVAL;
	*out = mac;
	return 0;
}

#define IP_BYTES      4
#define IP_FIRST_MAX  223 /* above are groups and what is reserved */
#define IP_FIRST_BYTE 24  /* shift */

int text_parse_ipv4(const char *text, size_t len, u32 *out)
{
	u32 value = 0, byte = 0, bytes = 0, digits = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && text[i] != '.') {
			byte = byte * 10 + digit_value(text[i]);
			if (digit_value(text[i]) >= 10 || ++digits > 3)
				return -EINVAL;
			continue;
		}
		if (!digits || byte > 255 || ++bytes > IP_BYTES)
			return -EINVAL;
		value = value << 8 | byte;
		byte = digits = 0;
	}
	if (bytes != IP_BYTES || !(value >> IP_FIRST_BYTE) || value >> IP_FIRST_BYTE > IP_FIRST_MAX)
		return -EINVAL;
	*out = value;
	return 0;
}
