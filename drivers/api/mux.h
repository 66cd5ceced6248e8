/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several parties on one serial line, pure of hardware: party 0 is the hypervisor, the others are
 * the VMs by id. The party in focus prints as it is; every other one prints whole lines under its
 * name, put in where they do not tear another's line. No byte is lost or reordered within a party:
 * a party that writes faster than the line is told to wait.
 *
 * What is on the line can be taken apart again by these rules:
 *   CR ESC [ K	     forget what stands in this line: the party in focus repeats it in whole,
 *		     but for questions to the terminal (ESC [ ... n, ESC [ ... c)
 *   ESC [ m CR LF   this line goes on later: the line feed is ours
 *   [NAME]	     at the start of a line, or behind a CR there: the line is NAME's and not
 *		     that of the party in focus
 */
#pragma once

#include "core/lib/ring.h"

#define MUX_PARTIES 17
#define MUX_NAME    32
#define MUX_HELD    256 /* bytes of an unfinished line that can be shown again */
#define MUX_RESERVE 512 /* free bytes of the line's ring that a step needs */

#define MUX_PAUSE_NS 200000000ull /* an unfinished line this old is shown */
#define MUX_QUIET_NS 20000000ull  /* the focus may be interrupted in its line after this */

struct mux_party {
	char name[MUX_NAME]; /* empty: there is no such party */
	struct ring tx;
	u32 newlines; /* in tx */
	u64 last_ns;  /* when it wrote last */
	u32 held;     /* length of the unfinished line on the screen; above MUX_HELD: too long */
	char line[MUX_HELD];
	bool waits; /* was told that there is no room */
};

struct mux {
	struct ring *out;
	struct mux_party party[MUX_PARTIES];
	u32 focus, wanted;
	u32 speaker;	   /* in whose line the cursor is, or MUX_NOBODY: at a line's start */
	u32 left;	   /* bytes that the speaker may still say */
	u32 turn;	   /* who spoke last: the others come first */
	u32 drained;	   /* bits of parties that have room again; the owner clears them */
	bool column_zero;  /* the cursor is in the first column */
	bool prompt_shown; /* the hypervisor's input line is on the screen */
	bool escape;	   /* Ctrl-] was typed */
	void (*prompt)(struct mux *m); /* shows the input line with mux_say() */
};

#define MUX_NOBODY MUX_PARTIES

void mux_init(struct mux *m, struct ring *out, void (*prompt)(struct mux *m));
/* data[size] holds what the party has written and the line has not taken; a power of two. */
void mux_add(struct mux *m, u32 party, const char *name, u8 *data, u32 size);

/* Returns how many bytes more there is room for; a byte written when that was 0 is not taken. */
u32 mux_write(struct mux *m, u32 party, u8 byte, u64 now_ns);
/* Moves something to the line. False: nothing to do, or no room on the line. */
bool mux_step(struct mux *m, u64 now_ns);
/* When mux_step() may have something to do again though nobody writes; 0: not before. */
u64 mux_deadline(const struct mux *m);

/* Gives the focus to a party at the next step; false when it does not exist. */
bool mux_focus(struct mux *m, u32 party);
/* For the prompt: text to the line as it is. */
void mux_say(struct mux *m, const char *text);

enum mux_key { MUX_KEY_DATA, MUX_KEY_TAKEN, MUX_KEY_FOCUS, MUX_KEY_HELP };

/*
 * One byte of input. DATA: it is for the party in focus; FOCUS: the user asks for party *number;
 * HELP: for the list of keys; TAKEN: nothing more to do.
 */
enum mux_key mux_input(struct mux *m, u8 byte, u32 *number);
