/* SPDX-License-Identifier: BSD-2-Clause */
/* The line editor: every key, the history, completion, what is drawn, and any bytes at all. */
#include "drivers/api/line.h"
#include "tests/dialect.h"

#include <stdlib.h>
#include <string.h>

static struct line line;
static u32 done;

static const char *name(u32 index)
{
	static const char *const names[] = { "exits", "events", "help", "vm", "vms" };

	return index < ARRAY_LEN(names) ? names[index] : NULL;
}

static void start(void)
{
	memset(&line, 0, sizeof(line));
	line.name = name;
	done = 0;
}

static enum line_event type(const char *keys)
{
	enum line_event event = LINE_SAME;

	for (; *keys; keys++) {
		event = line_key(&line, (u8)*keys);
		done += event == LINE_DONE;
	}
	return event;
}

static void enter(const char *text)
{
	type(text);
	EXPECT_EQ(type("\r"), LINE_DONE);
	EXPECT_STR(line.text, text);
	line_reset(&line);
}

#define LEFT  "\x1b[D"
#define RIGHT "\x1b[C"
#define UP    "\x1b[A"
#define DOWN  "\x1b[B"

TEST(line_inserts_and_moves)
{
	start();
	EXPECT_EQ(type("vs"), LINE_APPENDED);
	EXPECT_EQ(type(LEFT "m"), LINE_CHANGED);
	EXPECT_STR(line.text, "vms");
	EXPECT_EQ(type(RIGHT RIGHT), LINE_SAME);
	EXPECT_EQ(line.cursor, 3);
	type("\x1b[Ha\x1b[Fb");
	EXPECT_STR(line.text, "avmsb");
	type("\x1bOH1\x1bOF2\x1b[1~3\x1b[4~4\x1b[7~5\x1b[8~6\x01"
	     "7\x05"
	     "8");
	EXPECT_STR(line.text, "7531avmsb2468");
	type("\x01\x06\x06x\x02\x02y");
	EXPECT_STR(line.text, "7y5x31avmsb2468");
	EXPECT_EQ(type("\x01" LEFT), LINE_SAME);
}

TEST(line_cuts)
{
	start();
	type("vm linux  pause");
	type("\x17");
	EXPECT_STR(line.text, "vm linux  ");
	type("\x17");
	EXPECT_STR(line.text, "vm ");
	type("\x7f\x08");
	EXPECT_STR(line.text, "v");
	type("abc\x01\x1b[3~\x04");
	EXPECT_STR(line.text, "bc");
	EXPECT_EQ(type("\x05\x04\x1b[3~"), LINE_SAME);
	type("def" LEFT LEFT "\x0b");
	EXPECT_STR(line.text, "bcd");
	type(LEFT "\x15");
	EXPECT_STR(line.text, "d");
	type("\x03");
	EXPECT_STR(line.text, "");
	EXPECT_EQ(type("\x7f"), LINE_SAME);
	EXPECT_EQ(type("\x0c"), LINE_CLEAR);
}

TEST(line_ends_once)
{
	start();
	type("a\r\n\n\r\r\n");
	EXPECT_EQ(done, 4);
}

TEST(line_remembers)
{
	char text[] = "line A";

	start();
	EXPECT_EQ(type(UP), LINE_SAME);
	for (u32 i = 0; i < 20; i++, text[5]++)
		enter(text);
	enter("line T");
	enter("");
	type("half" UP);
	EXPECT_STR(line.text, "line T");
	type(UP);
	EXPECT_STR(line.text, "line S");
	for (u32 i = 0; i < 20; i++)
		type("\x10");
	EXPECT_STR(line.text, "line E");
	for (u32 i = 0; i < 15; i++)
		type(DOWN);
	EXPECT_STR(line.text, "line T");
	type("\x0e");
	EXPECT_STR(line.text, "half");
	EXPECT_EQ(type(DOWN), LINE_SAME);
	type(UP "!\r");
	line_reset(&line);
	type(UP);
	EXPECT_STR(line.text, "line T!");
	type(UP);
	EXPECT_STR(line.text, "line T");
}

TEST(line_completes_names)
{
	start();
	EXPECT_EQ(type("h\t"), LINE_CHANGED);
	EXPECT_STR(line.text, "help ");
	type("\x15v\t");
	EXPECT_STR(line.text, "vm");
	type("\x15vms\t");
	EXPECT_STR(line.text, "vms ");
	type("\x15"
	     "e\t");
	EXPECT_STR(line.text, "e");
	type("x\t");
	EXPECT_STR(line.text, "exits ");
	type("l\t");
	EXPECT_STR(line.text, "exits l");
	EXPECT_EQ(type("\x15q\t"), LINE_SAME);
}

static void expect_drawn(const char *want)
{
	char text[LINE_DRAW_MAX];

	line_draw(&line, "kfv> ", text);
	EXPECT_STR(text, want);
}

TEST(line_draws_around_the_cursor)
{
	start();
	expect_drawn("\rkfv> \x1b[K");
	type("exits" LEFT LEFT);
	expect_drawn("\rkfv> exits\x1b[K\x1b[2D");
	type("\x03");
	for (u32 i = 0; i < LINE_MAX - 1; i++)
		line_key(&line, '0' + i % 10);
	EXPECT_EQ(line.len, LINE_MAX - 1);
	EXPECT_EQ(type("x"), LINE_SAME);
	type("\x01");
	expect_drawn("\rkfv> 01234567890123456789012345678901234567890123456789"
		     "012345678901234567890123\x1b[K\x1b[74D");
	type("\x05" LEFT);
	expect_drawn("\rkfv> 45678901234567890123456789012345678901234567890123"
		     "456789012345678901234567\x1b[K");
}

/* Whatever comes in: the line stays a string within its bounds, and so does what is drawn. */
TEST(line_survives_noise)
{
	char text[LINE_DRAW_MAX];

	start();
	srand(7);
	for (u32 i = 0; i < 200000; i++) {
		u8 byte = rand() % 3 ? " \x1b[AB~3\tvmse\x01\x05"[rand() % 15] : rand();

		if (line_key(&line, byte) == LINE_DONE)
			line_reset(&line);
		if (!EXPECT_EQ(strlen(line.text), line.len) || !EXPECT(line.cursor <= line.len))
			return;
		line_draw(&line, "kfv> ", text);
		if (!EXPECT(strlen(text) < LINE_DRAW_MAX))
			return;
	}
}
