/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts for the configuration's parser: good ones, and bad ones with the place and the words. */
#pragma once

#include "drivers/api/config.h"
#include "tests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct config config;
static struct config_error error;

/* Parses a copy that ends where the text ends, so that ASan sees a read beyond it. */
static int parse(const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	int result;

	memcpy(copy, text, len);
	memset(&error, 0, sizeof(error));
	result = config_parse(&config, copy, len, &error);
	free(copy);
	return result;
}

static __unused bool good(const char *text)
{
	bool ok = EXPECT_EQ(parse(text, strlen(text)), 0);

	if (!ok)
		test_printf("#   %u:%u: %s\n", error.line, error.column, error.message);
	return ok;
}

static __unused void bad_bytes(
	const char *text, size_t len, u32 line, u32 column, const char *message)
{
	static const struct config zero;

	EXPECT_EQ(parse(text, len), -EINVAL);
	EXPECT_STR(error.message, message);
	if (!EXPECT_EQ(error.line, line) || !EXPECT_EQ(error.column, column))
		test_printf("#   the text: %s\n", text);
	EXPECT_MEM(&config, &zero, sizeof(config));
}

static __unused void bad(const char *text, u32 line, u32 column, const char *message)
{
	bad_bytes(text, strlen(text), line, column, message);
}

/* Wrapped as the only line of a VM that is otherwise complete, in line 2 from column 1. */
static __unused void bad_in_vm(const char *line, u32 column, const char *message)
{
	char text[2048];

	snprintf(text, sizeof(text), "vm a {\n%s\n}", line);
	bad(text, 2, column, message);
}

static __unused void bad_in_policy(const char *line, u32 column, const char *message)
{
	char text[2048];

	snprintf(text, sizeof(text), "policy p { version 1\n%s\n}", line);
	bad(text, 2, column, message);
}
