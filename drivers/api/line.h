/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line editor of the kfv> prompt, pure: bytes of a terminal in, an edited line and what to show
 * of it out. Keys: arrows, Home, End, Delete, Backspace, Ctrl-A E B F P N D K U W L C, TAB.
 */
#pragma once

#include "core/lib/types.h"

#define LINE_MAX     160 /* with the NUL */
#define LINE_HISTORY 16
#define LINE_COLUMNS 80

struct line {
	char text[LINE_MAX];
	u32 len, cursor;
	u8 escape;    /* where in an escape sequence we are */
	u8 parameter; /* its number */
	bool after_cr;
	u32 entries;	      /* lines ever remembered */
	u32 back;	      /* how far back the user looks; 0: at the line being typed */
	char typed[LINE_MAX]; /* that line, while the user looks back */
	char history[LINE_HISTORY][LINE_MAX];
	const char *(*name)(u32 index); /* what TAB completes: index 0.., NULL after the last */
};

enum line_event {
	LINE_SAME,     /* nothing to show */
	LINE_APPENDED, /* one character at the end: showing it is enough */
	LINE_CHANGED,  /* show the line again */
	LINE_CLEAR,    /* clear the screen, show the line again */
	LINE_DONE,     /* text holds a line: run it, then line_reset() */
};

enum line_event line_key(struct line *l, u8 byte);
/* Remembers the text, if it is a new one, and starts an empty line. */
void line_reset(struct line *l);
/*
 * What puts the line on a terminal, cursor included, from wherever in it the cursor is. Long lines
 * are shown around the cursor.
 */
#define LINE_DRAW_MAX (LINE_COLUMNS + 24)
void line_draw(const struct line *l, const char *prompt, char out[LINE_DRAW_MAX]);

/*
 * Cuts a line into words in place, at spaces; a quoted word may hold some. Returns how many there
 * are, at most max.
 */
u32 line_words(char *line, char **words, u32 max);
