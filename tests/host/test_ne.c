/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of NE2000 cards between a model of the card and a switch, at whose port 1 there is a
 * guest: what goes out and what comes in, and cards that are full, stuck, gone or lying.
 */
#include "tests/host/ne_card.h"
#include "tests/host/uplink_tests.h"

#define RING_PAGES 58

static void come_back(void)
{
	card.status |= 0x80;
}

static const struct uplink_model model = { .driver = "ne",
	.start = ne_card_start,
	.receive = ne_card_receive,
	.end_sending = ne_card_end_sending,
	.come_back = come_back,
	.held = ne_card_used,
	.faults = &card.faults,
	.sent = &card.sent,
	.last_len = &card.last_len,
	.last = card.last,
	.slow = &card.slow,
	.gone = &card.gone,
	.trusted = true,
	.overruns = true,
	.at_once = 1,
	.patience = 200,
	.flood_least = 40,
	.flood_most = 20 * 9,
	.flood_calls = 80 };

UPLINK_TESTS(ne)
UPLINK_TEST(ne, fills_up_short_frames_with_zeros)

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

TEST(ne_is_woken_by_what_it_is_to_send)
{
	begin();
	guest_sends(60, 0);
	pc_advance(1);
	EXPECT_EQ(card.sent, 1);
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

TEST(ne_without_ports_does_nothing)
{
	pc_start(MIB(256));
	EXPECT_EQ(pc_call("ne", BUS_INFO, UPLINK_SENT, 0), BUS_NO_PEER);
	pc_stop();
}
