/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupt controllers: nesting, the ways to end an interrupt, cascade, edges and levels,
 * polling, and acknowledge cycles with nothing to acknowledge.
 */
#include "tests/dialect.h"
#include "tests/host/fake_gate.h"

enum { CMD0 = 0x20, DATA0, CMD1 = 0xa0, DATA1, ELCR0 = 0x4d0, ELCR1 };

static void init_chip(u16 command, u8 base, u8 icw4)
{
	pc_out(command, 1, 0x11);
	pc_out(command + 1, 1, base);
	pc_out(command + 1, 1, command == CMD0 ? 4 : 2);
	pc_out(command + 1, 1, icw4);
}

static void setup(u8 icw4)
{
	pc_start(MIB(256));
	init_chip(CMD0, 0x30, icw4);
	init_chip(CMD1, 0x38, icw4);
}

static void line(u32 n, bool level)
{
	pc_call("pic", BUS_LINE, n, level);
}

static u64 intack(void)
{
	return pc_call("pic", BUS_INTACK, 0, 0);
}

TEST(pic_masks_read_back)
{
	setup(1);
	pc_out(DATA1, 1, 0xff);
	pc_out(DATA0, 1, 0xfb); /* Linux probes with this value */
	EXPECT_EQ(pc_in(DATA0, 1), 0xfb);
	EXPECT_EQ(pc_in(DATA1, 1), 0xff);
	line(3, true);
	EXPECT(!pc.intr);
	pc_out(DATA0, 1, 0);
	EXPECT(pc.intr);
	EXPECT_EQ(intack(), 0x33);
	pc_stop();
}

TEST(pic_nests_by_priority)
{
	setup(1);
	line(5, true);
	EXPECT_EQ(intack(), 0x35);
	line(6, true);
	EXPECT(!pc.intr);
	line(1, true);
	EXPECT(pc.intr);
	EXPECT_EQ(intack(), 0x31);
	pc_out(CMD0, 1, 0x0b);
	EXPECT_EQ(pc_in(CMD0, 1), 0x22);
	pc_out(CMD0, 1, 0x20); /* ends 1, the highest */
	EXPECT_EQ(pc_in(CMD0, 1), 0x20);
	EXPECT(!pc.intr);
	pc_out(CMD0, 1, 0x65);
	EXPECT_EQ(pc_in(CMD0, 1), 0);
	EXPECT_EQ(intack(), 0x36);
	pc_stop();
}

TEST(pic_cascade)
{
	setup(1);
	line(8, true);
	EXPECT_EQ(intack(), 0x38);
	line(10, true);
	EXPECT(!pc.intr);
	line(1, true);
	EXPECT_EQ(intack(), 0x31);
	pc_out(CMD0, 1, 0x20);
	pc_out(CMD1, 1, 0x20);
	EXPECT(!pc.intr); /* the master still serves its input 2 */
	pc_out(CMD0, 1, 0x20);
	EXPECT(pc.intr);
	EXPECT_EQ(intack(), 0x3a);
	line(2, true); /* nothing is wired there */
	pc_out(CMD1, 1, 0x20);
	pc_out(CMD0, 1, 0x20);
	EXPECT(!pc.intr);
	pc_stop();
}

TEST(pic_special_fully_nested_lets_the_slave_nest)
{
	setup(1);
	init_chip(CMD0, 0x30, 0x11);
	line(10, true);
	EXPECT_EQ(intack(), 0x3a);
	line(8, true);
	EXPECT(pc.intr);
	EXPECT_EQ(intack(), 0x38);
	pc_stop();
}

TEST(pic_edge_counts_once_level_stays)
{
	setup(1);
	line(4, true);
	EXPECT_EQ(intack(), 0x34);
	pc_out(CMD0, 1, 0x20);
	EXPECT(!pc.intr);
	line(4, true);
	EXPECT(!pc.intr);
	pc_out(ELCR0, 2, 0xffff);
	EXPECT_EQ(pc_in(ELCR0, 2), 0xdef8);
	EXPECT(pc.intr);
	EXPECT_EQ(intack(), 0x34);
	pc_out(CMD0, 1, 0x20);
	EXPECT(pc.intr);
	line(4, false);
	EXPECT(!pc.intr);
	pc_stop();
}

