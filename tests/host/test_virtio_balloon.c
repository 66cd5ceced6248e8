/* SPDX-License-Identifier: BSD-2-Clause */
/* The balloon: pages are counted that there are, and no others. */
#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define LIST	GUEST_DATA
#define INFLATE 0
#define DEFLATE 1
#define PAGES	(MIB(256) / PAGE_SIZE)

static void send_list(u32 queue, u32 len)
{
	describe_in(queue, 0, LIST, len, 0, 0);
	offer(queue, 0);
	notify(queue);
}

static void list(u32 first, u32 n)
{
	for (u32 i = 0; i < n; i++)
		ram_set(LIST + 4 * i, first + i, 4);
}

static u64 given(void)
{
	return pc_call("balloon", BUS_INFO, 3, 0);
}

TEST(balloon_counts)
{
	bring_up("balloon", 0, 0, 2);
	list(16, 200);
	send_list(INFLATE, 800);
	EXPECT_EQ(given(), 200);
	send_list(DEFLATE, 400);
	EXPECT_EQ(given(), 100);
	send_list(DEFLATE, 800); /* more than there is */
	EXPECT_EQ(given(), 0);
	list(PAGES - 2, 4);
	send_list(INFLATE, 16);
	EXPECT_EQ(given(), 2);
	EXPECT_EQ(pc_call("balloon", BUS_INFO, 4, 0), 2);
	send_list(INFLATE, 7); /* one, and a half */
	EXPECT_EQ(given(), 3);
	send_list(INFLATE, 0);
	EXPECT_EQ(given(), 3);
	for (u32 i = 0; i < PAGES / 1000; i++) { /* the same ones again and again */
		list(0, 2000);
		send_list(INFLATE, 8000);
		pc_advance(1);
	}
	EXPECT_EQ(given(), PAGES);
	set_bar(R_STATUS, 1, 0);
	EXPECT_EQ(given(), 0);
	pc_stop();
}

TEST(balloon_knows_the_hole)
{
	bring_up("balloon", 0, 0, 2);
	list(0xc0000, 1); /* nothing there, however much RAM there is */
	ram_set(LIST + 4, 0xfffff, 4);
	ram_set(LIST + 8, 0x100000, 4);
	ram_set(LIST + 12, UINT32_MAX, 4);
	send_list(INFLATE, 16);
	EXPECT_EQ(given(), 0);
	pc_stop();
}

TEST(balloon_asks)
{
	bring_up("balloon", 0, 0, 2);
	EXPECT_EQ(config_read(0), 0x10451af4);
	EXPECT_EQ(pc_call("balloon", BUS_BALLOON, 1000, 0), 1000);
	EXPECT_EQ(pc.msis, 1);
	EXPECT_EQ(bar(B_DEVICE, 4), 1000);
	set_bar(B_DEVICE, 4, 5); /* not its to say */
	set_bar(B_DEVICE + 4, 4, 999);
	set_bar(B_DEVICE + 6, 4, 0xffffffff);
	EXPECT_EQ(bar(B_DEVICE, 8), 999ull << 32 | 1000);
	EXPECT_EQ(pc_call("balloon", BUS_BALLOON, UINT64_MAX, 0), PAGES);
	pc_stop();
}

TEST(balloon_breaks_outside_ram)
{
	bring_up("balloon", 0, 0, 2);
	describe_in(INFLATE, 0, GUEST_RAM - 8, 16, 0, 0);
	offer(INFLATE, 0);
	notify(INFLATE);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	EXPECT_EQ(given(), 0);
	pc_stop();
}
