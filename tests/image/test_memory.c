/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's own memory: W^X everywhere, what is sealed stays so, frames have one owner. */
#include "tests/dialect.h"

#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "arch/x86/window.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"
#include "tests/image/fault.h"
#include "tests/image/resolve.h"

#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define TEST_OWNER    OWNER_VM(15)

extern char image_start[], text_end[], rodata_end[];

#define TABLES_MAX 1024

struct audit {
	u64 leaves, writable_and_executable, writable_tables;
};

static const void *tables[TABLES_MAX], *sought;
static u32 ntables;
static bool found;

static void remember(void *page)
{
	if (ntables < TABLES_MAX)
		tables[ntables++] = page;
}

/* In the order of their addresses. */
static bool is_table(u64 hpa)
{
	u32 low = 0, high = ntables;

	while (low < high) {
		u32 middle = (low + high) / 2;
		u64 at = virt_to_hpa(tables[middle]).v;

		if (at == hpa)
			return true;
		*(at < hpa ? &low : &high) = middle + (at < hpa);
	}
	return false;
}

static void compare(void *page)
{
	found |= page == sought;
}

static bool leaf(u64 e, u32 level)
{
	return level == 1 || (e & BIT(7));
}

/* Rights add up on the way down: writable needs W everywhere, NX anywhere forbids execution. */
static void audit_table(const u64 *table, u32 level, bool write, bool exec, struct audit *a)
{
	for (u32 i = 0; i < 512; i++) {
		u64 e = table[i];
		bool w = write && (e & BIT(1)), x = exec && !(e & BIT(63));

		if (!(e & 1))
			continue;
		if (!leaf(e, level)) {
			audit_table(pool_ptr(HPA(e & ENTRY_ADDRESS)), level - 1, w, x, a);
			continue;
		}
		a->leaves++;
		a->writable_and_executable += w && x;
		a->writable_tables += w && is_table(e & ENTRY_ADDRESS);
	}
}

TEST(memory_no_page_is_writable_and_executable)
{
	struct audit a = { 0 };

	ntables = 0;
	frame_each(FRAME_HOST_TABLE, remember);
	EXPECT(ntables > 10 && ntables < TABLES_MAX);
	audit_table(host_tables.root, 4, true, true, &a);
	EXPECT(a.leaves > 100);
	EXPECT_EQ(a.writable_and_executable, 0);
	EXPECT_EQ(a.writable_tables, 0);
}

static bool writable(u64 va)
{
	u32 level;

	return pt_lookup(&host_tables, va, &level) & BIT(1);
}

TEST(memory_text_and_constants_are_read_only)
{
	for (u64 va = (u64)image_start; va < (u64)rodata_end; va += PAGE_SIZE)
		EXPECT(!writable(va));
	EXPECT(cr0_read() & CR0_WP);
}

TEST(memory_a_free_block_is_not_mapped)
{
	hpa_t block, out;

	if (!EXPECT_EQ(block_alloc(TEST_OWNER, &block), 0))
		return;
	EXPECT_EQ(pt_resolve(&host_tables, DIRECT_BASE + block.v, &out), -EFAULT);
	block_free(block);
}

TEST(memory_window_reads_back_what_it_wrote)
{
	u8 out[64], in[64];
	hpa_t block;

	if (!EXPECT_EQ(block_alloc(TEST_OWNER, &block), 0))
		return;
	for (u32 i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 7);
	window_write(HPA(block.v + 4096 - 64), out, 64);
	window_read(HPA(block.v + 4096 - 64), in, 64);
	EXPECT(memcmp(in, out, 64) == 0);
	EXPECT_EQ(window_read64(HPA(block.v + 4096 - 64)), *(u64 *)out);
	EXPECT(!window_exchange(HPA(block.v + 4096 - 64), 4, 1, 2));
	EXPECT(window_exchange(HPA(block.v + 4096 - 64), 4, *(u32 *)out, 2));
	EXPECT_EQ((u32)window_read64(HPA(block.v + 4096 - 64)), 2);
	block_free(block);
}

