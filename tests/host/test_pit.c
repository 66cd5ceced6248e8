/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The timer: rates over long times, the counter as it is read, the gate of channel 2, BCD, latches,
 * and what happens when time leaps.
 */
#include "tests/dialect.h"
#include "tests/host/fake_gate.h"

#define MS 1000000ull
#define S  1000000000ull

enum { CH0 = 0x40, CH1, CH2, CONTROL, PORTB = 0x61 };

static void load(u32 channel, u32 mode, u16 count)
{
	pc_out(CONTROL, 1, channel << 6 | 0x30 | mode << 1);
	pc_out(CH0 + channel, 1, count & 0xff);
	pc_out(CH0 + channel, 1, count >> 8);
}

/* Channel 0 starts to count; the edge that this alone may cause is not of interest. */
static void begin(u32 mode, u16 count)
{
	load(0, mode, count);
	pc.edges[0] = 0;
}

static u16 latched(u32 channel)
{
	u16 low;

	pc_out(CONTROL, 1, channel << 6);
	low = pc_in(CH0 + channel, 1);
	return low | pc_in(CH0 + channel, 1) << 8;
}

static u32 edges(void)
{
	return pc.edges[0];
}

TEST(pit_rate_is_exact_over_hours)
{
	pc_start(MIB(256));
	begin(2, 11932); /* 100 Hz less 15 ppm */
	pc_advance(10 * S);
	EXPECT_EQ(edges(), 10 * 1193182ull / 11932);
	pc.now_ns = 1000 * 3600 * S; /* no wrap in the conversion */
	begin(3, 0);
	pc_advance(3600 * S);
	EXPECT_EQ(edges(), 3600 * 1193182ull / 65536);
	EXPECT_EQ(pc_call("pit", BUS_INFO, 1, 0), 0);
	pc_stop();
}

TEST(pit_one_shots_fire_once)
{
	pc_start(MIB(256));
	load(0, 0, 1193);
	EXPECT(!pc.line[0]);
	pc_advance(998 * MS / 1000);
	EXPECT(!pc.line[0]);
	pc_advance(10 * MS);
	EXPECT(pc.line[0]);
	EXPECT_EQ(edges(), 1);
	EXPECT_EQ(pc_deadline("pit"), 0);
	load(0, 4, 1193); /* Linux's one-shot; OUT rests high, its strobe ends with an edge */
	EXPECT(pc.line[0]);
	pc_advance(100 * MS);
	EXPECT_EQ(edges(), 2);
	pc_out(CONTROL, 1, 0x30); /* Linux shuts it down so */
	EXPECT(!pc.line[0]);
	EXPECT_EQ(pc_deadline("pit"), 0);
	pc_stop();
}

TEST(pit_leap_raises_one_edge_and_counts_the_rest)
{
	pc_start(MIB(256));
	begin(2, 1193);
	pc_leap(100 * MS);
	EXPECT_EQ(edges(), 1);
	EXPECT_EQ(pc_call("pit", BUS_INFO, 0, 0), 1);
	EXPECT_EQ(pc_call("pit", BUS_INFO, 1, 0), 99);
	pc_advance(10 * MS); /* and goes on in phase */
	EXPECT_EQ(edges(), 11);
	pc_stop();
}

TEST(pit_fastest_guest_makes_no_storm)
{
	pc_start(MIB(256));
	for (u32 count = 1; count < 4; count++) {
		load(0, 2 + (count & 1), count);
		pc.timer_calls = 0;
		pc_advance(S);
		EXPECT(pc.timer_calls <= 10001);
		EXPECT(pc.timer_calls > 9000);
	}
	EXPECT(pc_call("pit", BUS_INFO, 1, 0) > 1000000);
	pc_stop();
}

