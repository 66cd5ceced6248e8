/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of Intel's network cards between models of them and a switch, at whose port 1 there is
 * a guest: what goes out and what comes in, links, and cards that are full, stuck, gone or lying.
 */
#include "tests/host/e1000_card.h"
#include "tests/host/fake_instance.h"
#include "tests/host/uplink_tests.h"

#define GOOD  (3ull << 32)
#define RING  32
#define R_CTL 0x100 / 4

static u32 held(void)
{
	return RING - 1 - e1000_card_room();
}

static const struct uplink_model model = { .driver = "e1000",
	.start = e1000_card_start,
	.receive = e1000_card_receive,
	.end_sending = e1000_card_send,
	.set_link = e1000_card_link,
	.held = held,
	.faults = &nic.faults,
	.sent = &nic.sent,
	.last_len = &nic.last_len,
	.last = nic.last,
	.slow = &nic.slow,
	.gone = &nic.gone,
	.masters = true,
	.overruns = true,
	.at_once = UPLINK_OUT,
	.patience = 200,
	.flood_least = 100,
	.flood_most = 80 * 17,
	.flood_calls = 4 * 60 };

UPLINK_TESTS(e1000)
UPLINK_LINK_TESTS(e1000)
UPLINK_TEST(e1000, fills_up_short_frames_with_zeros)

TEST(e1000_sets_both_cards_up)
{
	static void (*const starts[])(void) = { e1000_card_start, e1000_card_start_newer };

	for (u32 i = 0; i < ARRAY_LEN(starts); i++) {
		begin_uplink("e1000", starts[i]);
		EXPECT_EQ(info(UPLINK_ADDRESS), E1000_MAC);
		EXPECT_EQ(nic.reg[R_CTL], 0x0400801a); /* EN, UPE, MPE, BAM, SECRC */
		EXPECT_EQ(nic.reg[0x400 / 4] & 2, 2);
		EXPECT_EQ(nic.reg[0xd8 / 4], UINT32_MAX);
		EXPECT_EQ(nic.reg[0xd0 / 4], 0);
		EXPECT_EQ(e1000_card_room(), RING - 1);
		EXPECT_EQ(info(UPLINK_RESTARTS), 0);
		EXPECT_EQ(info(UPLINK_DOWN), 0);
		EXPECT(pc.master);
		end();
	}
}

/* When something was sent, came, was lost, or the link has changed. */
TEST(e1000_has_the_card_interrupt)
{
	for (u32 on = 0; on < 2; on++) {
		pc_messages = on;
		begin();
		EXPECT_EQ(nic.reg[0xd0 / 4], on ? 0xc5 : 0);
		pc_messages = false;
		end();
	}
}

TEST(e1000_asks_the_eeprom_for_its_address)
{
	static void (*const starts[])(void) = { e1000_card_start, e1000_card_start_newer };

	for (u32 i = 0; i < ARRAY_LEN(starts); i++) {
		begin_uplink("e1000", starts[i]);
		nic.blank = true;
		nic.eeprom_mac = 0x0203a4b5c6d7;
		pc_device("e1000");
		pc_advance(20 * MS);
		EXPECT_EQ(info(UPLINK_ADDRESS), 0x0203a4b5c6d7);
		end();
	}
}

/* Of a group, none at all, or silence: it is asked again later. */
TEST(e1000_waits_for_an_address)
{
	static const u64 bad[] = { 0, 0x0100000000aa, ALL };

	for (u32 i = 0; i <= ARRAY_LEN(bad); i++) {
		begin();
		nic.blank = true;
		nic.mute = i == ARRAY_LEN(bad);
		nic.eeprom_mac = nic.mute ? E1000_MAC : bad[i];
		pc_device("e1000");
		pc_advance(900 * MS);
		EXPECT_EQ(info(UPLINK_ADDRESS), BUS_NO_PEER);
		EXPECT_EQ(nic.reg[R_CTL], 0);
		nic.mute = false;
		nic.eeprom_mac = E1000_MAC;
		pc_advance(200 * MS);
		EXPECT_EQ(info(UPLINK_ADDRESS), E1000_MAC);
		end();
	}
}

