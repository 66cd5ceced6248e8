/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker of guests' page tables: five paging modes, rights, accessed and dirty bits, and tables
 * that no honest guest has.
 */
#include "tests/host/machine.h"

#include "arch/x86/cpu.h"
#include "tests/dialect.h"

#define TABLE 0x20000ull /* room for hand-made tables: eight pages */
#define A     0x20u
#define D     0x40u
#define PS    0x80u

static struct page_fault pf;

static u64 walked(u64 linear, bool write)
{
	gpa_t out = GPA(~0ull);

	pf = (struct page_fault){ 0 };
	return guest_walk(&machine.v, linear, write, &out, &pf) ? ~0ull : out.v;
}

/* The error code of a walk that has to fail; 0xbad if it does not. */
static u32 refused(u64 linear, bool write)
{
	gpa_t out;

	if (guest_walk(&machine.v, linear, write, &out, &pf) != -EFAULT)
		return 0xbad;
	EXPECT_EQ(pf.address, linear);
	return pf.error;
}

TEST(walk_without_paging)
{
	machine_reset();
	machine_protected(true);
	EXPECT_EQ(walked(0x12345678, true), 0x12345678);
	EXPECT_EQ(walked(0x100000010, false), 0x10);
}

TEST(walk_32_bit)
{
	machine_reset();
	machine.regs[REG_EFER] = 0;
	machine.regs[REG_CR4] = CR4_PSE;
	machine.regs[REG_CR3] = TABLE | 0x18;
	machine_store(TABLE + 4 * 1, 4, (TABLE + 0x1000) | 3);
	machine_store(TABLE + 0x1000 + 4 * 2, 4, 0x9000 | 3);
	machine_store(TABLE + 4 * 3, 4, 0x1c00000 | 3 | PS | 0x5 << 13);
	machine_store(TABLE + 4 * 5, 4, 0x1e00000 | 3 | PS);
	EXPECT_EQ(walked(0x402abc, false), 0x9abc);
	EXPECT_EQ(machine_number(TABLE + 4, 4) & 0xfff, 3 | A);
	EXPECT_EQ(machine_number(TABLE + 0x1008, 4), 0x9000 | 3 | A);
	EXPECT_EQ(walked(0x402abc, true), 0x9abc);
	EXPECT_EQ(machine_number(TABLE + 0x1008, 4), 0x9000 | 3 | A | D);
	EXPECT_EQ(machine_number(TABLE + 0x100c, 4), 0);
	EXPECT_EQ(walked(0xc12345, true), 0x501c12345);
	EXPECT_EQ(refused(0x1400000, false), PF_PRESENT | PF_RESERVED);
	EXPECT_EQ(refused(0x403000, true), PF_WRITE);
	machine.regs[REG_CR4] = 0; /* without PSE the bit is none */
	EXPECT_EQ(refused(0xc12345, false), PF_PRESENT | PF_RESERVED);
}

TEST(walk_pae)
{
	machine_reset();
	machine.regs[REG_EFER] = EFER_NXE;
	machine.regs[REG_CR3] = TABLE | 0x20;
	machine_store(TABLE + 0x20 + 8 * 3, 8, (TABLE + 0x1000) | 1);
	machine_store(TABLE + 0x1000 + 8 * 511, 8, (TABLE + 0x2000) | 3);
	machine_store(TABLE + 0x1000 + 8 * 510, 8, 0x600000 | 3 | PS);
	machine_store(TABLE + 0x2000 + 8 * 511, 8, 0x9000 | 3);
	EXPECT_EQ(walked(0xfffffff8, true), 0x9ff8);
	EXPECT_EQ(walked(0x1fffffff8, true), 0x9ff8);
	EXPECT_EQ(machine_number(TABLE + 0x20 + 8 * 3, 8), (TABLE + 0x1000) | 1);
	EXPECT_EQ(walked(0xffc12345, false), 0x612345);
	EXPECT_EQ(refused(0x40000000, false), 0);
	machine_store(TABLE + 0x20 + 8 * 3, 8, (TABLE + 0x1000) | 3);
	EXPECT_EQ(refused(0xffc12345, false), PF_PRESENT | PF_RESERVED);
}

TEST(walk_4_and_5_levels)
{
	u64 high = 0xffff800000000000ull;

	machine_reset();
	machine_map(high | 0x7654321000, 0xabcd000, MAP_W);
	EXPECT_EQ(walked(high | 0x7654321fff, true), 0xabcdfff);
	machine_store(TABLE, 8, (TABLE + 0x1000) | 7);
	machine_store(TABLE + 0x1000 + 8 * 2, 8, 0x140000000 | 7 | PS);
	machine_store(TABLE + 0x1000 + 8 * 3, 8, (TABLE + 0x2000) | 7);
	machine_store(TABLE + 0x2000 + 8 * 4, 8, 0x40000000 | 7 | PS | MAP_NX);
	machine.regs[REG_CR3] = TABLE;
	EXPECT_EQ(walked(0x87654321, false), 0x147654321);
	EXPECT_EQ(walked(0xc09abcde, false), 0x401abcde);
	machine_store(TABLE + 0x3000, 8, TABLE | 7);
	machine.regs[REG_CR3] = TABLE + 0x3000;
	machine.regs[REG_CR4] |= CR4_LA57;
	EXPECT_EQ(walked(0x87654321, false), 0x147654321);
	EXPECT_EQ(refused(0x1000000000000, false), 0);
}