TEST(pit_counters_count_down)
{
	pc_start(MIB(256));
	pc_advance(100); /* off the border between two ticks */
	load(0, 2, 1000);
	EXPECT_EQ(latched(0), 1000);
	pc_advance(500 * S / 1193182 + 100);
	EXPECT_EQ(latched(0), 500);
	pc_advance(500 * S / 1193182 + 100);
	EXPECT_EQ(latched(0), 1000);
	load(0, 3, 1000); /* by twos */
	pc_advance(100 * S / 1193182 + 100);
	EXPECT_EQ(latched(0), 800);
	pc_out(CONTROL, 1, 0x31); /* mode 0, BCD */
	pc_out(CH0, 1, 0x05);
	pc_out(CH0, 1, 0x10);
	pc_advance(10 * S / 1193182 + 100);
	EXPECT_EQ(latched(0), 0x0995);
	pc_advance(996 * S / 1193182);
	EXPECT_EQ(latched(0), 0x9999); /* wraps as decimals do */
	pc_stop();
}

/* As Linux calibrates: gate on, mode 0, poll OUT in port B. */
TEST(pit_channel_2_times_the_tsc)
{
	u64 before;

	pc_start(MIB(256));
	pc_out(PORTB, 1, 0x01);
	load(2, 0, 59659); /* 50 ms */
	EXPECT_EQ(pc_in(PORTB, 1) & 0x20, 0);
	before = pc.now_ns;
	while (!(pc_in(PORTB, 1) & 0x20))
		pc_advance(1000);
	EXPECT(pc.now_ns - before > 49995000 && pc.now_ns - before < 50005000);
	EXPECT_EQ(edges(), 0);
	pc_stop();
}

TEST(pit_unlatched_reads_alternate)
{
	pc_start(MIB(256));
	pc_out(PORTB, 1, 0x01);
	load(2, 0, 0xffff);
	EXPECT_EQ(pc_in(CH2, 1), 0xff);
	EXPECT_EQ(pc_in(CH2, 1), 0xff);
	pc_advance(256 * S / 1193182);
	EXPECT_EQ(pc_in(CH2, 1), 0xff);
	EXPECT_EQ(pc_in(CH2, 1), 0xfe);
	pc_stop();
}

TEST(pit_gate_stops_and_restarts)
{
	pc_start(MIB(256));
	load(2, 0, 1000); /* gate closed */
	pc_advance(10 * MS);
	EXPECT_EQ(latched(2), 1000);
	pc_out(PORTB, 1, 1);
	pc_advance(100 * S / 1193182 + 100);
	pc_out(PORTB, 1, 0);
	pc_advance(10 * MS);
	EXPECT_EQ(latched(2), 900);
	load(2, 2, 1000);
	pc_out(PORTB, 1, 1);
	pc_advance(100 * S / 1193182 + 100);
	pc_out(PORTB, 1, 0);
	pc_out(PORTB, 1, 1); /* begins anew */
	EXPECT_EQ(latched(2), 1000);
	load(2, 1, 1000);
	EXPECT(pc_in(PORTB, 1) & 0x20);
	pc_out(PORTB, 1, 0);
	pc_out(PORTB, 1, 1); /* triggers */
	EXPECT_EQ(pc_in(PORTB, 1) & 0x20, 0);
	pc_advance(1001 * S / 1193182);
	EXPECT(pc_in(PORTB, 1) & 0x20);
	pc_stop();
}

TEST(pit_read_back)
{
	pc_start(MIB(256));
	load(0, 2, 1000);
	pc_out(CONTROL, 1, 0xc2); /* count and status of channel 0 */
	pc_advance(MS);
	pc_out(CONTROL, 1, 0xc2); /* the first latch holds */
	EXPECT_EQ(pc_in(CH0, 1), 0xb4);
	EXPECT_EQ(pc_in(CH0, 1), 1000 & 0xff);
	EXPECT_EQ(pc_in(CH0, 1), 1000 >> 8);
	pc_out(CONTROL, 1, 0x54); /* channel 1, low byte only, mode 2 */
	pc_out(CONTROL, 1, 0xe4);
	EXPECT_EQ(pc_in(CH1, 1), 0xd4); /* null count */
	pc_stop();
}

TEST(pit_refresh_toggles)
{
	u32 toggles = 0;
	u8 last;

	pc_start(MIB(256));
	last = pc_in(PORTB, 1);
	for (u32 i = 0; i < 1000; i++) {
		u8 next;

		pc_advance(1000);
		next = pc_in(PORTB, 1);
		toggles += (next ^ last) >> 4 & 1;
		last = next;
	}
	EXPECT(toggles >= 59 && toggles <= 70);
	pc_stop();
}
