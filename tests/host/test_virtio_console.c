/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio console: bytes both ways, a console without room, and a guest that keeps no rule. */
#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define RX   0
#define TX   1
#define TEXT GUEST_DATA
#define KEYS (GUEST_DATA + 0x8000)

static void say(u16 head, const char *text)
{
	u64 at = TEXT + 0x100 * head;

	memcpy(pc.ram + at, text, strlen(text));
	describe_in(TX, head, at, (u32)strlen(text), 0, 0);
	offer(TX, head);
	notify(TX);
}

static u64 type(char key)
{
	return pc_call("console", BUS_CONSOLE_INPUT, (u8)key, 0);
}

static u64 count(u32 item)
{
	return pc_call("console", BUS_INFO, item, 0);
}

TEST(vconsole_sends)
{
	bring_up("console", 0, 0, 2);
	EXPECT_EQ(config_read(0), 0x10431af4);
	say(0, "hello ");
	say(1, "world");
	EXPECT_EQ(pc.console_len, 11);
	EXPECT_MEM(pc.console, "hello world", 11);
	EXPECT_EQ(used_index(TX), 2);
	EXPECT_EQ(used_len(TX, 0), 0);
	EXPECT_EQ(count(2), 11);
	EXPECT(pc.msis >= 2);
	pc_stop();
}

/* What finds no room is neither lost nor said twice, and the guest waits for it. */
TEST(vconsole_waits_for_room)
{
	bring_up("console", 0, 0, 2);
	pc.console_room = 4; /* the fourth one is taken, and the last */
	say(0, "0123456789");
	say(1, "abc");
	EXPECT_EQ(pc.console_len, 4);
	EXPECT_EQ(used_index(TX), 0);
	notify(TX);
	EXPECT_EQ(pc.console_len, 4);
	pc.console_room = 3;
	pc_call("console", BUS_CONSOLE_DRAINED, 0, 0);
	EXPECT_EQ(pc.console_len, 7);
	pc.console_room = 1000;
	pc_call("console", BUS_CONSOLE_DRAINED, 0, 0);
	EXPECT_EQ(pc.console_len, 13);
	EXPECT_MEM(pc.console, "0123456789abc", 13);
	EXPECT_EQ(used_index(TX), 2);
	EXPECT_EQ(pc.console_refused, 0);
	pc_stop();
}

/* A part at a time, so that nobody waits long. */
TEST(vconsole_sends_a_part_at_a_time)
{
	bring_up("console", 0, 0, 2);
	memset(pc.ram + TEXT, 'x', 3000);
	describe_in(TX, 0, TEXT, 1000, F_NEXT, 1);
	describe_in(TX, 1, TEXT, 0, F_NEXT, 2);
	describe_in(TX, 2, TEXT, 2000, 0, 0);
	offer(TX, 0);
	notify(TX);
	EXPECT_EQ(pc.console_len, 512);
	pc_advance(1000000);
	EXPECT_EQ(pc.console_len, 3000);
	EXPECT_EQ(used_index(TX), 1);
	pc_stop();
}

TEST(vconsole_receives)
{
	bring_up("console", 0, 0, 2);
	EXPECT_EQ(type('a'), 0);		 /* there is no buffer yet */
	describe_in(RX, 0, KEYS, 0, F_WRITE, 0); /* it holds nothing */
	describe_in(RX, 1, KEYS, 16, F_WRITE, 0);
	describe_in(RX, 2, KEYS + 16, 16, F_WRITE, 0);
	for (u16 i = 0; i < 3; i++)
		offer(RX, i);
	EXPECT_EQ(type('a'), 1);
	EXPECT_EQ(used_index(RX), 2);
	EXPECT_EQ(used_len(RX, 0), 0);
	EXPECT_EQ(used_len(RX, 1), 1);
	EXPECT_EQ(pc.ram[KEYS], 'a');
	EXPECT_EQ(type('b'), 1);
	EXPECT_EQ(pc.ram[KEYS + 16], 'b');
	EXPECT_EQ(type('c'), 0);
	EXPECT_EQ(count(3), 2);
	pc_stop();
}

/* Before the guest's driver is ready, and after it, it is not for this device. */
TEST(vconsole_takes_no_keys_without_a_driver)
{
	bring_up("console", 0, 0, 2);
	describe_in(RX, 0, KEYS, 16, F_WRITE, 0);
	offer(RX, 0);
	set_bar(R_STATUS, 1, 0);
	EXPECT_EQ(type('a'), BUS_NO_PEER);
	pc_stop();
}

TEST(vconsole_emergency)
{
	bring_up("console", 0, 0, 2);
	EXPECT(bar(R_OFFERED, 4) & BIT(2));
	set_bar(B_DEVICE + 8, 4, '!');
	set_bar(B_DEVICE, 4, '?'); /* not writable */
	set_bar(R_STATUS, 1, 0);
	set_bar(B_DEVICE + 8, 1, '.');
	EXPECT_EQ(pc.console_len, 2);
	EXPECT_MEM(pc.console, "!.", 2);
	pc_stop();
}

TEST(vconsole_breaks_alone)
{
	bring_up("console", 0, 0, 2);
	describe_in(TX, 0, GUEST_RAM - 4, 8, 0, 0);
	offer(TX, 0);
	notify(TX);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	EXPECT_EQ(type('a'), BUS_NO_PEER);
	bring_up("console", 0, 0, 2);
	describe_in(RX, 0, GUEST_RAM, 8, F_WRITE, 0);
	offer(RX, 0);
	EXPECT_EQ(type('a'), 1);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	EXPECT_EQ(count(1), 1);
	pc_stop();
}

/* A reset in the middle of a chain: the next one is not cut. */
TEST(vconsole_reset_forgets_where_it_was)
{
	bring_up("console", 0, 0, 2);
	pc.console_room = 2;
	say(0, "abcd");
	memset(pc.ram + PARTS, 0, 0x4000);
	accept_features(FEATURE_1);
	for (u32 q = 0; q < 2; q++)
		set_queue(q, DESC_AT(q), AVAIL_AT(q), USED_AT(q));
	set_bar(R_STATUS, 1, STATUS_READY);
	pc.console_room = 100;
	say(0, "efgh");
	pc_call("console", BUS_CONSOLE_DRAINED, 0, 0);
	EXPECT_EQ(pc.console_len, 6);
	EXPECT_MEM(pc.console, "abefgh", 6);
	pc_stop();
}
