/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of NE2000 cards between a model of the card and a switch, at whose port 1 there is a
 * guest: what goes out and what comes in, and cards that are full, stuck, gone or lying.
 */
#include "tests/host/ne_card.h"
#include "tests/host/uplink_guest.h"

#define RING_PAGES 58

static void begin(void)
{
	begin_uplink("ne", ne_card_start);
}

static void end(void)
{
	EXPECT_EQ(card.faults, 0);
	pc_stop();
}

TEST(ne_sets_the_card_up)
{
	begin();
	EXPECT_EQ(info(UPLINK_ADDRESS), CARD_MAC);
	EXPECT_MEM(card.address, ((const u8[]){ 0x52, 0x54, 0x00, 0xab, 0xcd, 0xef }), 6);
	EXPECT_EQ(card.receive, 0x1c);
	EXPECT_EQ(card.transmit, 0);
	EXPECT_EQ(card.mask, 0);
	EXPECT_EQ(card.command & 0xc3, 2);
	EXPECT_EQ(card.stop - card.start, RING_PAGES);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

TEST(ne_sends_what_the_switch_has)
{
	static const u32 lens[] = { 60, 61, 255, 256, 1023, 1513, 1514 };

	begin();
	for (u32 i = 0; i < ARRAY_LEN(lens); i++) {
		guest_sends(lens[i], (u8)i);
		pc_advance(20 * MS);
		EXPECT_EQ(card.sent, i + 1);
		EXPECT_EQ(card.last_len, lens[i]);
		EXPECT_MEM(card.last, frame, lens[i]);
	}
	EXPECT_EQ(info(UPLINK_SENT), ARRAY_LEN(lens));
	end();
}

TEST(ne_fills_up_short_frames_with_zeros)
{
	static const u8 zeros[60];

	begin();
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(200, 1);
	pc_advance(20 * MS);
	guest_sends(20, 1);
	pc_advance(20 * MS);
	EXPECT_EQ(card.last_len, 60);
	EXPECT_MEM(card.last, frame, 20);
	EXPECT_MEM(card.last + 20, zeros, 40);
	end();
}

TEST(ne_is_woken_by_what_it_is_to_send)
{
	begin();
	guest_sends(60, 0);
	pc_advance(1);
	EXPECT_EQ(card.sent, 1);
	end();
}

TEST(ne_brings_what_comes)
{
	static const u32 lens[] = { 42, 60, 247, 248, 249, 252, 256, 1513, 1514 };

	begin();
	for (u16 i = 0; i < ARRAY_LEN(lens); i++) {
		EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, lens[i], (u8)i), lens[i]));
		pc_advance(20 * MS);
		expect_heard(i, lens[i]);
	}
	EXPECT_EQ(ne_card_used(), 0);
	EXPECT_EQ(info(UPLINK_RECEIVED), ARRAY_LEN(lens));
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

/* Each length begins everywhere in the ring in the end, header at its last bytes or not. */
TEST(ne_reads_around_the_end_of_the_ring)
{
	u16 n = 0;

	begin();
	for (u32 len = 60; len <= 1514; len += 11, n++) {
		EXPECT(ne_card_receive(make_frame(PC_MAC(GUEST_SLOT), OUTSIDE, len, 3), len));
		pc_advance(2 * MS);
		expect_heard(n, len);
		offer(RX, (u16)used_head(RX, n));
		notify(RX);
	}
	EXPECT(n > 2 * RING_PAGES);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

TEST(ne_leaves_tagged_and_giant_frames_out)
{
	begin();
	EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 1518, 0), 1518));
	EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	expect_heard(0, 60);
	EXPECT_EQ(info(UPLINK_UNFIT), 1);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

/* However much comes, a look takes eight frames and is over; what is too much is lost outside. */
TEST(ne_takes_its_time_in_a_flood)
{
	u64 before;
	u32 calls;

	begin();
	pc_advance(20 * MS);
	before = info(UPLINK_RECEIVED);
	calls = pc.timer_calls;
	for (u32 us = 0; us < 10000; us += 10) {
		(void)ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60);
		pc_advance(10000);
	}
	EXPECT(info(UPLINK_RECEIVED) - before > 20);
	EXPECT(pc.timer_calls - calls < 40);
	EXPECT(info(UPLINK_OVERRUNS) > 0);
	pc_advance(100 * MS);
	EXPECT_EQ(ne_card_used(), 0);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	before = info(UPLINK_RECEIVED);
	EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RECEIVED), before + 1);
	end();
}

