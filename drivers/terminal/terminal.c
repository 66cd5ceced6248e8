/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys at the prompt: what they show, and when they make a line. */
#include "drivers/api/terminal.h"

#include "core/lib/string.h"

#define PROMPT "kfv> "

static void show_prompt(struct mux *m)
{
	char text[LINE_DRAW_MAX];

	line_draw(&container_of(m, struct terminal, mux)->editor, PROMPT, text);
	mux_say(m, text);
}

void terminal_init(struct terminal *t, struct ring *out, const char *(*name)(u32 index))
{
	t->editor.name = name;
	mux_init(&t->mux, out, show_prompt);
}

bool terminal_takes_keys(const struct terminal *t)
{
	const struct mux *m = &t->mux;

	return m->wanted == m->focus && !m->left && ring_free(m->out) >= MUX_RESERVE &&
	       (m->focus || !ring_used(&m->party[0].tx));
}

static void finish_line(struct terminal *t)
{
	if (!t->mux.prompt_shown)
		show_prompt(&t->mux);
	mux_say(&t->mux, "\r\n");
	t->mux.prompt_shown = false;
	memcpy(t->typed, t->editor.text, sizeof(t->typed));
	line_reset(&t->editor);
}

static enum terminal_event prompt_key(struct terminal *t, u8 byte)
{
	const char typed[] = { (char)byte, 0 };
	enum line_event event = line_key(&t->editor, byte);
	struct mux *m = &t->mux;

	if (event == LINE_DONE) {
		finish_line(t);
		return TERMINAL_LINE;
	}
	if (event == LINE_CLEAR) {
		mux_say(m, "\x1b[H\x1b[2J");
		m->prompt_shown = true;
	}
	if (m->prompt_shown && event == LINE_APPENDED &&
		t->editor.len < LINE_COLUMNS - sizeof(PROMPT))
		mux_say(m, typed);
	else if (m->prompt_shown && event != LINE_SAME)
		show_prompt(m);
	return TERMINAL_NOTHING;
}

enum terminal_event terminal_key(struct terminal *t, u8 byte, u32 *number)
{
	switch (mux_input(&t->mux, byte, number)) {
	case MUX_KEY_DATA:
		*number = t->mux.focus;
		return t->mux.focus ? TERMINAL_BYTE : prompt_key(t, byte);
	case MUX_KEY_FOCUS:
		return TERMINAL_FOCUS;
	case MUX_KEY_HELP:
		return TERMINAL_HELP;
	default:
		return TERMINAL_NOTHING;
	}
}
