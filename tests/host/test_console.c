/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The multiplexed serial line, taken apart again by the rules that drivers/api/mux.h states: each
 * party's bytes must come out complete and in order, whoever has the focus.
 */
#include "drivers/api/mux.h"
#include "tests/dialect.h"

#include <stdlib.h>
#include <string.h>

#define PARTIES	 4
#define TEXT_MAX (1 << 18)
#define MS	 1000000ull

struct text {
	char *bytes;
	u32 len, line; /* line: where its last line begins */
};

static const char *const names[PARTIES] = { "kfv", "linux", "beat", "a-b" };
static u8 out_data[1024], tx_data[PARTIES][512];
static struct ring out;
static struct mux mux;
static struct text wire, written[PARTIES], read_back[PARTIES];
static u64 now;

static void text_reset(struct text *t)
{
	if (!t->bytes)
		t->bytes = malloc(TEXT_MAX);
	t->len = t->line = 0;
}

static void text_add(struct text *t, char c)
{
	if (t->len < TEXT_MAX - 1)
		t->bytes[t->len++] = c;
	t->bytes[t->len] = 0;
	if (c == '\n')
		t->line = t->len;
}

static void prompt(struct mux *m)
{
	mux_say(m, "kfv> ");
}

static void start(void)
{
	memset(&mux, 0, sizeof(mux));
	out = (struct ring)RING_INIT(out_data, sizeof(out_data));
	mux_init(&mux, &out, prompt);
	text_reset(&wire);
	for (u32 i = 0; i < PARTIES; i++) {
		mux_add(&mux, i, names[i], tx_data[i], sizeof(tx_data[i]));
		text_reset(&written[i]);
		text_reset(&read_back[i]);
	}
	now = 1000 * MS;
}

static bool say(u32 party, char c)
{
	if (!ring_free(&mux.party[party].tx))
		return false;
	mux_write(&mux, party, (u8)c, now);
	text_add(&written[party], c);
	return true;
}

static void say_text(u32 party, const char *text)
{
	while (*text)
		say(party, *text++);
}

static void drain(u32 max)
{
	u8 byte;

	while (max-- && ring_get(&out, &byte))
		text_add(&wire, (char)byte);
}

static void settle(void)
{
	for (u32 i = 0; i < 10000; i++) {
		while (mux_step(&mux, now))
			;
		drain(~0u);
		if (!mux_deadline(&mux))
			break;
		now = MAX(now, mux_deadline(&mux));
	}
}

static bool skip(const char **p, const char *what)
{
	if (strncmp(*p, what, strlen(what)))
		return false;
	*p += strlen(what);
	return true;
}

/* At the start of a line: whose is it? */
static u32 read_prefix(const char **p, u32 focus)
{
	const char *at = *p + (**p == '\r');

	for (u32 i = 0; i < PARTIES; i++) {
		char prefix[MUX_NAME + 8];

		strcat(strcat(strcpy(prefix, "["), names[i]), "] ");
		if (skip(&at, prefix)) {
			*p = at;
			return i;
		}
	}
	if (!focus && **p == '\r') /* back from another's line; ours never begin so */
		(*p)++;
	return focus;
}

static bool read_notice(const char **p, u32 *focus)
{
	const char *at = *p + (**p == '\r');

	if (!skip(&at, "--- console: "))
		return false;
	for (u32 i = 0; i < PARTIES; i++)
		if (!strncmp(at, names[i], strlen(names[i])))
			*focus = i;
	*p = strchr(at, '\n') + 1;
	return true;
}

static void take_apart(void)
{
	const char *p = wire.bytes;
	u32 focus = 0, speaker = 0;
	bool line_start = true;

	text_add(&wire, 0);
	while (*p) {
		if (skip(&p, "\r\x1b[K")) {
			read_back[focus].len = read_back[focus].line;
			line_start = true;
		} else if (skip(&p, "\x1b[m\r\n")) {
			line_start = true;
		} else if (!line_start || !read_notice(&p, &focus)) {
			if (line_start)
				speaker = read_prefix(&p, focus);
			text_add(&read_back[speaker], *p);
			line_start = *p++ == '\n';
		}
	}
	if (!focus)
		read_back[0].len = read_back[0].line; /* the prompt */
}

static void expect_whole(void)
{
	settle();
	take_apart();
	for (u32 i = 0; i < PARTIES; i++) {
		EXPECT_EQ(mux.party[i].newlines, 0);
		if (EXPECT_EQ(read_back[i].len, written[i].len))
			EXPECT_MEM(read_back[i].bytes, written[i].bytes, written[i].len);
	}
}

TEST(console_shows_others_by_line)
{
	start();
	say_text(0, "hello\r\n");
	settle();
	mux_focus(&mux, 1);
	settle();
	say_text(1, "~ # ls");
	settle();
	say_text(2, "tick\r\ntock\r\n");
	say_text(3, "no new line yet");
	settle();
	say_text(1, " -l\r\n");
	settle();
	EXPECT_STR(wire.bytes, "hello\r\nkfv> "
			       "\r\x1b[K--- console: linux (Ctrl-] 0 for kfv) ---\r\n"
			       "~ # ls\r\x1b[K[beat] tick\r\n[beat] tock\r\n"
			       "\r\x1b[K~ # ls"
			       "\r\x1b[K[a-b] no new line yet\x1b[m\r\n"
			       "\r\x1b[K~ # ls -l\r\n");
	expect_whole();
}

TEST(console_asks_the_terminal_once)
{
	start();
	mux_focus(&mux, 1);
	settle();
	wire.len = 0;
	say_text(1, "\x1b[6ncan \x1b[0;1c\x1b[1mn[c");
	settle();
	say_text(2, "tick\r\n");
	settle();
	EXPECT_STR(wire.bytes, "\x1b[6ncan \x1b[0;1c\x1b[1mn[c\r\x1b[K[beat] tick\r\n"
			       "\r\x1b[Kcan \x1b[1mn[c");
}

