/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What holds for the driver of any card behind an uplink: UPLINK_TESTS(id) are the tests of all,
 * UPLINK_LINK_TESTS(id) those of cards that tell of their link. Before them the file that tests a
 * driver says what its model of a card is, in a constant `model`.
 */
#pragma once

#include "tests/host/uplink_guest.h"

struct uplink_model {
	const char *driver;
	void (*start)(void);
	bool (*receive)(const void *frame, u32 len);
	void (*end_sending)(void); /* of a card that is slow */
	void (*set_link)(bool up);
	void (*come_back)(void); /* of a card that was gone, beside that; NULL: nothing */
	u32 (*held)(void);	 /* frames that came and were not taken, or room that they lack */
	u32 *faults, *sent, *last_len;
	u8 *last;
	bool *slow, *gone;
	bool trusted;	 /* what it has been given counts as sent */
	bool masters;	 /* the card reaches memory */
	bool overruns;	 /* it says what it has lost */
	u32 at_once;	 /* frames that it can be given at a time */
	u32 patience;	 /* milliseconds, in which a frame is given up */
	u32 flood_least; /* frames that come through in a flood of 20 ms, */
	u32 flood_most, flood_calls;
};

static const struct uplink_model model;

static void begin(void)
{
	begin_uplink(model.driver, model.start);
}

static void end(void)
{
	EXPECT_EQ(*model.faults, 0);
	pc_stop();
}

static void expect_works(u64 received)
{
	EXPECT(model.receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RECEIVED), received);
}

