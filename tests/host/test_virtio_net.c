/* SPDX-License-Identifier: BSD-2-Clause */
/* Network devices and the switch between them: who hears what, and what nobody hears. */
#include "tests/host/stations.h"

TEST(net_says_its_address)
{
	stations(1, 0);
	EXPECT_EQ(config_read(0), 0x10411af4);
	EXPECT_EQ(bar(B_DEVICE, 8), 0x010000005452);
	EXPECT_EQ(bar(R_OFFERED, 4) & 0xffff, 0x99a3);
	EXPECT_EQ(bar(0x12, 2), 2);
	pc_stop();
}

TEST(switch_carries_a_frame)
{
	stations(3, 0);
	send(1, PC_MAC(2));
	EXPECT_EQ(pc.wakes, 1);
	EXPECT(hears(2));
	EXPECT_EQ(used_len(RX, 0), 12 + LEN);
	EXPECT_EQ(ram_get(RECEIVE, 8), 0);
	EXPECT_EQ(ram_get(RECEIVE + 10, 2), 1);
	EXPECT_MEM(pc.ram + RECEIVE + 12, pc.ram + SEND_AT + 12, LEN);
	EXPECT_EQ(pc.ram[RECEIVE + 12 + LEN], 0xee);
	EXPECT(!hears(3));
	EXPECT(!hears(1));
	send(3, ALL);
	EXPECT(hears(1));
	EXPECT(hears(2));
	EXPECT(!hears(3));
	EXPECT_EQ(switch_count(1, 0), 1);
	EXPECT_EQ(switch_count(2, 1), 2);
	pc_stop();
}

TEST(switch_wakes_who_waits)
{
	stations(2, 0);
	send(1, PC_MAC(2));
	guest_slot = 2;
	EXPECT_EQ(used_index(RX), 0); /* its own time has not come */
	EXPECT_EQ(pc.wakes, 1);
	pc_advance(1);
	EXPECT_EQ(used_index(RX), 1);
	pc_stop();
}

TEST(switch_holds_addresses_to_their_ports)
{
	stations(3, 0);
	write_frame(ALL, PC_MAC(3)); /* another's */
	send_it(1, 12 + LEN);
	write_frame(ALL, 0x010203040506); /* a group is nobody */
	send_it(1, 12 + LEN);
	EXPECT_EQ(switch_count(1, 2), 2);
	EXPECT(!hears(2));
	send(2, PC_MAC(3));
	EXPECT(hears(3));
	pc_stop();
}

TEST(switch_learns_at_open_ports)
{
	u64 behind = 0x525400aaaaaa;

	stations(3, 0);
	configure(1, BUS_PORT_OPEN, 0);
	station(1, 0);
	send(2, behind); /* unknown: to all */
	EXPECT(hears(1));
	EXPECT(hears(3));
	write_frame(PC_MAC(2), behind);
	send_it(1, 12 + LEN);
	EXPECT(hears(2));
	send(2, behind);
	EXPECT(hears(1));
	EXPECT(!hears(3));
	write_frame(ALL, PC_MAC(3)); /* it may say so, but that is known better */
	send_it(1, 12 + LEN);
	EXPECT(hears(2) && hears(3));
	send(2, PC_MAC(3));
	EXPECT(hears(3));
	EXPECT(!hears(1));
	pc_advance(301000000000);
	send(2, behind); /* long ago */
	EXPECT(hears(3));
	pc_stop();
}

TEST(switch_keeps_vlans_apart)
{
	stations(3, 0);
	configure_vlan(1, 7);
	configure_vlan(2, 7);
	configure_vlan(3, 8);
	for (u32 slot = 1; slot <= 3; slot++)
		station(slot, 0);
	send(1, ALL);
	EXPECT(hears(2));
	EXPECT(!hears(3));
	send(1, PC_MAC(3));
	EXPECT(!hears(3));
	EXPECT(hears(2)); /* unknown there */
	write_frame(ALL, PC_MAC(1));
	pc.ram[SEND_AT + 24] = 0x81; /* a tag of one's own */
	pc.ram[SEND_AT + 25] = 0x00;
	send_it(1, 12 + LEN);
	EXPECT(!hears(2));
	EXPECT_EQ(switch_count(1, 2), 1);
	pc_stop();
}

TEST(switch_shows_mirrors_everything)
{
	stations(3, 0);
	configure(3, BUS_PORT_MIRROR | 9ull << BUS_PORT_VLAN, 0);
	station(3, 0);
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	EXPECT(hears(3));
	pc_stop();
}

TEST(switch_limits_rates)
{
	u32 heard = 0;

	stations(2, 0);
	configure(1, 0, 10 * (12 + LEN));
	station(1, 0);
	for (u32 i = 0; i < 100; i++) {
		send(1, PC_MAC(2));
		heard += hears(2);
	}
	EXPECT(heard > 0 && heard < 40); /* a burst of one frame of any size */
	pc_advance(1000000000);
	heard = 0;
	for (u32 i = 0; i < 100; i++) {
		send(1, PC_MAC(2));
		heard += hears(2);
	}
	EXPECT(heard >= 9 && heard <= 11);
	pc_stop();
}