TEST(walk_rights_of_the_user)
{
	machine_reset();
	machine_map(0x400000, 0x9000, MAP_W);
	machine_map(0x401000, 0x9000, MAP_U);
	machine_map(0x402000, 0x9000, MAP_W | MAP_U);
	machine.cpl = 3;
	EXPECT_EQ(refused(0x400000, false), PF_PRESENT | PF_USER);
	EXPECT_EQ(refused(0x401000, true), PF_PRESENT | PF_USER | PF_WRITE);
	EXPECT_EQ(walked(0x401000, false), 0x9000);
	EXPECT_EQ(walked(0x402000, true), 0x9000);
	EXPECT_EQ(refused(0x403000, true), PF_USER | PF_WRITE);
	/* A level above takes rights away. */
	machine_store(MACHINE_TABLES, 8, machine_number(MACHINE_TABLES, 8) & ~(u64)MAP_U);
	EXPECT_EQ(refused(0x402000, false), PF_PRESENT | PF_USER);
}

TEST(walk_rights_of_the_supervisor)
{
	machine_reset();
	machine_map(0x400000, 0x9000, MAP_U);
	EXPECT_EQ(refused(0x400000, true), PF_PRESENT | PF_WRITE);
	machine.regs[REG_CR0] &= ~CR0_WP;
	EXPECT_EQ(walked(0x400000, true), 0x9000);
	machine.regs[REG_CR4] |= CR4_SMAP;
	EXPECT_EQ(refused(0x400000, false), PF_PRESENT);
	machine.v.hv.rflags |= BIT(18);
	EXPECT_EQ(walked(0x400000, false), 0x9000);
}

TEST(walk_refused_leaves_no_dirty_bit)
{
	u64 before;

	machine_reset();
	machine_map(0x400000, 0x9000, 0);
	before = machine_number(machine.next_table - PAGE_SIZE, 8);
	EXPECT_EQ(refused(0x400000, true), PF_PRESENT | PF_WRITE);
	EXPECT_EQ(machine_number(machine.next_table - PAGE_SIZE, 8), before);
}

TEST(walk_hostile_tables)
{
	gpa_t out;

	machine_reset();
	machine.regs[REG_CR3] = TABLE;
	machine_store(TABLE, 8, TABLE | 7); /* every level is the same page */
	EXPECT_EQ(walked(0x123, false), TABLE + 0x123);
	machine_store(TABLE + 8, 8, 0xfffffffff000 | 7); /* a table outside RAM */
	EXPECT_EQ(refused(1ull << 39, false), PF_PRESENT | PF_RESERVED);
	machine_store(TABLE, 8, TABLE | 7 | PS);
	EXPECT_EQ(refused(0x123, false), PF_PRESENT | PF_RESERVED);
	machine_store(TABLE, 8, TABLE | 7 | MAP_NX);
	EXPECT_EQ(walked(0x123, false), TABLE + 0x123);
	machine.regs[REG_EFER] &= ~EFER_NXE;
	EXPECT_EQ(refused(0x123, false), PF_PRESENT | PF_RESERVED);
	machine.regs[REG_CR3] = MACHINE_RAM;
	EXPECT_EQ(refused(0x123, false), PF_PRESENT | PF_RESERVED);
	machine_reset();
	machine.exchange_fails = true;
	EXPECT_EQ(guest_walk(&machine.v, 0x1000, false, &out, &pf), -EAGAIN);
	EXPECT_EQ(machine.stray, 0);
}

TEST(walk_code_asks_for_no_rights_and_sets_no_bits)
{
	gpa_t out;
	u64 at;

	machine_reset();
	machine_map(0x400000, 0x9000, MAP_NX);
	at = machine.next_table - PAGE_SIZE;
	machine.cpl = 3;
	EXPECT_EQ(guest_walk_code(&machine.v, 0x400123, &out, &pf), 0);
	EXPECT_EQ(out.v, 0x9123);
	EXPECT_EQ(machine_number(at, 8), 0x9000 | MAP_NX | 1);
	EXPECT_EQ(guest_walk_code(&machine.v, 0x401000, &out, &pf), -EFAULT);
	EXPECT_EQ(pf.error, PF_FETCH | PF_USER);
	EXPECT_EQ(pf.address, 0x401000);
}