TEST(console_brings_prompts_back)
{
	start();
	say_text(2, "login: ");
	settle();
	mux_focus(&mux, 2);
	settle();
	mux_focus(&mux, 0);
	settle();
	EXPECT_STR(wire.bytes, "kfv> \r\x1b[K[beat] login: \x1b[m\r\nkfv> "
			       "\r\x1b[K--- console: beat (Ctrl-] 0 for kfv) ---\r\n"
			       "\r\x1b[Klogin: \x1b[m\r\n"
			       "--- console: kfv (Ctrl-] ? for help) ---\r\nkfv> ");
	expect_whole();
}

TEST(console_starts_prefixes_in_column_zero)
{
	start();
	say_text(1, "staircase\n");
	say_text(2, "straight\r\n");
	settle();
	EXPECT_STR(wire.bytes, "[linux] staircase\n\r[beat] straight\r\nkfv> ");
	expect_whole();
}

TEST(console_waits_for_quiet_before_it_interrupts)
{
	start();
	mux_focus(&mux, 1);
	settle();
	wire.len = 0;
	say_text(1, "half");
	mux_step(&mux, now);
	say_text(2, "line\r\n");
	while (mux_step(&mux, now))
		;
	drain(~0u);
	EXPECT_STR(wire.bytes, "half");
	EXPECT_EQ(mux_deadline(&mux), now + MUX_QUIET_NS);
	now += MUX_QUIET_NS;
	while (mux_step(&mux, now))
		;
	drain(~0u);
	EXPECT_STR(wire.bytes, "half\r\x1b[K[beat] line\r\n\r\x1b[Khalf");
}

static char random_char(void)
{
	static const char set[] = "abcdefghij klm#$.\r\n\n";

	return set[rand() % (sizeof(set) - 1)];
}

/* Lines of the hypervisor are whole: its unfinished line is the prompt's place. */
static void random_step(u32 long_lines)
{
	u32 party = 1 + rand() % (PARTIES - 1), count = rand() % 40;

	for (u32 i = 0; i < count; i++) {
		char c = random_char();

		say(party, long_lines && c == '\n' && rand() % 64 ? '.' : c);
	}
	if (rand() % 8 == 0 && ring_free(&mux.party[0].tx) > 16)
		say_text(0, "a line of ours\r\n");
	if (rand() % 40 == 0)
		mux_focus(&mux, rand() % PARTIES);
	for (u32 i = rand() % 8; i; i--)
		mux_step(&mux, now);
	drain(rand() % 300);
	now += rand() % (rand() % 10 ? 2 * MS : 300 * MS);
}

/* What a VM that was destroyed had still to say is due never, or nothing else would be done. */
TEST(console_is_not_kept_busy_by_one_that_is_gone)
{
	start();
	now += MUX_PAUSE_NS;
	say(1, 'x');
	say(1, '\n');
	EXPECT_EQ(mux_deadline(&mux), 1);
	mux.party[1].name[0] = 0;
	EXPECT_EQ(mux_deadline(&mux), 0);
}

TEST(console_loses_no_byte)
{
	for (u32 seed = 1; seed <= 60; seed++) {
		srand(seed);
		start();
		for (u32 i = 0; i < 400; i++)
			random_step(seed % 2);
		expect_whole();
	}
}

TEST(console_tells_writers_to_wait)
{
	u32 room = 1;

	start();
	for (u32 i = 0; room; i++) {
		room = mux_write(&mux, 1, 'x', now);
		EXPECT_EQ(room, sizeof(tx_data[1]) - 1 - i);
	}
	EXPECT_EQ(mux_write(&mux, 1, 'y', now), 0);
	EXPECT_EQ(mux.drained, 0);
	settle();
	EXPECT_EQ(mux.drained, 1u << 1);
	EXPECT(!strchr(wire.bytes, 'y'));
}

TEST(console_leaves_a_full_line_alone)
{
	start();
	say_text(1, "line\r\n");
	while (ring_free(&out) >= MUX_RESERVE)
		ring_put(&out, '.');
	EXPECT(!mux_step(&mux, now));
	EXPECT_EQ(ring_free(&out), MUX_RESERVE - 1);
}

TEST(console_keys_change_the_focus)
{
	u32 n = 99;

	start();
	EXPECT_EQ(mux_input(&mux, 'x', &n), MUX_KEY_DATA);
	EXPECT_EQ(mux_input(&mux, 0x1d, &n), MUX_KEY_TAKEN);
	EXPECT_EQ(mux_input(&mux, '2', &n), MUX_KEY_FOCUS);
	EXPECT_EQ(n, 2);
	EXPECT_EQ(mux_input(&mux, '2', &n), MUX_KEY_DATA);
	EXPECT_EQ(mux_input(&mux, 0x1d, &n), MUX_KEY_TAKEN);
	EXPECT_EQ(mux_input(&mux, 0x1d, &n), MUX_KEY_DATA);
	EXPECT_EQ(mux_input(&mux, 0x1d, &n), MUX_KEY_TAKEN);
	EXPECT_EQ(mux_input(&mux, '?', &n), MUX_KEY_HELP);
	EXPECT_EQ(mux_input(&mux, 0x1d, &n), MUX_KEY_TAKEN);
	EXPECT_EQ(mux_input(&mux, 'q', &n), MUX_KEY_TAKEN);
	EXPECT(!mux_focus(&mux, PARTIES));
	EXPECT(!mux_focus(&mux, MUX_PARTIES));
	EXPECT(mux_focus(&mux, 3));
}
