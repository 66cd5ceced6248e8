/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock: its calendar against the C library's, setting and reading in all formats, the three
 * interrupts, and registers with nonsense in them. The fake machine starts at 23:59:58 on a
 * Tuesday, 29 February 2028.
 */
#include "drivers/rtc/calendar.h"
#include "tests/dialect.h"
#include "tests/host/fake_gate.h"

#include <time.h>

#define MS 1000000ull
#define S  1000000000ull

static u8 get(u8 index)
{
	pc_out(0x70, 1, index);
	return pc_in(0x71, 1);
}

static void set(u8 index, u8 value)
{
	pc_out(0x70, 1, index);
	pc_out(0x71, 1, value);
}

static void expect_time(u32 century, u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second)
{
	EXPECT_EQ(get(0x32), century);
	EXPECT_EQ(get(9), year);
	EXPECT_EQ(get(8), month);
	EXPECT_EQ(get(7), day);
	EXPECT_EQ(get(4), hour);
	EXPECT_EQ(get(2), minute);
	EXPECT_EQ(get(0), second);
}

TEST(calendar_agrees_with_the_c_library)
{
	u32 wrong = 0;

	for (s64 t = -62135596800ll; t < 253402300800ll; t += 86400ll * 97 + 12345) {
		time_t when = t;
		struct calendar c;
		struct tm tm;

		gmtime_r(&when, &tm);
		calendar_from_seconds(&c, t);
		wrong += c.second != (u32)tm.tm_sec || c.minute != (u32)tm.tm_min ||
			 c.hour != (u32)tm.tm_hour || c.day != (u32)tm.tm_mday ||
			 c.month != (u32)tm.tm_mon + 1 || c.year != (u32)tm.tm_year + 1900 ||
			 c.weekday != (u32)tm.tm_wday + 1;
		wrong += calendar_to_seconds(&c) != t;
	}
	EXPECT_EQ(wrong, 0);
}

TEST(rtc_goes_over_a_leap_day)
{
	pc_start(MIB(256));
	expect_time(0x20, 0x28, 2, 0x29, 0x23, 0x59, 0x58);
	EXPECT_EQ(get(6), 3);
	pc_advance(2 * S);
	expect_time(0x20, 0x28, 3, 1, 0, 0, 0);
	EXPECT_EQ(get(6), 4);
	EXPECT_EQ(get(0x0d), 0x80);
	pc_stop();
}

TEST(rtc_formats)
{
	pc_start(MIB(256));
	set(0x0b, 0x06);
	expect_time(20, 28, 2, 29, 23, 59, 58);
	set(0x0b, 0x00);
	EXPECT_EQ(get(4), 0x91); /* 11 p.m. */
	pc_advance(2 * S);
	EXPECT_EQ(get(4), 0x12); /* midnight */
	pc_advance(12 * 3600 * S);
	EXPECT_EQ(get(4), 0x92); /* noon */
	pc_stop();
}

/* As Linux sets it: SET on, all registers, SET off. */
TEST(rtc_is_set)
{
	pc_start(MIB(256));
	set(0x0b, 0x82);
	set(0x32, 0x19);
	set(9, 0x99);
	set(8, 0x12);
	set(7, 0x31);
	set(4, 0x23);
	set(2, 0x59);
	set(0, 0x30);
	pc_advance(10 * S);
	EXPECT_EQ(get(0), 0x30); /* stands still */
	set(0x0b, 0x02);
	pc_advance(29 * S);
	expect_time(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59);
	pc_advance(S);
	expect_time(0x20, 0x00, 0x01, 0x01, 0, 0, 0);
	set(4, 0x05); /* on the fly */
	pc_advance(S);
	expect_time(0x20, 0x00, 0x01, 0x01, 5, 0, 1);
	pc_stop();
}

TEST(rtc_update_in_progress)
{
	u32 seen = 0;

	pc_start(MIB(256));
	for (u32 i = 0; i < 100000; i++) {
		seen += get(0x0a) >> 7;
		pc_advance(10000);
	}
	EXPECT(seen >= 24 && seen <= 26);
	set(0x0b, 0x82);
	pc_advance(999900 * 1000ull);
	EXPECT_EQ(get(0x0a), 0x26);
	pc_stop();
}

