/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choices, statements and blocks: everything that is read after a table of names. The same table
 * says what was expected when something else comes. Pure.
 */
#include "drivers/config/text.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"

/* "on, detect or off", piece by piece. */
struct list {
	char text[160];
	u32 len;
};

static void list_add(struct list *l, const char *name, bool last)
{
	const char *joint = !l->len ? "" : last ? " or " : ", ";

	l->len += fmt_string(l->text + l->len, sizeof(l->text) - l->len, "%s%s", joint, name);
	l->len = MIN(l->len, sizeof(l->text) - 1);
}

int config_read_choice(struct config_text *t, const char *const *names, u32 n, u8 *out)
{
	struct list expected = { 0 };

	for (u32 i = 0; i < n; i++) {
		if (config_text_is(t, names[i])) {
			*out = i;
			return config_text_next(t);
		}
		list_add(&expected, names[i], i == n - 1);
	}
	return config_expected(t, expected.text);
}

static int expected_key(
	struct config_text *t, const struct config_key *keys, u32 nkeys, enum token_kind end)
{
	struct list expected = { 0 };

	for (u32 i = 0; i < nkeys; i++)
		list_add(&expected, keys[i].name, i == nkeys - 1 && end == TOKEN_END);
	if (end == TOKEN_CLOSE)
		list_add(&expected, "}", true);
	return config_expected(t, expected.text);
}

int config_skip_stops(struct config_text *t)
{
	int error = 0;

	while (t->token.kind == TOKEN_STOP && !error)
		error = config_text_next(t);
	return error;
}

int config_end_statement(struct config_text *t)
{
	if (t->token.kind == TOKEN_STOP)
		return config_text_next(t);
	if (t->token.kind == TOKEN_CLOSE || t->token.kind == TOKEN_END)
		return 0;
	return config_expected(t, "the end of the line");
}

/* One statement; `seen` holds a bit for each key so far. */
static int read_statement(
	struct config_text *t, const struct config_key *key, u32 bit, u32 *seen, void *to)
{
	if (key->use != KEY_REPEATS && *seen & bit)
		return config_fail(t, t->token.line, t->token.column,
			"expected %s only once in this block", key->name);
	*seen |= bit;
	return config_text_next(t) ?: key->read(t, to) ?: config_end_statement(t);
}

static int check_needed(struct config_text *t, const struct config_key *keys, u32 nkeys, u32 seen)
{
	for (u32 i = 0; i < nkeys; i++)
		if (keys[i].use == KEY_NEEDED && !(seen & BIT(i)))
			return config_expected(t, keys[i].name);
	return 0;
}

int config_read_statements(struct config_text *t, const struct config_key *keys, u32 nkeys,
	enum token_kind end, void *to)
{
	u32 seen = 0;
	int error = config_skip_stops(t);

	while (!error && t->token.kind != end) {
		u32 i = 0;

		while (i < nkeys && !config_text_is(t, keys[i].name))
			i++;
		if (i == nkeys)
			return expected_key(t, keys, nkeys, end);
		error = read_statement(t, &keys[i], BIT(i), &seen, to) ?: config_skip_stops(t);
	}
	return error ?: check_needed(t, keys, nkeys, seen) ?: config_text_next(t);
}

int config_read_block(struct config_text *t, const struct config_key *keys, u32 nkeys, void *to)
{
	if (t->token.kind != TOKEN_OPEN)
		return config_expected(t, "{");
	return config_text_next(t) ?: config_read_statements(t, keys, nkeys, TOKEN_CLOSE, to);
}
