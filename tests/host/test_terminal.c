/* SPDX-License-Identifier: BSD-2-Clause */
/* The prompt's keys: what they show on the line, and what they ask for. */
#include "drivers/api/terminal.h"
#include "tests/dialect.h"

#include <string.h>

static struct terminal t;
static u8 line_data[4096], kfv_data[256], vm_data[256];
static struct ring line;
static char shown[4096];

static const char *no_names(u32 index)
{
	(void)index;
	return NULL;
}

/* What was put on the line since the last time. */
static const char *take_shown(void)
{
	u32 n = 0;
	u8 byte;

	while (ring_get(&line, &byte) && n < sizeof(shown) - 1)
		shown[n++] = (char)byte;
	shown[n] = 0;
	return shown;
}

static void settle(void)
{
	while (mux_step(&t.mux, 1))
		;
	take_shown();
}

static void start(void)
{
	memset(&t, 0, sizeof(t));
	line = (struct ring)RING_INIT(line_data, sizeof(line_data));
	terminal_init(&t, &line, no_names);
	mux_add(&t.mux, 0, "kfv", kfv_data, sizeof(kfv_data));
	mux_add(&t.mux, 1, "linux", vm_data, sizeof(vm_data));
	settle();
}

static enum terminal_event key(char c)
{
	u32 number = 99;

	return terminal_key(&t, (u8)c, &number);
}

TEST(terminal_echoes_and_hands_over_a_line)
{
	start();
	EXPECT(terminal_takes_keys(&t));
	EXPECT_EQ(key('v'), TERMINAL_NOTHING);
	EXPECT_STR(take_shown(), "v");
	EXPECT_EQ(key('m'), TERMINAL_NOTHING);
	EXPECT_EQ(key('s'), TERMINAL_NOTHING);
	EXPECT_EQ(key('\r'), TERMINAL_LINE);
	EXPECT_STR(take_shown(), "ms\r\n");
	EXPECT_STR(t.typed, "vms");
	EXPECT_EQ(t.editor.len, 0);
	EXPECT(!t.mux.prompt_shown);
}

TEST(terminal_clears_the_screen)
{
	start();
	key('x');
	take_shown();
	EXPECT_EQ(key('\f'), TERMINAL_NOTHING);
	EXPECT(!strncmp(take_shown(), "\x1b[H\x1b[2J", 7));
	EXPECT(strstr(shown, "kfv> x"));
	EXPECT(t.mux.prompt_shown);
}

TEST(terminal_keeps_quiet_under_output)
{
	start();
	mux_write(&t.mux, 0, 'o', 1);
	EXPECT(!terminal_takes_keys(&t)); /* a command has not said all */
	settle();
	t.mux.prompt_shown = false;
	key('a');
	EXPECT_STR(take_shown(), "");
	EXPECT_EQ(key('\r'), TERMINAL_LINE);
	EXPECT(strstr(take_shown(), "kfv> a") && strstr(shown, "\r\n"));
	EXPECT_STR(t.typed, "a");
}

TEST(terminal_tells_whom_a_key_is_for)
{
	u32 number = 0;

	start();
	EXPECT_EQ(key('\x1d'), TERMINAL_NOTHING);
	EXPECT_EQ(terminal_key(&t, '1', &number), TERMINAL_FOCUS);
	EXPECT_EQ(number, 1);
	EXPECT(mux_focus(&t.mux, 1));
	settle();
	number = 0;
	EXPECT_EQ(terminal_key(&t, 'a', &number), TERMINAL_BYTE);
	EXPECT_EQ(number, 1);
	EXPECT_EQ(t.editor.len, 0);
	EXPECT_EQ(key('\x1d'), TERMINAL_NOTHING);
	EXPECT_EQ(key('?'), TERMINAL_HELP);
}
