/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of Intel's network cards between models of them and a switch, at whose port 1 there is
 * a guest: what goes out and what comes in, links, and cards that are full, stuck, gone or lying.
 */
#include "tests/host/e1000_card.h"
#include "tests/host/fake_instance.h"
#include "tests/host/uplink_guest.h"

#define GOOD  (3ull << 32)
#define RING  32
#define R_CTL 0x100 / 4

static void begin(void)
{
	begin_uplink("e1000", e1000_card_start);
}

static void end(void)
{
	EXPECT_EQ(nic.faults, 0);
	pc_stop();
}

static void expect_works(u64 received)
{
	EXPECT(e1000_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_RECEIVED), received);
}

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

TEST(e1000_sends_what_the_switch_has)
{
	static const u32 lens[] = { 60, 61, 255, 256, 1023, 1513, 1514 };

	begin();
	for (u32 i = 0; i < 10 * ARRAY_LEN(lens); i++) {
		u32 len = lens[i % ARRAY_LEN(lens)];

		guest_sends(len, (u8)i);
		pc_advance(20 * MS);
		EXPECT_EQ(nic.sent, i + 1);
		EXPECT_EQ(nic.last_len, len);
		EXPECT_MEM(nic.last, frame, len);
	}
	EXPECT_EQ(info(UPLINK_SENT), 10 * ARRAY_LEN(lens));
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

TEST(e1000_fills_up_short_frames_with_zeros)
{
	static const u8 zeros[60];

	begin();
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(200, 1);
	pc_advance(20 * MS);
	guest_sends(20, 1);
	pc_advance(20 * MS);
	EXPECT_EQ(nic.last_len, 60);
	EXPECT_MEM(nic.last, frame, 20);
	EXPECT_MEM(nic.last + 20, zeros, 40);
	end();
}

/* As many as the switch has buffers for, at once and in their order; then the next. */
TEST(e1000_sends_many_at_once)
{
	begin();
	nic.slow = true;
	for (u32 i = 0; i < UPLINK_OUT + 3; i++)
		guest_sends(100 + i, (u8)i);
	pc_advance(2 * MS);
	EXPECT_EQ(nic.sent, 0);
	e1000_card_send();
	EXPECT_EQ(nic.sent, UPLINK_OUT);
	EXPECT_EQ(nic.last_len, 100 + UPLINK_OUT - 1);
	EXPECT_EQ(info(UPLINK_SENT), 0);
	pc_advance(2 * MS);
	EXPECT_EQ(info(UPLINK_SENT), UPLINK_OUT);
	nic.slow = false;
	guest_sends(60, 0);
	pc_advance(2 * MS);
	EXPECT_EQ(nic.sent, UPLINK_OUT + 1);
	end();
}

TEST(e1000_brings_what_comes)
{
	static const u32 lens[] = { 42, 60, 61, 252, 256, 1513, 1514 };

	begin();
	for (u16 i = 0; i < 2 * RING; i++) {
		u32 len = lens[i % ARRAY_LEN(lens)];

		EXPECT(e1000_card_receive(make_frame(ALL, OUTSIDE, len, (u8)i), len));
		pc_advance(20 * MS);
		expect_heard(i, len);
		offer(RX, (u16)used_head(RX, i));
		notify(RX);
	}
	EXPECT_EQ(info(UPLINK_RECEIVED), 2 * RING);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	EXPECT_EQ(e1000_card_room(), RING - 1);
	end();
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

/* However much comes, a look takes sixteen frames and is over; what is too much is lost. */
TEST(e1000_takes_its_time_in_a_flood)
{
	u64 before;
	u32 calls;

	begin();
	before = info(UPLINK_RECEIVED);
	calls = pc.timer_calls;
	for (u32 us = 0; us < 20000; us += 10) {
		(void)e1000_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60);
		pc_advance(10000);
	}
	EXPECT(info(UPLINK_RECEIVED) - before > 100);
	EXPECT(info(UPLINK_RECEIVED) - before < 80 * 17);
	EXPECT(pc.timer_calls - calls < 4 * 60);
	EXPECT(info(UPLINK_OVERRUNS) > 0);
	pc_advance(100 * MS);
	EXPECT_EQ(e1000_card_room(), RING - 1);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	expect_works(info(UPLINK_RECEIVED) + 1);
	end();
}

/* What it is to send waits until there is a link, and nobody is impatient. */
TEST(e1000_waits_for_a_link)
{
	begin();
	e1000_card_link(false);
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_DOWN), 1);
	guest_sends(100, 7);
	pc_advance(5000 * MS);
	EXPECT_EQ(nic.sent, 0);
	e1000_card_link(true);
	pc_advance(20 * MS);
	EXPECT_EQ(info(UPLINK_DOWN), 0);
	EXPECT_EQ(nic.sent, 1);
	EXPECT_EQ(nic.last_len, 100);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	end();
}

/* Lost in the middle of it: the time without it does not count. */
TEST(e1000_forgives_a_lost_link)
{
	begin();
	nic.slow = true;
	guest_sends(100, 7);
	pc_advance(MS);
	e1000_card_link(false);
	pc_advance(5000 * MS);
	e1000_card_link(true);
	pc_advance(50 * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 0);
	e1000_card_send();
	EXPECT_EQ(nic.sent, 1);
	end();
}

/* Its frames are lost, and their buffers are not. */
TEST(e1000_restarts_a_card_that_never_ends)
{
	u32 calls;

	begin();
	calls = pc.timer_calls;
	nic.slow = true;
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(60, 0);
	pc_advance(200 * MS);
	EXPECT_EQ(info(UPLINK_RESTARTS), 1);
	EXPECT_EQ(info(UPLINK_SENT), 0);
	EXPECT(pc.timer_calls - calls < 210);
	nic.slow = false;
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(90 + i, 0);
	pc_advance(20 * MS);
	EXPECT_EQ(nic.sent, UPLINK_OUT);
	EXPECT_EQ(nic.last_len, 90 + UPLINK_OUT - 1);
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

TEST(e1000_lives_with_a_card_that_is_gone)
{
	u32 calls;

	begin();
	nic.gone = true;
	pc_advance(20 * MS);
	EXPECT(!pc.master);
	calls = pc.timer_calls;
	pc_advance(10000 * MS);
	EXPECT(pc.timer_calls - calls <= 12);
	nic.gone = false;
	pc_advance(2000 * MS);
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

/* The switch begins anew: its buffers are granted again, and none is lost for good. */
TEST(e1000_grants_anew)
{
	begin();
	for (u32 round = 0; round < 100; round++) {
		guest_sends(60, (u8)round);
		EXPECT(e1000_card_receive(make_frame(ALL, OUTSIDE, 60, 0), 60));
		pc_renew(round % 2);
		pc_advance(20 * MS);
	}
	nic.sent = 0;
	for (u32 i = 0; i < UPLINK_OUT; i++)
		guest_sends(60, (u8)i);
	pc_advance(20 * MS);
	EXPECT_EQ(nic.sent, UPLINK_OUT);
	expect_works(info(UPLINK_RECEIVED) + 1);
	end();
}

TEST(e1000_starts_again_under_the_switch)
{
	begin();
	nic.slow = true;
	guest_sends(60, 0);
	pc_advance(MS);
	nic.slow = false;
	pc_renew(1);
	pc_device("e1000");
	pc_advance(20 * MS);
	guest_sends(60, 0);
	expect_works(1);
	EXPECT_EQ(nic.sent, 1);
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
