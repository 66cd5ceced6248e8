/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of the machine's own virtio network devices between a model of one and a switch, at
 * whose port 1 there is a guest: what goes out and what comes in, links, and devices that are full,
 * stuck, gone or lying.
 */
#include "tests/host/uplink_tests.h"
#include "tests/host/vnet_card.h"

#define RING   32
#define HEADER 12

static u32 held(void)
{
	return RING - vnet_card_room();
}

static void send_in_order(void)
{
	vnet_card_send(false);
}

static void set_link(bool up)
{
	vnic.link = up;
}

static const struct uplink_model model = { .driver = "vnet",
	.start = vnet_card_start,
	.receive = vnet_card_receive,
	.end_sending = send_in_order,
	.set_link = set_link,
	.held = held,
	.faults = &vnic.faults,
	.sent = &vnic.sent,
	.last_len = &vnic.last_len,
	.last = vnic.last,
	.slow = &vnic.slow,
	.gone = &vnic.gone,
	.masters = true,
	.at_once = UPLINK_OUT,
	.patience = 1500,
	.flood_least = 100,
	.flood_most = 80 * 17,
	.flood_calls = 4 * 60 };

UPLINK_TESTS(vnet)
UPLINK_LINK_TESTS(vnet)

TEST(vnet_sets_the_device_up)
{
	begin();
	EXPECT_EQ(info(UPLINK_ADDRESS), VNET_MAC);
	EXPECT_EQ(vnic.status, 15);
	EXPECT_EQ(vnic.accepted, BIT(32) | BIT(33) | BIT(5) | BIT(16));
	EXPECT_EQ(vnic.queue[0].size, RING);
	EXPECT_EQ(vnic.queue[1].size, RING);
	EXPECT_EQ(vnet_card_room(), RING);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	EXPECT_EQ(info(UPLINK_DOWN), 0);
	EXPECT(pc.master);
	end();
}

/* By the first message; the ring says so. Both do not where there are none. */
TEST(vnet_has_the_device_interrupt)
{
	for (u32 on = 0; on < 2; on++) {
		pc_messages = on;
		begin();
		for (u32 queue = 0; queue < 2; queue++) {
			EXPECT_EQ(vnet_card_flags(queue), !on);
			EXPECT_EQ(vnic.queue[queue].vector, on ? 0 : 0xffff);
		}
		expect_works(1);
		pc_messages = false;
		end();
	}
}

/* No version 1, no address, no features taken, queues that are too short, no registers, a reset
 * that does not end: it is asked again later. */
TEST(vnet_waits_for_a_device_that_it_can_drive)
{
	for (u32 i = 0; i < 6; i++) {
		begin();
		vnic.offered &= i == 0 ? ~BIT(32) : i == 1 ? ~BIT(5) : ~0ull;
		vnic.refuse = i == 2;
		vnic.max = i == 3 ? RING / 2 : 256;
		pc.config[0x34 / 4] = i == 4 ? 0 : 0xa4;
		vnic.stuck = i == 5;
		pc_device("vnet");
		pc_advance(900 * MS);
		EXPECT_EQ(info(UPLINK_ADDRESS), BUS_NO_PEER);
		EXPECT(!pc.master && !(vnic.status & 4) == (i != 4));
		vnic.offered = VNET_OFFER;
		vnic.refuse = vnic.stuck = false;
		vnic.max = RING;
		pc_advance(200 * MS);
		EXPECT_EQ(info(UPLINK_ADDRESS), i == 4 ? BUS_NO_PEER : VNET_MAC);
		if (i != 4)
			expect_works(1);
		end();
	}
}

/* A list of capabilities that has no end, and one that leads nowhere. */
TEST(vnet_reads_any_capabilities)
{
	begin();
	pc.config[0x90 / 4] = 0x09 | 0x40 << 8 | 1u << 24;
	pc_device("vnet");
	EXPECT_EQ(info(UPLINK_ADDRESS), BUS_NO_PEER);
	pc.config[0x34 / 4] = 0xfc;
	pc.config[0xfc / 4] = UINT32_MAX;
	pc_device("vnet");
	EXPECT_EQ(info(UPLINK_ADDRESS), BUS_NO_PEER);
	end();
}

/* The device may end them in any order. */
TEST(vnet_has_frames_sent_backwards)
{
	begin();
	vnic.slow = true;
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(100 + i, (u8)i);
	pc_advance(2 * MS);
	vnet_card_send(true);
	EXPECT_EQ(vnic.sent, UPLINK_OUT);
	EXPECT_EQ(vnic.last_len, 100);
	pc_advance(2 * MS);
	EXPECT_EQ(info(UPLINK_SENT), UPLINK_OUT);
	vnic.slow = false;
	guest_sends(60, 0);
	pc_advance(2 * MS);
	EXPECT_EQ(vnic.sent, UPLINK_OUT + 1);
	end();
}

TEST(vnet_leaves_giant_frames_out)
{
	begin();
	EXPECT(vnet_card_receive(make_frame(ALL, OUTSIDE, 1518, 0), 1518));
	expect_works(1);
	EXPECT_EQ(info(UPLINK_UNFIT), 1);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

TEST(vnet_needs_no_word_of_the_link)
{
	begin();
	vnic.offered &= ~BIT(16);
	vnic.link = 0;
	pc_device("vnet");
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_DOWN), 0);
	expect_works(1);
	end();
}

/* In need of a reset, failed, or begun anew by somebody else. */
TEST(vnet_restarts_a_device_that_is_not_well)
{
	static const u8 statuses[] = { 15 | 64, 15 | 128, 0, 11 };

	for (u32 i = 0; i < ARRAY_LEN(statuses); i++) {
		begin();
		vnic.status = statuses[i];
		pc_advance(50 * MS);
		EXPECT_EQ(info(UPLINK_RESTARTS), 1);
		expect_works(1);
		end();
	}
}

/* Buffers that there are not or that it has not, lengths outside, an index too far on. */
TEST(vnet_believes_no_lies)
{
	static const struct {
		u32 queue, buffer, len;
		u16 by;
	} lies[] = {
		{ 0, 0, HEADER + 13, 1 },
		{ 0, 0, 0, 1 },
		{ 0, 0, 2049, 1 },
		{ 0, 0, UINT32_MAX, 1 },
		{ 0, RING, 100, 1 },
		{ 0, UINT32_MAX, 100, 1 },
		{ 0, 0, 100, RING + 1 },
		{ 0, 0, 100, 0xffff },
		{ 1, 0, 0, 1 },
		{ 1, RING, 0, 1 },
		{ 1, 0, 0, 0xffff },
	};

	for (u32 i = 0; i < ARRAY_LEN(lies); i++) {
		begin();
		vnet_card_say(lies[i].queue, lies[i].buffer, lies[i].len, lies[i].by);
		pc_advance(20 * MS);
		EXPECT_EQ(info(UPLINK_RESTARTS), 1);
		EXPECT_EQ(info(UPLINK_RECEIVED), 0);
		EXPECT_EQ(info(UPLINK_SENT), 0);
		expect_works(1);
		end();
	}
}

/* A buffer is used once: what is said of it again is a lie, even if all else is right. */
TEST(vnet_takes_a_buffer_once)
{
	begin();
	vnic.slow = true;
	guest_sends(60, 0);
	guest_sends(61, 0);
	pc_advance(MS);
	vnet_card_say(1, 1, 0, 1);
	vnet_card_say(1, 1, 0, 1);
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	EXPECT_EQ(info(UPLINK_SENT), 0);
	end();
}