static void sends_what_the_switch_has(void)
{
	static const u32 lens[] = { 60, 61, 255, 256, 1023, 1513, 1514 };

	begin();
	for (u32 i = 0; i < 10 * ARRAY_LEN(lens); i++) {
		u32 len = lens[i % ARRAY_LEN(lens)];

		guest_sends(len, (u8)i);
		pc_advance(20 * MS);
		EXPECT_EQ(*model.sent, i + 1);
		EXPECT_EQ(*model.last_len, len);
		EXPECT_MEM(model.last, frame, len);
	}
	EXPECT_EQ(info(UPLINK_SENT), 10 * ARRAY_LEN(lens));
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

static void brings_what_comes(void)
{
	static const u32 lens[] = { 42, 60, 61, 247, 248, 249, 252, 256, 1513, 1514 };

	begin();
	for (u16 i = 0; i < 7 * ARRAY_LEN(lens); i++) {
		u32 len = lens[i % ARRAY_LEN(lens)];

		EXPECT(model.receive(make_frame(ALL, OUTSIDE, len, (u8)i), len));
		pc_advance(20 * MS);
		expect_heard(i, len);
		offer(RX, (u16)used_head(RX, i));
		notify(RX);
	}
	EXPECT_EQ(info(UPLINK_RECEIVED), 7 * ARRAY_LEN(lens));
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	EXPECT_EQ(model.held(), 0);
	end();
}

/* However much comes, a look takes some frames and is over; what is too much is lost. */
static void takes_its_time_in_a_flood(void)
{
	u64 before;
	u32 calls;

	begin();
	pc_advance(20 * MS);
	before = info(UPLINK_RECEIVED);
	calls = pc.timer_calls;
	for (u32 us = 0; us < 20000; us += 10) {
		(void)model.receive(make_frame(ALL, OUTSIDE, 60, 0), 60);
		pc_advance(10000);
	}
	EXPECT(info(UPLINK_RECEIVED) - before > model.flood_least);
	EXPECT(info(UPLINK_RECEIVED) - before < model.flood_most);
	EXPECT(pc.timer_calls - calls < model.flood_calls);
	EXPECT(!model.overruns || info(UPLINK_OVERRUNS) > 0);
	pc_advance(100 * MS);
	EXPECT_EQ(model.held(), 0);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	expect_works(info(UPLINK_RECEIVED) + 1);
	end();
}

/* Its frames are lost, and their buffers are not. */
static void restarts_a_card_that_never_ends(void)
{
	u32 calls;

	begin();
	calls = pc.timer_calls;
	*model.slow = true;
	for (u32 i = 0; i < model.at_once; i++)
		guest_sends(60, 0);
	pc_advance(model.patience * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	EXPECT_EQ(info(UPLINK_SENT), model.trusted ? model.at_once : 0);
	EXPECT(pc.timer_calls - calls < model.patience + 10);
	*model.slow = false;
	*model.sent = 0;
	for (u32 i = 0; i < model.at_once; i++)
		guest_sends(90 + i, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(*model.sent, model.at_once);
	EXPECT_EQ(*model.last_len, 90 + model.at_once - 1);
	end();
}

static void lives_with_a_card_that_is_gone(void)
{
	u32 calls;

	begin();
	*model.gone = true;
	pc_advance(20 * MS);
	EXPECT(!pc.master);
	calls = pc.timer_calls;
	pc_advance(10000 * MS);
	EXPECT(pc.timer_calls - calls <= 12);
	*model.gone = false;
	if (model.come_back)
		model.come_back();
	pc_advance(2000 * MS);
	EXPECT_EQ(pc.master, model.masters);
	expect_works(1);
	guest_sends(60, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(*model.sent, 1);
	end();
}

/* The switch begins anew: its buffers are granted again, and none is lost for good. */
static void grants_anew(void)
{
	begin();
	for (u32 round = 0; round < 100; round++) {
		guest_sends(60, (u8)round);
		EXPECT(model.receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
		pc_renew(round % 2);
		pc_advance(20 * MS);
	}
	*model.sent = 0;
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(60, (u8)i);
	pc_advance(20 * MS);
	EXPECT_EQ(*model.sent, UPLINK_OUT);
	expect_works(info(UPLINK_RECEIVED) + 1);
	end();
}

static void starts_again_under_the_switch(void)
{
	begin();
	*model.slow = true;
	guest_sends(60, 0);
	pc_advance(MS);
	*model.slow = false;
	pc_renew(1);
	pc_device(model.driver);
	pc_advance(20 * MS);
	guest_sends(60, 0);
	expect_works(1);
	EXPECT_EQ(*model.sent, 1);
	end();
}

#define UPLINK_TEST(id, what)                                                                      \
	TEST(id##_##what)                                                                          \
	{                                                                                          \
		what();                                                                            \
	}

#define UPLINK_TESTS(id)                                                                           \
	UPLINK_TEST(id, sends_what_the_switch_has)                                                 \
	UPLINK_TEST(id, brings_what_comes)                                                         \
	UPLINK_TEST(id, takes_its_time_in_a_flood)                                                 \
	UPLINK_TEST(id, restarts_a_card_that_never_ends)                                           \
	UPLINK_TEST(id, lives_with_a_card_that_is_gone)                                            \
	UPLINK_TEST(id, grants_anew)                                                               \
	UPLINK_TEST(id, starts_again_under_the_switch)

/* What it is to send waits until there is a link, and nobody is impatient. */
static __unused void waits_for_a_link(void)
{
	begin();
	model.set_link(false);
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_DOWN), 1);
	guest_sends(100, 7);
	pc_advance(5000 * MS);
	EXPECT_EQ(*model.sent, 0);
	model.set_link(true);
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_DOWN), 0);
	EXPECT_EQ(*model.sent, 1);
	EXPECT_EQ(*model.last_len, 100);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

/* Lost in the middle of it: the time without it does not count. */
static __unused void forgives_a_lost_link(void)
{
	begin();
	*model.slow = true;
	guest_sends(100, 7);
	pc_advance(MS);
	model.set_link(false);
	pc_advance(5000 * MS);
	model.set_link(true);
	pc_advance(model.patience / 4 * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	model.end_sending();
	EXPECT_EQ(*model.sent, 1);
	end();
}

/* As many as the switch has buffers for, at once and in their order; then the next. */
static __unused void sends_many_at_once(void)
{
	begin();
	*model.slow = true;
	for (u32 i = 0; i < UPLINK_OUT + 3; i++)
		guest_sends(100 + i, (u8)i);
	pc_advance(2 * MS);
	EXPECT_EQ(*model.sent, 0);
	model.end_sending();
	EXPECT_EQ(*model.sent, UPLINK_OUT);
	EXPECT_EQ(*model.last_len, 100 + UPLINK_OUT - 1);
	EXPECT_EQ(info(UPLINK_SENT), 0);
	pc_advance(2 * MS);
	EXPECT_EQ(info(UPLINK_SENT), UPLINK_OUT);
	*model.slow = false;
	guest_sends(60, 0);
	pc_advance(2 * MS);
	EXPECT_EQ(*model.sent, UPLINK_OUT + 1);
	end();
}

#define UPLINK_LINK_TESTS(id)                                                                      \
	UPLINK_TEST(id, waits_for_a_link)                                                          \
	UPLINK_TEST(id, forgives_a_lost_link)                                                      \
	UPLINK_TEST(id, sends_many_at_once)

/* The wire has no shorter ones, and nothing of an earlier frame goes out with them. */
static __unused void fills_up_short_frames_with_zeros(void)
{
	static const u8 zeros[60];

	begin();
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(200, 1);
	pc_advance(20 * MS);
	guest_sends(20, 1);
	pc_advance(20 * MS);
	EXPECT_EQ(*model.last_len, 60);
	EXPECT_MEM(model.last, frame, 20);
	EXPECT_MEM(model.last + 20, zeros, 40);
	end();
}