TEST(switch_loses_what_has_no_room)
{
	stations(2, 0);
	guest_slot = 2;
	for (u32 i = 1; i < GUEST_QUEUE; i++)
		offer(RX, 0);
	notify(RX);
	for (u32 i = 0; i < 100; i++)
		send(1, PC_MAC(2));
	EXPECT_EQ(switch_count(2, 1), GUEST_QUEUE);
	EXPECT_EQ(switch_count(2, 3), 100 - GUEST_QUEUE);
	EXPECT_EQ(pc.wakes, 1);
	pc_advance(1);
	guest_slot = 2;
	EXPECT_EQ(used_index(RX), GUEST_QUEUE);
	asked[2] = GUEST_QUEUE;
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	pc_stop();
}

TEST(switch_passes_checksums_on)
{
	stations(2, CSUM | GUEST_CSUM);
	write_frame(PC_MAC(2), PC_MAC(1));
	ram_set(SEND_AT, 0x401, 2); /* to be made; and a word that means nothing */
	ram_set(SEND_AT + 6, 14, 2);
	ram_set(SEND_AT + 8, 20, 2);
	send_it(1, 12 + LEN);
	EXPECT_EQ(pc.ram[SEND_AT + 1], 4);
	EXPECT(!hears(2)); /* not a kind of segment that there is */
	ram_set(SEND_AT, 1, 2);
	send_it(1, 12 + LEN);
	EXPECT(hears(2));
	EXPECT_EQ(ram_get(RECEIVE, 8), 0x000e000000000001);
	EXPECT_EQ(ram_get(RECEIVE + 8, 2), 20);
	EXPECT_MEM(pc.ram + RECEIVE + 12, pc.ram + SEND_AT + 12, LEN);
	pc_stop();
}

/* The sum over all of the rest is then zero. */
TEST(switch_makes_checksums_for_others)
{
	u32 sum = 0;

	stations(2, CSUM);
	for (u32 len = LEN - 1; len <= LEN; len++) {
		write_frame(PC_MAC(2), PC_MAC(1));
		ram_set(SEND_AT, 1, 2);
		ram_set(SEND_AT + 6, 14, 2);
		ram_set(SEND_AT + 8, 20, 2);
		ram_set(SEND_AT + 12 + 34, 0, 2);
		send_it(1, 12 + len);
		EXPECT(hears(2));
		EXPECT_EQ(pc.ram[RECEIVE], 0);
		sum = 0;
		for (u32 i = 14; i < len; i++)
			sum += (u32)pc.ram[RECEIVE + 12 + i] << (i % 2 ? 0 : 8);
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		EXPECT_EQ(sum, 0xffff);
	}
	pc_stop();
}

TEST(switch_refuses_checksums_outside)
{
	static const u16 bad[][2] = { { LEN, 0 }, { 14, LEN - 15 }, { 0xffff, 0xffff },
		{ 0, LEN - 1 }, { 6, 0 }, { 14, 16 }, { 0, 33 } }; /* an address, or beyond */

	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		stations(2, CSUM);
		write_frame(PC_MAC(2), PC_MAC(1));
		ram_set(SEND_AT, 1, 2);
		ram_set(SEND_AT + 6, bad[i][0], 2);
		ram_set(SEND_AT + 8, bad[i][1], 2);
		send_it(1, 12 + LEN);
		EXPECT(!hears(2));
		EXPECT_EQ(switch_count(1, 2), 1);
		pc_stop();
	}
}

TEST(net_lengths)
{
	stations(2, 0);
	write_frame(PC_MAC(2), PC_MAC(1));
	send_it(1, BUS_FRAME_MIN - 1);
	send_it(1, BUS_FRAME_MAX + 1);
	EXPECT_EQ(used_index(TX), 2);
	EXPECT(!hears(2));
	send_it(1, BUS_FRAME_MIN);
	EXPECT(hears(2));
	send_it(1, BUS_FRAME_MAX);
	EXPECT(hears(2));
	EXPECT_EQ(used_len(RX, 1), BUS_FRAME_MAX);
	pc_stop();
}

/* They come back empty. */
TEST(net_refuses_small_buffers)
{
	stations(2, 0);
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	describe_in(RX, 0, RECEIVE, BUS_FRAME_MAX - 1, F_WRITE, 0);
	offer(RX, 0);
	notify(RX);
	EXPECT_EQ(used_index(RX), 2);
	EXPECT_EQ(used_len(RX, 1), 0);
	asked[2]++;
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	pc_stop();
}