TEST(pic_spurious)
{
	setup(1);
	EXPECT_EQ(intack(), 0x37);
	pc_out(CMD0, 1, 0x0b);
	EXPECT_EQ(pc_in(CMD0, 1), 0);
	pc_out(ELCR1, 1, 0x02);
	pc_out(DATA0, 1, 0xfb);
	EXPECT_EQ(pc_call("pic", BUS_INFO, 1, 0), 1);
	EXPECT_EQ(pc_call("pic", BUS_INFO, 0, 0), 1);
	pc_stop();
}

TEST(pic_rotates)
{
	setup(1);
	pc_out(CMD0, 1, 0xc3); /* 3 the lowest: 4 the highest */
	line(3, true);
	line(4, true);
	line(0, true);
	EXPECT_EQ(intack(), 0x34);
	pc_out(CMD0, 1, 0xa0);
	EXPECT_EQ(intack(), 0x30);
	pc_out(CMD0, 1, 0xe0);
	line(1, true);
	EXPECT_EQ(intack(), 0x31);
	pc_out(CMD0, 1, 0x61);
	EXPECT_EQ(intack(), 0x33);
	pc_stop();
}

TEST(pic_automatic_end)
{
	setup(3);
	line(5, true);
	EXPECT_EQ(intack(), 0x35);
	pc_out(CMD0, 1, 0x0b);
	EXPECT_EQ(pc_in(CMD0, 1), 0);
	pc_out(CMD0, 1, 0x80);
	line(0, true);
	EXPECT_EQ(intack(), 0x30);
	line(0, false);
	line(0, true);
	line(1, true);
	EXPECT_EQ(intack(), 0x31); /* 0 became the lowest */
	pc_stop();
}

TEST(pic_special_mask_admits_lower_ones)
{
	setup(1);
	line(1, true);
	EXPECT_EQ(intack(), 0x31);
	line(6, true);
	EXPECT(!pc.intr);
	pc_out(DATA0, 1, 0x02);
	EXPECT(!pc.intr);
	pc_out(CMD0, 1, 0x68);
	EXPECT(pc.intr);
	EXPECT_EQ(intack(), 0x36);
	pc_out(CMD0, 1, 0x20); /* spares what is masked */
	pc_out(CMD0, 1, 0x0b);
	EXPECT_EQ(pc_in(CMD0, 1), 0x02);
	pc_stop();
}

TEST(pic_poll)
{
	setup(1);
	line(6, true);
	pc_out(CMD0, 1, 0x0c);
	EXPECT_EQ(pc_in(CMD0, 1), 0x86);
	EXPECT(!pc.intr);
	pc_out(CMD0, 1, 0x0c);
	EXPECT_EQ(pc_in(CMD0, 1) & 0x80, 0);
	pc_stop();
}

TEST(pic_half_initialised)
{
	setup(1);
	pc_out(CMD0, 1, 0x12); /* single, no ICW4: only ICW2 follows */
	pc_out(DATA0, 1, 0x47);
	pc_out(DATA0, 1, 0xfe);
	EXPECT_EQ(pc_in(DATA0, 1), 0xfe);
	line(0, true);
	EXPECT_EQ(intack(), 0x40);
	pc_out(CMD0, 1, 0x11);
	EXPECT_EQ(pc_in(DATA0, 1), 0);
	EXPECT(!pc.intr);
	pc_stop();
}

TEST(pic_lines_out_of_range)
{
	setup(1);
	line(16, true);
	line(0xffffffff, true);
	EXPECT(!pc.intr);
	EXPECT_EQ(pc_call("pic", BUS_LINE, ~0ull, 1), 0);
	pc_stop();
}