TEST(memory_window_is_closed_afterwards)
{
	hpa_t block, out;

	if (!EXPECT_EQ(block_alloc(TEST_OWNER, &block), 0))
		return;
	window_zero(block);
	EXPECT_EQ(pt_resolve(&host_tables, WINDOW_BASE, &out), -EFAULT);
	block_free(block);
}

TEST(memory_pages_come_zeroed_and_go_back)
{
	struct frame_stats before, after;
	u8 *p;

	frame_stats(&before);
	p = pages_alloc(3, FRAME_DATA);
	if (!EXPECT(p != NULL))
		return;
	for (u32 i = 0; i < 3 * PAGE_SIZE; i++)
		EXPECT(p[i] == 0);
	memset(p, 0xaa, 3 * PAGE_SIZE);
	sought = p;
	found = false;
	frame_each(FRAME_DATA, compare);
	EXPECT(found);
	pages_free(p, 3);
	frame_stats(&after);
	EXPECT_EQ(after.nucleus_used, before.nucleus_used);
}

TEST(stage2_refuses_frames_of_another_owner)
{
	struct pagetable s2;
	hpa_t mine, other;

	if (!EXPECT_EQ(pt_init(&s2, hv->s2_format, TEST_OWNER), 0))
		return;
	EXPECT_EQ(block_alloc(TEST_OWNER, &mine), 0);
	EXPECT_EQ(block_alloc(TEST_OWNER + 1, &other), 0);
	EXPECT_EQ(pt_map(&s2, 0, mine, BLOCK_SIZE, PROT_RWX), 0);
	EXPECT_EQ(pt_map(&s2, BLOCK_SIZE, other, BLOCK_SIZE, PROT_RWX), -EACCES);
	EXPECT_EQ(pt_map(&s2, BLOCK_SIZE, HPA(0), PAGE_SIZE, PROT_READ), -EACCES);
	EXPECT_EQ(pt_map(&s2, BLOCK_SIZE, virt_to_hpa(image_start), PAGE_SIZE, PROT_RWX), -EACCES);
	EXPECT_EQ(pt_map(&s2, 0, mine, BLOCK_SIZE, PROT_RWX), -EEXIST);
	pt_destroy(&s2);
	block_free(mine);
	block_free(other);
}

TEST(stage2_splits_large_leaves_to_protect_a_page)
{
	struct pagetable s2;
	hpa_t block, out;
	u32 level;

	if (!EXPECT_EQ(pt_init(&s2, hv->s2_format, TEST_OWNER), 0))
		return;
	EXPECT_EQ(block_alloc(TEST_OWNER, &block), 0);
	EXPECT_EQ(pt_map(&s2, 0, block, BLOCK_SIZE, PROT_RWX), 0);
	EXPECT(pt_lookup(&s2, 0x5000, &level) != 0);
	EXPECT_EQ(level, 2);
	EXPECT_EQ(pt_protect(&s2, 0x5000, PAGE_SIZE, PROT_READ), 0);
	EXPECT(!(pt_lookup(&s2, 0x5000, &level) & hv->s2_format->write));
	EXPECT_EQ(level, 1);
	EXPECT(pt_lookup(&s2, 0x6000, &level) & hv->s2_format->write);
	EXPECT_EQ(pt_resolve(&s2, 0x5123, &out), 0);
	EXPECT_EQ(out.v, block.v + 0x5123);
	pt_unmap(&s2, 0x7000, PAGE_SIZE);
	EXPECT_EQ(pt_resolve(&s2, 0x7000, &out), -EFAULT);
	EXPECT_EQ(pt_resolve(&s2, 0x8000, &out), 0);
	pt_destroy(&s2);
	block_free(block);
}

/* The machinery behind rdmsr_safe(): emulators refuse too few MSRs to test it with one. */
TEST(cpu_survives_a_fault_that_was_foreseen)
{
	u64 value;

	fault_on_purpose();
	EXPECT_EQ(rdmsr_safe(MSR_EFER, &value), 0);
	EXPECT(value & EFER_LMA);
}