TEST(rtc_periodic_interrupt)
{
	u32 flags = 0;

	pc_start(MIB(256));
	set(0x0b, 0x42); /* 1024 Hz */
	for (u32 i = 0; i < 100; i++) {
		pc_advance(10 * MS);
		EXPECT(pc.line[8]);
		flags |= get(0x0c);
		EXPECT(!pc.line[8]);
	}
	EXPECT_EQ(flags & 0xc0, 0xc0);
	EXPECT_EQ(pc.edges[8], 100);
	EXPECT(pc.timer_calls <= 100); /* none while the line waits to be read */
	pc_advance(10 * MS);
	set(0x0a, 0x20); /* no rate */
	get(0x0c);
	pc_advance(S);
	EXPECT(!pc.line[8]);
	pc_stop();
}

TEST(rtc_update_and_alarm_interrupts)
{
	pc_start(MIB(256));
	set(0x0b, 0x12);
	pc_advance(999 * MS);
	EXPECT(!pc.line[8]);
	pc_advance(2 * MS);
	EXPECT(pc.line[8]);
	EXPECT_EQ(get(0x0c), 0xd0); /* the periodic flag too */
	set(5, 0x00);
	set(3, 0x00);
	set(1, 0x05);
	set(0x0b, 0x22);
	pc_advance(5 * S);
	EXPECT(!pc.line[8]);
	pc_advance(S);
	EXPECT(pc.line[8]);
	EXPECT_EQ(get(0x0c) & 0xa0, 0xa0);
	pc_advance(24 * 3600 * S - 2 * S);
	EXPECT(!pc.line[8]);
	pc_advance(2 * S);
	EXPECT(pc.line[8]);
	pc_stop();
}

TEST(rtc_alarm_with_wild_cards)
{
	pc_start(MIB(256));
	set(5, 0xff);
	set(3, 0xc0);
	set(1, 0x30); /* each minute at 30 */
	set(0x0b, 0x22);
	for (u32 i = 0; i < 5; i++) {
		pc_advance(60 * S);
		EXPECT_EQ(get(0x0c) & 0xa0, 0xa0);
	}
	EXPECT_EQ(pc.edges[8], 5);
	set(1, 0x77); /* never */
	pc_advance(3 * 86400 * S);
	EXPECT_EQ(pc.edges[8], 5);
	pc_stop();
}

TEST(rtc_tells_the_memory)
{
	u32 sum = 0;

	pc_start(GIB(5));
	EXPECT_EQ(get(0x15) | get(0x16) << 8, 640);
	EXPECT_EQ(get(0x17) | get(0x18) << 8, 0xffff);
	EXPECT_EQ(get(0x34) | get(0x35) << 8, (GIB(3) - MIB(16)) / KIB(64));
	EXPECT_EQ(get(0x5b) | get(0x5c) << 8 | get(0x5d) << 16, GIB(2) / KIB(64));
	for (u8 i = 0x10; i < 0x2e; i++)
		sum += get(i);
	EXPECT_EQ(get(0x2e) << 8 | get(0x2f), sum);
	pc_start(MIB(32));
	EXPECT_EQ(get(0x17) | get(0x18) << 8, 31 * 1024);
	EXPECT_EQ(get(0x5b), 0);
	pc_stop();
}

TEST(rtc_nonsense)
{
	pc_start(MIB(256));
	for (u32 value = 0; value < 0x100; value += 0x55)
		for (u32 b = 0; b < 0x100; b += 2) {
			for (u32 i = 0; i < 0x100; i++)
				set(i, i == 0x0b ? b : value);
			pc_advance(S);
			for (u32 i = 0; i < 0x100; i++)
				get(i);
			EXPECT_EQ(get(0x0d), 0x80);
		}
	EXPECT_EQ(pc_in(0x70, 1), 0xff);
	pc_call("rtc", BUS_RESET, 0, 0);
	EXPECT_EQ(get(9), 0x28);
	EXPECT(!pc.line[8]);
	pc_stop();
}
