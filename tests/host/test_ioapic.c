/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APIC: messages for edges and levels, remote IRR, and registers that are not there.
 */
#include "drivers/api/machine.h"
#include "tests/dialect.h"
#include "tests/host/fake_gate.h"

#define SELECT MACHINE_IOAPIC
#define WINDOW (MACHINE_IOAPIC + 0x10)
#define EOI    (MACHINE_IOAPIC + 0x40)

#define LEVEL  0x8000
#define MASKED 0x10000

static u32 get(u32 reg)
{
	pc_mmio_write(SELECT, 4, reg);
	return pc_mmio_read(WINDOW, 4);
}

static void set(u32 reg, u32 value)
{
	pc_mmio_write(SELECT, 4, reg);
	pc_mmio_write(WINDOW, 4, value);
}

static void entry(u32 pin, u32 destination, u32 low)
{
	set(0x11 + 2 * pin, destination << 24);
	set(0x10 + 2 * pin, low);
}

static void line(u32 pin, bool level)
{
	pc_call("ioapic", BUS_LINE, pin, level);
}

TEST(ioapic_identifies_itself)
{
	pc_start(MIB(256));
	EXPECT_EQ(get(1), 0x170020);
	set(1, 0);
	EXPECT_EQ(get(1), 0x170020);
	set(0, 0xffffffff);
	EXPECT_EQ(get(0), 0x0f000000);
	for (u32 pin = 0; pin < 24; pin++)
		EXPECT_EQ(get(0x10 + 2 * pin), MASKED);
	pc_stop();
}

TEST(ioapic_edge)
{
	pc_start(MIB(256));
	line(2, true); /* masked: gone */
	entry(2, 3, 0x30);
	EXPECT_EQ(pc.msis, 0);
	line(2, true);
	EXPECT_EQ(pc.msis, 0);
	line(2, false);
	line(2, true);
	EXPECT_EQ(pc.msis, 1);
	EXPECT_EQ(pc.msi[0].address, 0xfee03000);
	EXPECT_EQ(pc.msi[0].data, 0x30);
	EXPECT_EQ(get(0x14), 0x30);
	pc_stop();
}

TEST(ioapic_level_waits_for_its_end)
{
	pc_start(MIB(256));
	entry(9, 1, 0x31 | LEVEL | 0x900); /* logical, lowest priority */
	line(9, true);
	EXPECT_EQ(pc.msis, 1);
	EXPECT_EQ(pc.msi[0].address, 0xfee0100c);
	EXPECT_EQ(pc.msi[0].data, 0xc131);
	EXPECT_EQ(get(0x22), 0xc931);
	line(9, false);
	line(9, true);
	EXPECT_EQ(pc.msis, 1);
	pc_call("ioapic", BUS_EOI, 0x30, 0);
	EXPECT_EQ(pc.msis, 1);
	pc_call("ioapic", BUS_EOI, 0x31, 0);
	EXPECT_EQ(pc.msis, 2); /* still asserted */
	line(9, false);
	pc_mmio_write(EOI, 4, 0x31);
	EXPECT_EQ(pc.msis, 2);
	EXPECT_EQ(get(0x22), 0x8931);
	pc_stop();
}

/* Linux ends a level interrupt on chips without EOI register: masked, edge, and back. */
TEST(ioapic_edge_clears_remote_irr)
{
	pc_start(MIB(256));
	entry(9, 0, 0x31 | LEVEL);
	line(9, true);
	set(0x22, 0x31 | MASKED);
	EXPECT_EQ(get(0x22), 0x31 | MASKED);
	set(0x22, 0x31 | LEVEL);
	EXPECT_EQ(pc.msis, 2);
	pc_stop();
}

TEST(ioapic_read_only_bits)
{
	pc_start(MIB(256));
	entry(5, 0xff, 0xffffffff);
	EXPECT_EQ(get(0x1a), 0x1afff);
	EXPECT_EQ(get(0x1b), 0xff000000);
	pc_stop();
}

TEST(ioapic_bad_index_and_width)
{
	pc_start(MIB(256));
	for (u32 reg = 0; reg < 0x100; reg++) {
		if (reg > 2 && (reg < 0x10 || reg >= 0x40))
			EXPECT_EQ(get(reg), 0);
		set(reg, 0xffffffff);
	}
	pc_mmio_write(SELECT, 8, 0xffffffffffffff01);
	EXPECT_EQ(pc_mmio_read(SELECT, 4), 1);
	EXPECT_EQ(pc_mmio_read(WINDOW, 8), 0);
	pc_mmio_write(SELECT, 1, 0x20);
	pc_mmio_write(WINDOW, 1, 0);
	pc_mmio_write(WINDOW, 8, 0);
	EXPECT_EQ(pc_mmio_read(WINDOW, 4), 0x1afff);
	EXPECT_EQ(pc_mmio_read(WINDOW, 1), 0xff);
	EXPECT_EQ(pc_mmio_read(SELECT + 0xffc, 4), 0);
	pc_call("ioapic", BUS_LINE, 24, 1);
	pc_call("ioapic", BUS_LINE, ~0ull, 1);
	pc_stop();
}

/* The PIT's pulse through both controllers, as in a VM. */
TEST(ioapic_timer_comes_at_pin_2)
{
	pc_start(MIB(256));
	pc.wired = true;
	entry(2, 0, 0x30);
	pc_out(0x43, 1, 0x34);
	pc_out(0x40, 1, 0xa9);
	pc_out(0x40, 1, 0x04);
	pc.msis = 0;
	pc_advance(10000000);
	EXPECT_EQ(pc.msis, 10);
	pc_stop();
}