TEST(e1000_leaves_tagged_giant_and_damaged_frames_out)
{
	begin();
	EXPECT(e1000_card_receive(make_frame(ALL, OUTSIDE, 1518, 0), 1518));
	for (u32 bit = 40; bit < 48; bit++)
		EXPECT(e1000_card_say(60 | GOOD | BIT(bit)));
	EXPECT(e1000_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_UNFIT), 1 + 5);
	EXPECT_EQ(info(UPLINK_RECEIVED), 3 + 1); /* three are of checksums further in */
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

/* What waited for a link is not lost with what the card had. */
TEST(e1000_keeps_what_it_was_not_given)
{
	begin();
	nic.slow = true;
	guest_sends(60, 0);
	pc_advance(MS);
	e1000_card_link(false);
	pc_advance(20 * MS);
	guest_sends(100, 7);
	pc_advance(20 * MS);
	nic.reg[R_CTL] = 0;
	nic.slow = false;
	pc_advance(50 * MS);
	e1000_card_link(true);
	pc_advance(20 * MS);
	EXPECT_EQ(nic.sent, 1);
	EXPECT_EQ(nic.last_len, 100);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	end();
}

/* Of buffers that it has, and of such as it has not, nothing that could not be. */
TEST(e1000_believes_no_switch)
{
	static const u64 lens[] = { 0, 25, 1527, BIT(32) | 25, ~0ull };
	struct instance *i;

	begin();
	i = by_name("e1000");
	for (u32 n = 0; n < ARRAY_LEN(lens); n++)
		i->message[i->head++ % MESSAGES] = (struct bus_message){
			.fn = BUS_FRAME_CAME, .a = i->grant[0].handle, .b = lens[n]
		};
	for (u64 handle = 0; handle < 3; handle++)
		i->message[i->head++ % MESSAGES] =
			(struct bus_message){ .fn = BUS_FRAME_CAME, .a = handle << 40, .b = 100 };
	pc_advance(20 * MS);
	EXPECT_EQ(nic.sent, 0);
	guest_sends(60, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(nic.sent, 1);
	end();
}

TEST(e1000_restarts_a_card_that_has_stopped)
{
	begin();
	nic.reg[R_CTL] = 0;
	pc_advance(50 * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	expect_works(1);
	end();
}

TEST(e1000_waits_for_a_reset_that_does_not_end)
{
	begin();
	nic.stuck = true;
	pc_device("e1000");
	pc_advance(3000 * MS);
	EXPECT(!pc.master);
	EXPECT_EQ(nic.reg[R_CTL], 0);
	nic.stuck = false;
	nic.reg[0] = 0;
	pc_advance(1000 * MS);
	expect_works(1);
	end();
}

/* A piece of a frame, or a length that no frame has: the card begins anew. */
TEST(e1000_believes_no_lies)
{
	static const u64 words[] = { 60 | BIT(32), GOOD, GOOD | 13, GOOD | 1523, GOOD | 2048,
		GOOD | 0xffff };

	for (u32 i = 0; i < ARRAY_LEN(words); i++) {
		begin();
		EXPECT(e1000_card_say(words[i]));
		pc_advance(20 * MS);
		EXPECT_EQ(info(UPLINK_RESTARTS), 1);
		EXPECT_EQ(info(UPLINK_RECEIVED), 0);
		pc_advance(20 * MS);
		expect_works(1);
		end();
	}
}

/* It says that all is done that it was never given: that is what is there, and no more often. */
TEST(e1000_is_done_with_what_it_was_given)
{
	begin();
	memset(by_name("e1000")->memory, 0xff, 4096);
	pc_advance(20 * MS);
	EXPECT(info(UPLINK_RESTARTS) <= 1);
	EXPECT_EQ(info(UPLINK_SENT), 0);
	pc_advance(200 * MS);
	guest_sends(60, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_SENT), 1);
	end();
}

TEST(e1000_is_for_cards_that_it_knows)
{
	begin();
	pc.config[0] = 0x12348086;
	pc_device("e1000");
	pc_advance(2000 * MS);
	EXPECT_EQ(info(UPLINK_ADDRESS), BUS_NO_PEER);
	pc_stop();
}
