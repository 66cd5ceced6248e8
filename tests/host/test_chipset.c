/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The small ones: ACPI's registers, PCI's configuration space, and the many ways to restart a PC.
 */
#include "drivers/api/machine.h"
#include "tests/dialect.h"
#include "tests/host/fake_gate.h"

#define MS 1000000ull
#define S  1000000000ull

enum { STATUS = 0x600, ENABLE = 0x602, CONTROL = 0x604, TIMER = 0x608 };

TEST(pmtimer_counts)
{
	u32 before;

	pc_start(MIB(256));
	before = pc_in(TIMER, 4);
	EXPECT(before < 1 << 24);
	pc_advance(S);
	EXPECT_EQ((pc_in(TIMER, 4) - before) & 0xffffff, 3579545);
	EXPECT_EQ(pc_in(TIMER, 1), pc_in(TIMER, 4) & 0xff);
	EXPECT_EQ(pc_in(TIMER + 2, 2), pc_in(TIMER, 4) >> 16);
	pc_stop();
}

TEST(pmtimer_carry_interrupts)
{
	pc_start(MIB(256));
	pc_out(ENABLE, 2, 1);
	pc_advance(1343 * MS); /* 2^23 ticks take 2343 ms, 1000 had passed */
	EXPECT(!pc.line[9]);
	EXPECT_EQ(pc_in(STATUS, 2), 0);
	pc_advance(2 * MS);
	EXPECT(pc.line[9]);
	EXPECT_EQ(pc_in(STATUS, 4), 0x10001);
	pc_out(STATUS, 1, 0xff);
	EXPECT(!pc.line[9]);
	pc_advance(2344 * MS);
	EXPECT(pc.line[9]);
	pc_out(ENABLE, 2, 0);
	EXPECT(!pc.line[9]);
	EXPECT_EQ(pc_deadline("pmtimer"), 0);
	pc_stop();
}

TEST(pmtimer_powers_off)
{
	pc_start(MIB(256));
	EXPECT_EQ(pc_in(CONTROL, 2), 1);
	pc_out(CONTROL, 2, MACHINE_SLP_TYP_S5 << 10);
	EXPECT_EQ(pc.powers, 0);
	EXPECT_EQ(pc_in(CONTROL, 2), 1 | MACHINE_SLP_TYP_S5 << 10);
	pc_out(CONTROL, 2, 3 << 10 | 1 << 13); /* no such state */
	EXPECT_EQ(pc.powers, 0);
	pc_out(CONTROL, 2, MACHINE_SLP_TYP_S5 << 10 | 1 << 13);
	EXPECT_EQ(pc.powers, 1);
	EXPECT_EQ(pc.power, POWER_OFF);
	EXPECT_EQ(pc_in(CONTROL, 2) & 1 << 13, 0);
	pc_stop();
}

static void address(u32 value)
{
	pc_out(0xcf8, 4, value);
}

TEST(pci_linux_finds_mechanism_1)
{
	pc_start(MIB(256));
	pc_out(0xcfb, 1, 1);
	address(0x80000000);
	EXPECT_EQ(pc_in(0xcf8, 4), 0x80000000);
	EXPECT_EQ(pc_in(0xcfc, 4), 0x00081b36);
	EXPECT_EQ(pc_in(0xcfe, 2), 0x0008);
	address(0x80000008);
	EXPECT_EQ(pc_in(0xcfe, 2), 0x0600);
	EXPECT_EQ(pc_in(0xcff, 1), 0x06);
	pc_stop();
}

TEST(pci_nothing_else_is_there)
{
	pc_start(MIB(256));
	for (u32 bdf = 1; bdf < 0x10000; bdf++) {
		address(0x80000000 | bdf << 8);
		if (!EXPECT_EQ(pc_in(0xcfc, 4), 0xffffffff))
			break;
		pc_out(0xcfc, 4, 0);
	}
	address(0);
	EXPECT_EQ(pc_in(0xcfc, 2), 0xffff);
	pc_stop();
}