TEST(ne_sends_again_what_an_overrun_cut_off)
{
	begin();
	card.slow = true;
	guest_sends(100, 7);
	pc_advance(1);
	while (ne_card_receive(make_frame(ALL, OUTSIDE, 1514, 0), 1514))
		;
	pc_advance(6 * MS);
	EXPECT_EQ(info(UPLINK_OVERRUNS), 1);
	card.slow = false;
	ne_card_end_sending();
	EXPECT_EQ(card.sent, 1);
	EXPECT_EQ(card.last_len, 100);
	guest_sends(60, 8);
	pc_advance(20 * MS);
	EXPECT_EQ(card.sent, 2);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

TEST(ne_waits_for_a_slow_card_and_keeps_the_order)
{
	begin();
	card.slow = true;
	for (u8 i = 0; i < 5; i++)
		guest_sends(100u + i, i);
	for (u32 i = 0; i < 5; i++) {
		pc_advance(2 * MS);
		EXPECT_EQ(card.last_len, 100 + i);
		EXPECT_EQ(card.sent, i);
		ne_card_end_sending();
	}
	pc_advance(2 * MS);
	EXPECT_EQ(card.sent, 5);
	end();
}

TEST(ne_restarts_a_card_that_never_ends)
{
	u32 calls;

	begin();
	calls = pc.timer_calls;
	card.slow = true;
	guest_sends(60, 0);
	pc_advance(200 * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	EXPECT(pc.timer_calls - calls < 210);
	card.slow = false;
	guest_sends(90, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(card.last_len, 90);
	end();
}

TEST(ne_restarts_a_card_that_takes_no_words)
{
	begin();
	card.deaf = true;
	guest_sends(100, 0);
	pc_advance(1);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	card.deaf = false;
	pc_advance(20 * MS);
	EXPECT_EQ(card.last_len, 100);
	end();
}

TEST(ne_lives_with_a_card_that_is_gone)
{
	u32 calls;

	begin();
	card.gone = true;
	pc_advance(20 * MS);
	calls = pc.timer_calls;
	pc_advance(10000 * MS);
	EXPECT(pc.timer_calls - calls <= 12);
	card.gone = false;
	card.status |= 0x80;
	pc_advance(2000 * MS);
	guest_sends(60, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(card.sent, 1);
	end();
}

TEST(ne_tells_a_card_that_says_everything_from_none)
{
	begin();
	card.status = 0xff;
	pc_advance(1000 * MS);
	EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RECEIVED), 1);
	card.lie = 0;
	pc_advance(11 * MS);
	card.status = 0xff;
	card.lie = -1;
	pc_advance(3000 * MS);
	EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RECEIVED), 2);
	end();
}

/* A page that is none of the ring's, or a header that does not fit: nothing of it is believed. */
TEST(ne_believes_no_lies)
{
	enum { TRUE = 2 }; /* so many of them are none */
	static const u8 headers[][4] = {
		{ 0x01, 0x48, 0x40, 0x00 }, { 0x01, 0x49, 0x40, 0x00 }, /* a page left unused */
		{ 0x00, 0x48, 0x40, 0x00 },				/* not received well */
		{ 0x01, 0x47, 0x40, 0x00 },				/* itself */
		{ 0x01, 0x4a, 0x40, 0x00 }, { 0x01, 0x45, 0x40, 0x00 }, /* before the ring */
		{ 0x01, 0x80, 0x40, 0x00 },				/* behind it */
		{ 0x01, 0x48, 0x03, 0x00 },				/* less than nothing */
		{ 0x01, 0x48, 0x11, 0x00 },				/* less than addresses */
		{ 0x01, 0x4d, 0xf3, 0x05 },				/* more than a frame has */
		{ 0x01, 0x48, 0xff, 0xff },
		{ 0x01, 0x48, 0x00, 0x04 }, /* more than its pages hold */
	};

	for (u32 i = 0; i < ARRAY_LEN(headers); i++) {
		bool good = i < TRUE;

		begin();
		memcpy(card.memory + 0x4700, headers[i], 4);
		card.current = good ? headers[i][1] : 0x48;
		pc_advance(20 * MS);
		EXPECT_EQ(info(UPLINK_RESTARTS), !good);
		EXPECT_EQ(info(UPLINK_RECEIVED), good);
		pc_advance(20 * MS);
		EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
		pc_advance(20 * MS);
		EXPECT_EQ(info(UPLINK_RECEIVED), 1u + good);
		end();
	}
}

TEST(ne_believes_no_current_page)
{
	static const int pages[] = { 0, 0x45, 0x80, 0xff };

	for (u32 i = 0; i < ARRAY_LEN(pages); i++) {
		begin();
		card.lie = pages[i];
		pc_advance(11 * MS);
		EXPECT(info(UPLINK_RESTARTS) > 0);
		EXPECT_EQ(info(UPLINK_RECEIVED), 0);
		end();
	}
}

/* The switch begins anew: its buffers are granted again, and none is lost for good. */
TEST(ne_grants_anew)
{
	begin();
	for (u32 round = 0; round < 100; round++) {
		guest_sends(60, (u8)round);
		pc_renew(round % 2);
		pc_advance(20 * MS);
	}
	card.sent = 0;
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(60, (u8)i);
	pc_advance(20 * MS);
	EXPECT_EQ(card.sent, UPLINK_OUT);
	end();
}

TEST(ne_starts_again_under_the_switch)
{
	begin();
	pc_renew(1);
	pc_device("ne");
	pc_advance(20 * MS);
	guest_sends(60, 0);
	EXPECT(ne_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RECEIVED), 1);
	EXPECT_EQ(card.sent, 1);
	end();
}

TEST(ne_without_ports_does_nothing)
{
	pc_start(MIB(256));
	EXPECT_EQ(pc_call("ne", BUS_INFO, UPLINK_SENT, 0), BUS_NO_PEER);
	pc_stop();
}