/* More pieces than are granted: it goes by the device's own memory. */
TEST(net_sends_in_many_pieces)
{
	stations(2, 0);
	for (u32 pieces = 1; pieces < 12; pieces++) {
		write_frame(PC_MAC(2), PC_MAC(1));
		offer_if_taken();
		guest_slot = 1;
		for (u32 i = 0; i < pieces; i++)
			describe_in(TX, i, SEND_AT + 6 * i, i == pieces - 1 ? 12 + LEN - 6 * i : 6,
				i == pieces - 1 ? 0 : F_NEXT, i + 1);
		offer(TX, 0);
		notify(TX);
		EXPECT(hears(2));
		EXPECT_EQ(used_len(RX, pieces - 1), 12 + LEN);
		EXPECT_MEM(pc.ram + RECEIVE + 12, pc.ram + SEND_AT + 12, LEN);
	}
	pc_stop();
}

/* Received in four at most. */
TEST(net_receives_into_pieces)
{
	stations(2, 0);
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	for (u32 i = 0; i < 3; i++)
		describe_in(RX, i, RECEIVE + (3 - i) * 0x180, 20 + i, F_WRITE | F_NEXT, i + 1);
	describe_in(RX, 3, RECEIVE + 0x200, 1600, F_WRITE, 0);
	offer(RX, 0);
	notify(RX);
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	EXPECT_MEM(pc.ram + RECEIVE + 3 * 0x180 + 12, pc.ram + SEND_AT + 12, 8);
	EXPECT_MEM(pc.ram + RECEIVE + 2 * 0x180, pc.ram + SEND_AT + 20, 21);
	EXPECT_MEM(pc.ram + RECEIVE + 1 * 0x180, pc.ram + SEND_AT + 41, 22);
	EXPECT_MEM(pc.ram + RECEIVE + 0x200, pc.ram + SEND_AT + 63, 12 + LEN - 63);
	pc_stop();
}

/* Whoever is rebooted: the buffers are granted anew, and what the switch had of them is void. */
TEST(net_goes_on_after_microreboots)
{
	stations(3, 0);
	for (u32 round = 0; round < 100; round++) {
		pc_renew(round % 3); /* the switch, the one that sends, the one that receives */
		pc_advance(1);
		send(1, PC_MAC(2));
		EXPECT(hears(2));
		EXPECT(!hears(3));
		EXPECT_MEM(pc.ram + 0x1000 * 2 + GUEST_DATA + 12, pc.ram + SEND_AT + 12, LEN);
	}
	EXPECT_EQ(switch_count(2, 3), 0);
	guest_slot = 2;
	EXPECT_EQ(used_index(RX), 100);
	pc_stop();
}

/* A frame that came before the reboot is lost with it, and its buffer comes to use again. */
TEST(net_forgets_what_came_before_a_microreboot)
{
	stations(2, 0);
	send(1, PC_MAC(2));
	pc_renew(2);
	EXPECT(!hears(2) || used_len(RX, 0) == 12 + LEN);
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	pc_stop();
}

TEST(net_breaks_alone)
{
	stations(3, 0);
	guest_slot = 1;
	describe_in(TX, 0, SEND_AT, 12, F_NEXT, 1);
	describe_in(TX, 1, GUEST_RAM - 4, 64, 0, 0);
	offer(TX, 0);
	notify(TX);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	guest_slot = 2;
	describe_in(RX, 1, GUEST_RAM - 4, 1526, F_WRITE, 0);
	offer(RX, 1);
	notify(RX);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	set_bar(R_STATUS, 1, 0); /* it has no buffers then */
	guest_slot = 1;
	station(1, 0);
	send(3, PC_MAC(2));
	EXPECT_EQ(switch_count(2, 3), 1);
	send(3, PC_MAC(1));
	EXPECT(hears(1));
	pc_stop();
}

TEST(switch_believes_no_port_but_the_caller)
{
	stations(1, 0);
	EXPECT_EQ(pc_call("vswitch", BUS_PORTS << BUS_PORT_SHIFT | BUS_BUFFER, 0, 0), BUS_NO_PEER);
	EXPECT_EQ(pc_call("vswitch", UINT32_MAX, 0, 0), BUS_NO_PEER);
	pc_stop();
}

/* Handles of its own that are void, by a device in an attacker's hands: the nucleus lets it name no
 * others. */
TEST(switch_survives_bad_handles)
{
	stations(2, 0);
	for (u64 handle = 0; handle < 4096; handle += 255) {
		u64 own = (~handle & ~0xff00ull) | pc_end(2);

		EXPECT_EQ(pc_call("vswitch", BUS_FRAME, handle, BUS_FRAME_MAX), BUS_NO_PEER);
		EXPECT_EQ(pc_call("vswitch", 1 << BUS_PORT_SHIFT | BUS_BUFFER, own, 0), 0);
	}
	EXPECT_EQ(pc_call("vswitch", BUS_FRAME, 0, UINT32_MAX), BUS_NO_PEER);
	EXPECT_EQ(pc_call("vswitch", BUS_FRAME, 0, 0), BUS_NO_PEER);
	send(1, PC_MAC(2)); /* the good one was first */
	EXPECT(hears(2));
	send(1, PC_MAC(2)); /* the bad ones are skipped */
	EXPECT(hears(2));
	pc_stop();
}
