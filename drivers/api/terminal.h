/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person at the serial line works with: the multiplexer, and the prompt of its party 0 with
 * the line editor behind it. Pure: bytes in, bytes to the ring of the line, and what was asked for.
 */
#pragma once

#include "drivers/api/line.h"
#include "drivers/api/mux.h"

struct terminal {
	struct mux mux;
	struct line editor;
	char typed[LINE_MAX]; /* the line of TERMINAL_LINE */
};

enum terminal_event {
	TERMINAL_NOTHING, /* all that there was to do is done */
	TERMINAL_LINE,	  /* a line for the hypervisor, in `typed` */
	TERMINAL_BYTE,	  /* it is for the VM in focus, *number */
	TERMINAL_FOCUS,	  /* the user asks for party *number */
	TERMINAL_HELP,	  /* and for the list of keys */
};

/* out: the ring of the line; name: what TAB completes (struct line). */
void terminal_init(struct terminal *t, struct ring *out, const char *(*name)(u32 index));
/* Keys echo behind the prompt, which comes when the last command has said all: true from then on.
 */
bool terminal_takes_keys(const struct terminal *t);
enum terminal_event terminal_key(struct terminal *t, u8 byte, u32 *number);
