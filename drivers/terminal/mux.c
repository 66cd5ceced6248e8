/* SPDX-License-Identifier: BSD-2-Clause */
/* The multiplexer of the serial line: turns, prefixes and the repair of interrupted lines. */
#include "drivers/api/mux.h"

#include "core/lib/fmt.h"
#include "core/lib/string.h"

#define KEY_ESCAPE 0x1d /* Ctrl-] */
#define ESC	   '\x1b'
#define SLICE	   64 /* bytes for each step */
#define ONE_LINE   78 /* what ERASE removes from a terminal of 80 columns */
#define ERASE	   "\r\x1b[K"
#define BREAK	   "\x1b[m\r\n"

void mux_init(struct mux *m, struct ring *out, void (*prompt)(struct mux *m))
{
	m->out = out;
	m->prompt = prompt;
	m->speaker = MUX_NOBODY;
	m->column_zero = true;
}

void mux_add(struct mux *m, u32 party, const char *name, u8 *data, u32 size)
{
	struct mux_party *p = &m->party[party];

	if (!p->tx.data)
		p->tx = (struct ring)RING_INIT(data, size);
	fmt_string(p->name, sizeof(p->name), "%s", name);
}

u32 mux_write(struct mux *m, u32 party, u8 byte, u64 now_ns)
{
	struct mux_party *p = &m->party[party];
	u32 room;

	if (ring_put(&p->tx, byte) && byte == '\n')
		p->newlines++;
	p->last_ns = now_ns;
	room = ring_free(&p->tx);
	p->waits |= !room;
	return room;
}

static void put(struct mux *m, u8 byte)
{
	ring_put(m->out, byte); /* there is room: MUX_RESERVE */
	m->column_zero = byte == '\r' || (byte == '\n' && m->column_zero);
}

void mux_say(struct mux *m, const char *text)
{
	while (*text)
		put(m, (u8)*text++);
}

static bool nearly_full(const struct mux_party *p)
{
	return ring_free(&p->tx) < p->tx.mask / 4;
}

/* The cursor stands in a line that the VM in focus has not finished. */
static bool focus_in_line(const struct mux *m)
{
	return m->focus && m->speaker == m->focus;
}

static bool may_speak(const struct mux *m, u32 party, u64 now_ns)
{
	const struct mux_party *p = &m->party[party], *focus = &m->party[m->focus];

	if (!p->name[0] || !ring_used(&p->tx))
		return false;
	if (party && party == m->focus)
		return true;
	if (!p->newlines && !nearly_full(p) && now_ns - p->last_ns < MUX_PAUSE_NS)
		return false;
	return !focus_in_line(m) || nearly_full(p) ||
	       (!ring_used(&focus->tx) && now_ns - focus->last_ns >= MUX_QUIET_NS);
}

static u32 next_speaker(const struct mux *m, u64 now_ns)
{
	for (u32 i = 1; i <= MUX_PARTIES; i++) {
		u32 party = (m->turn + i) % MUX_PARTIES;

		if (may_speak(m, party, now_ns))
			return party;
	}
	return MUX_NOBODY;
}

/* Leaves the line where the cursor is, so that another may use the next. */
static void leave_line(struct mux *m)
{
	const struct mux_party *p = &m->party[m->focus];

	if (!m->prompt_shown && m->speaker == MUX_NOBODY)
		return;
	if (m->prompt_shown || (focus_in_line(m) && p->held <= ONE_LINE))
		mux_say(m, ERASE);
	else
		mux_say(m, BREAK);
	m->prompt_shown = false;
	m->speaker = MUX_NOBODY;
	m->column_zero = true;
}

/* Back to the unfinished line of the VM in focus, shown again as far as it is remembered. */
static void resume_line(struct mux *m)
{
	const struct mux_party *p = &m->party[m->focus];

	if (p->held && p->held <= MUX_HELD) {
		mux_say(m, ERASE);
		for (u32 i = 0; i < p->held; i++)
			put(m, (u8)p->line[i]);
	}
	m->speaker = m->focus;
}

static void begin_turn(struct mux *m, u32 party)
{
	const struct mux_party *p = &m->party[party];

	m->turn = party;
	m->left = ring_used(&p->tx);
	if (party && party == m->focus) {
		if (m->speaker != party)
			resume_line(m);
		return;
	}
	leave_line(m);
	if (!m->column_zero)
		put(m, '\r');
	if (party || m->focus) {
		put(m, '[');
		mux_say(m, p->name);
		mux_say(m, "] ");
	}
	m->speaker = party;
}