TEST(pci_bridge_has_no_windows)
{
	pc_start(MIB(256));
	for (u32 reg = 0; reg < 0x100; reg += 4) {
		address(0x80000000 | reg);
		pc_out(0xcfc, 4, 0xffffffff);
	}
	address(0x80000004);
	EXPECT_EQ(pc_in(0xcfc, 4), 0x0107);
	pc_out(0xcfd, 1, 0);
	EXPECT_EQ(pc_in(0xcfc, 4), 0x07);
	for (u32 reg = 0x10; reg < 0x100; reg += 4) {
		address(0x80000000 | reg);
		EXPECT_EQ(pc_in(0xcfc, 4), reg == 0x3c ? 0xff : 0);
	}
	address(0x80000000);
	EXPECT_EQ(pc_in(0xcfc, 4), 0x00081b36);
	pc_stop();
}

TEST(pci_reset_control)
{
	pc_start(MIB(256));
	pc_out(0xcf9, 1, 0x02);
	EXPECT_EQ(pc.powers, 0);
	EXPECT_EQ(pc_in(0xcf9, 1), 0x02);
	pc_out(0xcf8, 4, 0x80000600); /* the address register is no reset */
	EXPECT_EQ(pc.powers, 0);
	pc_out(0xcf9, 1, 0x06);
	EXPECT_EQ(pc.powers, 1);
	EXPECT_EQ(pc.power, POWER_REBOOT);
	pc_stop();
}

TEST(kbc_resets)
{
	pc_start(MIB(256));
	EXPECT_EQ(pc_in(0x64, 1), 0x04); /* input buffer empty: Linux waits for that */
	pc_out(0x64, 1, 0xfe);
	EXPECT_EQ(pc.power, POWER_REBOOT);
	EXPECT_EQ(pc.powers, 1);
	pc_out(0x64, 1, 0xff);
	EXPECT_EQ(pc.powers, 1);
	pc_out(0x64, 1, 0xd1);
	pc_out(0x60, 1, 0xde);
	EXPECT_EQ(pc.powers, 2);
	EXPECT_EQ(pc_in(0x92, 1), 2);
	pc_out(0x92, 1, 1);
	pc_out(0x92, 1, 3);
	EXPECT_EQ(pc.powers, 3);
	EXPECT_EQ(pc_in(0x92, 1), 3);
	pc_stop();
}

TEST(kbc_has_no_keyboard)
{
	pc_start(MIB(256));
	pc_out(0x64, 1, 0xaa);
	EXPECT_EQ(pc_in(0x64, 1) & 1, 1);
	EXPECT_EQ(pc_in(0x60, 1), 0x55);
	EXPECT_EQ(pc_in(0x64, 1) & 1, 0);
	pc_out(0x60, 1, 0xf2); /* who are you? */
	EXPECT_EQ(pc_in(0x64, 1), 0x04);
	pc_out(0x64, 1, 0x60);
	pc_out(0x60, 1, 0x65);
	pc_out(0x64, 1, 0xad);
	pc_out(0x64, 1, 0x20);
	EXPECT_EQ(pc_in(0x60, 1), 0x75);
	pc_out(0x64, 1, 0xd0);
	EXPECT_EQ(pc_in(0x60, 1), 0x03);
	pc_stop();
}

TEST(exitport_tells_its_value)
{
	pc_start(MIB(256));
	EXPECT_EQ(pc_in(0xf4, 4), 0);
	pc_out(0xf6, 2, 7);
	EXPECT_EQ(pc.powers, 0);
	pc_out(0xf4, 1, 0x1ff);
	EXPECT_EQ(pc.power, POWER_DEBUG_EXIT);
	EXPECT_EQ(pc.power_value, 0xff);
	pc_out(0xf4, 4, 0xcafe0001);
	EXPECT_EQ(pc.power_value, 0xcafe0001);
	pc_stop();
}
