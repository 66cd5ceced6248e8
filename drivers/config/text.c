/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From bytes to tokens to values. The text is looked through once for bytes that are no text; after
 * that every token is a stretch of printable characters. No recursion, no allocation. Pure.
 */
#include "drivers/config/text.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"

#define NAME_RULE "a letter, then up to 30 letters, digits, - or _"

static bool is_stop(char c)
{
	return c == '\n' || c == ';';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_word(char c)
{
	return is_blank(c) || is_stop(c) || strchr("{}#\"", c);
}

static bool is_letter(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int config_fail(struct config_text *t, u32 line, u32 column, const char *fmt, ...)
{
	va_list args;

	t->error->line = line;
	t->error->column = column;
	va_start(args, fmt);
	fmt_string_v(t->error->message, sizeof(t->error->message), fmt, args);
	va_end(args);
	return -EINVAL;
}

int config_expected(struct config_text *t, const char *what)
{
	const struct token *k = &t->token;
	u32 shown = MIN(k->len, 20);

	if (k->kind == TOKEN_END)
		return config_fail(
			t, k->line, k->column, "expected %s, got the end of the text", what);
	if (k->kind == TOKEN_STOP && *k->start == '\n')
		return config_fail(
			t, k->line, k->column, "expected %s, got the end of the line", what);
	return config_fail(t, k->line, k->column, "expected %s, got \"%.*s%s\"", what, (int)shown,
		k->start, shown < k->len ? "..." : "");
}

int config_full(struct config_text *t, u32 n, const char *things)
{
	return config_fail(t, t->token.line, t->token.column, "expected at most %u %s", n, things);
}

/* Goes on by one byte. There is one. */
static void step(struct config_text *t)
{
	if (t->text[t->pos++] == '\n') {
		t->line++;
		t->column = 1;
	} else {
		t->column++;
	}
}

static bool more(const struct config_text *t)
{
	return t->pos < t->len;
}

/* The first byte that is no text, wherever it stands. */
static int check_bytes(struct config_text t)
{
	for (; more(&t); step(&t)) {
		u8 c = t.text[t.pos];

		if ((c < ' ' && !is_blank(c) && c != '\n') || c > '~')
			return config_fail(&t, t.line, t.column,
				"expected printable ASCII text, got the byte 0x%02x", c);
	}
	return 0;
}

int config_text_open(
	struct config_text *t, const char *text, size_t len, struct config_error *error)
{
	*t = (struct config_text){ .text = text, .line = 1, .column = 1, .error = error };
	if (len > CONFIG_TEXT_MAX)
		return config_fail(t, 1, 1, "expected at most %lu bytes of text, got %lu",
			(u64)CONFIG_TEXT_MAX, (u64)len);
	t->len = len;
	return check_bytes(*t) ?: config_text_next(t);
}

/* From behind the opening quote to behind the closing one. */
static int take_string(struct config_text *t)
{
	struct token *k = &t->token;

	k->kind = TOKEN_STRING;
	k->start++;
	while (more(t) && t->text[t->pos] != '\n') {
		char c = t->text[t->pos];

		if (c < ' ')
			return config_fail(t, t->line, t->column,
				"expected printable text between quotes, got the byte 0x%02x", c);
		k->len = &t->text[t->pos] - k->start;
		step(t);
		if (c == '"')
			return 0;
		if (c != '\\' || !more(t) || t->text[t->pos] == '\n')
			continue;
		if (t->text[t->pos] != '"' && t->text[t->pos] != '\\')
			return config_fail(t, t->line, t->column, "expected \" or \\ after \\");
		step(t);
	}
	return config_fail(t, k->line, k->column, "expected a closing quote in the same line");
}

static void skip_blanks(struct config_text *t)
{
	bool comment = false;

	for (; more(t) && t->text[t->pos] != '\n'; step(t)) {
		comment |= t->text[t->pos] == '#';
		if (!comment && !is_blank(t->text[t->pos]))
			break;
	}
}

int config_text_next(struct config_text *t)
{
	struct token *k = &t->token;
	char c;

	skip_blanks(t);
	*k = (struct token){ TOKEN_END, t->text + t->pos, 0, t->line, t->column };
	if (!more(t))
		return 0;
	c = *k->start;
	step(t);
	k->len = 1;
	if (c == '"')
		return take_string(t);
	if (is_stop(c) || c == '{' || c == '}') {
		k->kind = c == '{' ? TOKEN_OPEN : c == '}' ? TOKEN_CLOSE : TOKEN_STOP;
		return 0;
	}
	k->kind = TOKEN_WORD;
	for (; more(t) && !ends_word(t->text[t->pos]); step(t))
		k->len++;
	return 0;
}

bool config_text_is(const struct config_text *t, const char *word)
{
	return t->token.kind == TOKEN_WORD && t->token.len == strlen(word) &&
	       !memcmp(t->token.start, word, t->token.len);
}

int config_read_word(struct config_text *t, const char *word)
{
	return config_text_is(t, word) ? config_text_next(t) : config_expected(t, word);
}

static bool is_name(const struct token *k)
{
	if (k->kind != TOKEN_WORD || k->len >= CONFIG_NAME || !is_letter(*k->start))
		return false;
	for (u32 i = 1; i < k->len; i++) {
		char c = k->start[i];

		if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_')
			return false;
	}
	return true;
}

int config_read_name(struct config_text *t, char out[CONFIG_NAME], const char *what)
{
	char rule[80];

	if (!is_name(&t->token)) {
		fmt_string(rule, sizeof(rule), "%s (" NAME_RULE ")", what);
		return config_expected(t, rule);
	}
	memset(out, 0, CONFIG_NAME);
	memcpy(out, t->token.start, t->token.len);
	return config_text_next(t);
}

/* Copies a token without its backslashes; its length, or size and more when it does not fit. */
static u32 unescape(const struct token *k, char *out, u32 size)
{
	u32 len = 0;

	for (u32 i = 0; i < k->len; i++, len++) {
		i += k->kind == TOKEN_STRING && k->start[i] == '\\';
		if (len < size)
			out[len] = k->start[i];
	}
	if (len < size)
		out[len] = 0;
	return len;
}

int config_read_string(struct config_text *t, char *out, u32 min, u32 size, const char *what)
{
	char limits[80];
	u32 len;

	if (t->token.kind == TOKEN_WORD || t->token.kind == TOKEN_STRING) {
		len = unescape(&t->token, out, size);
		if (len >= min && len < size)
			return config_text_next(t);
	}
	fmt_string(limits, sizeof(limits), "%s of %u to %u bytes", what, min, size - 1);
	return config_expected(t, limits);
}

struct unit {
	const char *name;
	u64 factor;
};

/* The current word as a number with one of the units; false when it is not, or exceeds 64 bits. */
static bool parse_scaled(const struct token *k, const struct unit *units, u32 n, u64 *out)
{
	for (u32 i = 0; i < n && k->kind == TOKEN_WORD; i++) {
		u32 tail = strlen(units[i].name);

		if (k->len > tail && !memcmp(k->start + k->len - tail, units[i].name, tail) &&
			!text_parse_u64(k->start, k->len - tail, out))
			return !__builtin_mul_overflow(*out, units[i].factor, out);
	}
	return false;
}

static const struct unit no_unit[] = { { "", 1 } };

int config_read_number(struct config_text *t, u32 min, u32 max, u32 *out)
{
	char limits[48];
	u64 value;

	if (!parse_scaled(&t->token, no_unit, 1, &value) || value < min || value > max) {
		fmt_string(limits, sizeof(limits), "a number from %u to %u", min, max);
		return config_expected(t, limits);
	}
	*out = value;
	return config_text_next(t);
}

int config_read_range(struct config_text *t, u64 *first, u64 *last)
{
	struct token from = t->token, to = t->token;

	for (u32 i = 1; i + 1 < t->token.len && to.len == t->token.len; i++) {
		if (from.start[i] != '-')
			continue;
		from.len = i;
		to.start += i + 1;
		to.len -= i + 1;
	}
	if (!parse_scaled(&from, no_unit, 1, first) || !parse_scaled(&to, no_unit, 1, last) ||
		*first > *last)
		return config_expected(t, "a number, or a range such as 0x20-0x3f");
	return config_text_next(t);
}

int config_read_memory(struct config_text *t, u64 *bytes)
{
	static const struct unit units[] = { { "", 1 }, { "K", KIB(1) }, { "M", MIB(1) },
		{ "G", GIB(1) } };

	if (!parse_scaled(&t->token, units, ARRAY_LEN(units), bytes) || *bytes < MIB(8) ||
		*bytes > GIB(4) || *bytes % MIB(2))
		return config_expected(t, "a multiple of 2M from 8M to 4G");
	return config_text_next(t);
}

int config_read_duration(struct config_text *t, u64 *ns)
{
	static const struct unit units[] = { { "us", 1000 }, { "ms", 1000000 },
		{ "s", 1000000000 } };

	if (!parse_scaled(&t->token, units, ARRAY_LEN(units), ns) || !*ns ||
		*ns > 3600 * 1000000000ull)
		return config_expected(t, "a time from 1us to 3600s, with us, ms or s");
	return config_text_next(t);
}
