/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formatted text. One conversion is read into a struct spec, then printed from it; every loop is
 * bounded by FMT_WIDTH_MAX or by the text itself. C17, "The fprintf function".
 */
#include "core/lib/fmt.h"

struct spec {
	bool left, zero, prefix;
	u32 width;
	s32 precision; /* -1: none given */
	u8 longs;      /* 0: int, more: 64 bits */
};

struct output {
	struct fmt_sink *sink;
	int len;
};

static void put(struct output *o, char c)
{
	o->sink->put(o->sink, c);
	o->len++;
}

static void put_n(struct output *o, char c, u32 n)
{
	while (n--)
		put(o, c);
}

static void put_padded(struct output *o, const struct spec *s, const char *text, u32 len)
{
	u32 pad = s->width > len ? s->width - len : 0;

	if (!s->left)
		put_n(o, ' ', pad);
	for (u32 i = 0; i < len; i++)
		put(o, text[i]);
	if (s->left)
		put_n(o, ' ', pad);
}

static void put_string(struct output *o, const struct spec *s, const char *text)
{
	u32 len = 0;

	if (!text)
		text = "(null)";
	while ((s->precision < 0 || len < (u32)s->precision) && text[len])
		len++;
	put_padded(o, s, text, len);
}

/* The sign or 0x, then zeroes up to the width if asked for, then the digits. */
static void put_number(
	struct output *o, const struct spec *s, u64 value, const char *prefix, u32 base, char ten)
{
	char text[FMT_WIDTH_MAX + 3];
	u32 start = sizeof(text), digits = 0, prefix_len = 0;

	while (prefix[prefix_len])
		prefix_len++;
	do {
		u32 d = value % base;

		text[--start] = d < 10 ? '0' + d : ten + d - 10;
		digits++;
		value /= base;
	} while (value || (s->zero && !s->left && digits + prefix_len < s->width));
	for (u32 i = prefix_len; i > 0; i--)
		text[--start] = prefix[i - 1];
	put_padded(o, s, text + start, digits + prefix_len);
}

static u64 take_unsigned(const struct spec *s, va_list *args)
{
	return s->longs ? va_arg(*args, u64) : va_arg(*args, u32);
}

static void put_signed(struct output *o, const struct spec *s, va_list *args)
{
	s64 value = s->longs ? va_arg(*args, s64) : va_arg(*args, s32);

	/* Negated as unsigned: the smallest number has no positive twin. */
	put_number(o, s, value < 0 ? -(u64)value : (u64)value, value < 0 ? "-" : "", 10, 'a');
}

static void put_hex(struct output *o, const struct spec *s, u64 value, bool upper)
{
	const char *prefix = !s->prefix || !value ? "" : upper ? "0X" : "0x";

	put_number(o, s, value, prefix, 16, upper ? 'A' : 'a');
}

/* A number in the format itself, or * for one among the arguments. Returns what follows it. */
static const char *read_count(const char *fmt, va_list *args, s32 *out)
{
	s32 n = 0;

	if (*fmt == '*') {
		n = va_arg(*args, int);
		fmt++;
	} else {
		for (; *fmt >= '0' && *fmt <= '9'; fmt++)
			n = MIN(n * 10 + (*fmt - '0'), 1000000);
	}
	*out = n;
	return fmt;
}

static const char *read_spec(const char *fmt, va_list *args, struct spec *s)
{
	s32 width;

	*s = (struct spec){ .precision = -1 };
	for (;; fmt++) {
		if (*fmt == '-')
			s->left = true;
		else if (*fmt == '0')
			s->zero = true;
		else if (*fmt == '#')
			s->prefix = true;
		else
			break;
	}
	fmt = read_count(fmt, args, &width);
	s->left |= width < 0;
	s->width = MIN(width < 0 ? -(u32)width : (u32)width, FMT_WIDTH_MAX);
	if (*fmt == '.')
		fmt = read_count(fmt + 1, args, &s->precision);
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		s->longs++;
	return fmt;
}

/* Prints one conversion. Returns false when its letter is not known. */
static bool convert(struct output *o, const struct spec *s, char letter, va_list *args)
{
	char c;

	switch (letter) {
	case 'd':
	case 'i':
		put_signed(o, s, args);
		return true;
	case 'u':
		put_number(o, s, take_unsigned(s, args), "", 10, 'a');
		return true;
	case 'x':
	case 'X':
		put_hex(o, s, take_unsigned(s, args), letter == 'X');
		return true;
	case 'p':
		put_number(o, s, (uintptr_t)va_arg(*args, void *), "0x", 16, 'a');
		return true;
	case 's':
		put_string(o, s, va_arg(*args, const char *));
		return true;
	case 'c':
		c = va_arg(*args, int);
		put_padded(o, s, &c, 1);
		return true;
	case '%':
		put(o, '%');
		return true;
	default:
		return false;
	}
}

int fmt_v(struct fmt_sink *sink, const char *fmt, va_list args)
{
	struct output o = { .sink = sink };
	va_list rest;

	va_copy(rest, args);
	for (; *fmt; fmt++) {
		const char *start = fmt;
		struct spec s;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = read_spec(fmt + 1, &rest, &s);
		if (*fmt && convert(&o, &s, *fmt, &rest))
			continue;
		while (start < fmt)
			put(&o, *start++);
		if (!*fmt)
			break;
		put(&o, *fmt);
	}
	va_end(rest);
	return o.len;
}

struct string_sink {
	struct fmt_sink sink;
	char *buf;
	size_t size, len;
};

static void string_put(struct fmt_sink *sink, char c)
{
	struct string_sink *s = container_of(sink, struct string_sink, sink);

	if (s->len + 1 < s->size)
		s->buf[s->len++] = c;
}

int fmt_string_v(char *buf, size_t size, const char *fmt, va_list args)
{
	struct string_sink s = { .sink.put = string_put, .buf = buf, .size = size };
	int len = fmt_v(&s.sink, fmt, args);

	if (size)
		buf[s.len] = 0;
	return len;
}

int fmt_string(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = fmt_string_v(buf, size, fmt, args);
	va_end(args);
	return len;
}