static void end_turn(struct mux *m, bool line_finished)
{
	const struct mux_party *p = &m->party[m->speaker];

	m->left = 0;
	if (line_finished || (m->speaker == m->focus && !p->held))
		m->speaker = MUX_NOBODY;
	else if (!focus_in_line(m))
		leave_line(m);
}

/* A question to the terminal (ESC [ ... n or c) is answered once: it is not shown again. */
static void forget_question(struct mux_party *p)
{
	u32 at = p->held - 1;

	while (at && (p->line[at - 1] & 0xf0) == 0x30)
		at--;
	if (at >= 2 && p->line[at - 1] == '[' && p->line[at - 2] == ESC)
		p->held = at - 2;
}

static void remember(struct mux_party *p, char c)
{
	if (c == '\n') {
		p->newlines--;
		p->held = 0;
	} else if (p->held < MUX_HELD) {
		p->line[p->held++] = c;
		if (c == 'n' || c == 'c')
			forget_question(p);
	} else {
		p->held = MUX_HELD + 1;
	}
}

static void speak(struct mux *m)
{
	struct mux_party *p = &m->party[m->speaker];
	u8 byte = 0;

	for (u32 i = 0; i < SLICE && m->left && byte != '\n'; i++, m->left--) {
		if (!ring_get(&p->tx, &byte))
			break;
		put(m, byte);
		remember(p, (char)byte);
	}
	if (p->waits && ring_free(&p->tx) > p->tx.mask / 2) {
		p->waits = false;
		m->drained |= 1u << m->speaker;
	}
	if (!m->left || byte == '\n')
		end_turn(m, byte == '\n');
}

static void change_focus(struct mux *m)
{
	char line[80];

	if (m->focus && m->speaker == MUX_NOBODY && m->party[m->focus].held)
		resume_line(m); /* it may have been erased */
	if (focus_in_line(m)) {
		mux_say(m, BREAK); /* not erased: it is worth reading on */
		m->speaker = MUX_NOBODY;
	}
	leave_line(m);
	if (!m->column_zero)
		put(m, '\r');
	m->focus = m->wanted;
	m->turn = m->focus;
	fmt_string(line, sizeof(line), "--- console: %s (Ctrl-] %s) ---\r\n",
		m->party[m->focus].name, m->focus ? "0 for kfv" : "? for help");
	mux_say(m, line);
}

bool mux_step(struct mux *m, u64 now_ns)
{
	u32 next;

	if (ring_free(m->out) < MUX_RESERVE)
		return false;
	if (m->left) {
		speak(m);
		return true;
	}
	if (m->wanted != m->focus) {
		change_focus(m);
		return true;
	}
	next = next_speaker(m, now_ns);
	if (next != MUX_NOBODY) {
		begin_turn(m, next);
		return true;
	}
	if (m->focus && m->speaker == MUX_NOBODY && m->party[m->focus].held) {
		resume_line(m);
	} else if (!m->focus && !m->prompt_shown) {
		m->prompt(m);
		m->prompt_shown = true;
	}
	return false;
}

u64 mux_deadline(const struct mux *m)
{
	u64 first = 0, quiet = m->party[m->focus].last_ns + MUX_QUIET_NS;

	for (u32 i = 0; i < MUX_PARTIES; i++) {
		const struct mux_party *p = &m->party[i];
		u64 at = p->newlines ? 1 : p->last_ns + MUX_PAUSE_NS; /* 1: at once */

		if (!p->name[0] || !ring_used(&p->tx))
			continue;
		if (focus_in_line(m))
			at = MAX(at, quiet);
		if (!first || at < first)
			first = at;
	}
	return first;
}

bool mux_focus(struct mux *m, u32 party)
{
	if (party >= MUX_PARTIES || !m->party[party].name[0])
		return false;
	m->wanted = party;
	return true;
}

enum mux_key mux_input(struct mux *m, u8 byte, u32 *number)
{
	if (!m->escape) {
		m->escape = byte == KEY_ESCAPE;
		return m->escape ? MUX_KEY_TAKEN : MUX_KEY_DATA;
	}
	m->escape = false;
	if (byte == KEY_ESCAPE)
		return MUX_KEY_DATA;
	if (byte < '0' || byte > '9')
		return byte == '?' ? MUX_KEY_HELP : MUX_KEY_TAKEN;
	*number = byte - '0';
	return MUX_KEY_FOCUS;
}
