/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words of a configuration text, and the readers that the rest of the parser is made of. Each
 * reader checks and takes the current token, or says where and what was expected instead.
 */
#pragma once

#include "drivers/api/config.h"

enum token_kind {
	TOKEN_END,
	TOKEN_STOP, /* a newline or ; */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_WORD,
	TOKEN_STRING, /* what is between the quotes, backslashes and all */
};

struct token {
	enum token_kind kind;
	const char *start;
	u32 len;
	u32 line, column;
};

struct config_text {
	const char *text;
	u32 len, pos;
	u32 line, column;   /* of text[pos] */
	struct token token; /* the current one: ends at pos, not yet taken */
	struct config_error *error;
};

/* All readers return 0, or -EINVAL with the error set. */

int __must_check config_text_open(
	struct config_text *t, const char *text, size_t len, struct config_error *error);
/* Takes the current token. */
int __must_check config_text_next(struct config_text *t);
/* Whether the current token is this word. */
bool config_text_is(const struct config_text *t, const char *word);

/*
 * These return -EINVAL: an error at a place; at the current token, which is not `what`; or because
 * there are n things already.
 */
int config_fail(struct config_text *t, u32 line, u32 column, const char *fmt, ...) __printf(4, 5);
int config_expected(struct config_text *t, const char *what);
int config_full(struct config_text *t, u32 n, const char *things);

int __must_check config_read_word(struct config_text *t, const char *word);
int __must_check config_read_name(struct config_text *t, char out[CONFIG_NAME], const char *what);
/* A word or a quoted string of min to size - 1 bytes. */
int __must_check config_read_string(
	struct config_text *t, char *out, u32 min, u32 size, const char *what);
int __must_check config_read_number(struct config_text *t, u32 min, u32 max, u32 *out);
/* One number, or two with a - between, in order. */
int __must_check config_read_range(struct config_text *t, u64 *first, u64 *last);
/* What a VM's memory may be, in bytes; a time of up to an hour. */
int __must_check config_read_memory(struct config_text *t, u64 *bytes);
int __must_check config_read_duration(struct config_text *t, u64 *ns);
/* One of n names, as its index. */
int __must_check config_read_choice(
	struct config_text *t, const char *const *names, u32 n, u8 *out);

enum config_key_use { KEY_ONCE, KEY_NEEDED, KEY_REPEATS };

/* A statement that begins with `name`; read() takes the rest of it and stores into *to. */
struct config_key {
	const char *name;
	enum config_key_use use;
	int (*read)(struct config_text *t, void *to);
};

/* Statements up to `end`, the end of the text or a closing brace, which is taken. */
int __must_check config_read_statements(struct config_text *t, const struct config_key *keys,
	u32 nkeys, enum token_kind end, void *to);
/* The same in braces. */
int __must_check config_read_block(
	struct config_text *t, const struct config_key *keys, u32 nkeys, void *to);
/* Takes newlines and semicolons. */
int __must_check config_skip_stops(struct config_text *t);
/* The statement is over: a newline, a semicolon, or the end of what it stands in (not taken). */
int __must_check config_end_statement(struct config_text *t);

/* drivers/config/policy.c: what follows `policy`. */
int __must_check config_read_policy(struct config_text *t, struct policy_text *policy);

/* drivers/config/functions.c: what follows `disk` and so on; `to` is a struct config_vm. */
int __must_check config_read_disk(struct config_text *t, void *to);
int __must_check config_read_driver(struct config_text *t, struct config_driver *d);
int __must_check config_read_entropy(struct config_text *t, void *to);
int __must_check config_read_balloon(struct config_text *t, void *to);
int __must_check config_read_vm_console(struct config_text *t, void *to);
int __must_check config_read_uplink(struct config_text *t, struct config_function *f);
/* Any of a port's first n settings, or at least one if `needed`; *seen gets a bit for each. */
#define UPLINK_SETTINGS PORT_MAC
int __must_check config_read_port(
	struct config_text *t, struct config_port *port, u32 n, bool needed, u32 *seen);
int __must_check config_read_net(struct config_text *t, void *to);
