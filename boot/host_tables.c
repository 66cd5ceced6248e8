/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that replace those of start.S, and how memory is reached before them: image, pool and
 * windows, no page of which is both writable and executable.
 */
#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"

#define PTE_P	    BIT(0)
#define PTE_W	    BIT(1)
#define PTE_LARGE   BIT(7)
#define PTE_NX	    BIT(63)
#define PTE_ADDRESS 0x000ffffffffff000ull

extern u64 boot_pt_early[], boot_pd_direct[], boot_pdpt_direct[], boot_stack_guard[];
extern char image_start[], text_end[], rodata_end[], image_end[], sealed_start[], sealed_end[];
extern char driver_text_start[], driver_rodata_start[], driver_rodata_end[];

const void *early_map(hpa_t pa, u64 len)
{
	u64 page = pa.v & PAGE_MASK;
	u64 npages = (ALIGN_UP(pa.v + len, PAGE_SIZE) - page) / PAGE_SIZE;

	if (npages > 512)
		return NULL;
	for (u64 i = 0; i < npages; i++) {
		boot_pt_early[i] = (page + i * PAGE_SIZE) | PTE_P | PTE_NX;
		invlpg(EARLY_BASE + i * PAGE_SIZE);
	}
	return (const void *)(EARLY_BASE + (pa.v & ~PAGE_MASK));
}

void early_map_pool(hpa_t pa, u64 len)
{
	boot_pdpt_direct[(pa.v >> 30) & 511] = virt_to_hpa(boot_pd_direct).v | PTE_P | PTE_W;
	for (u64 at = 0; at < len; at += BLOCK_SIZE)
		boot_pd_direct[((pa.v + at) >> 21) & 511] =
			(pa.v + at) | PTE_P | PTE_W | PTE_LARGE | PTE_NX;
}

/* Hangs a page of the pool under the root as the level-1 table for va's 2 MiB. */
static int link_table(struct pagetable *pt, u64 va, const u64 *table)
{
	u64 *e = pt_entry_make(pt, va, 2);

	if (!e)
		return -ENOMEM;
	CHECK(!*e);
	l1_gate_table_write(e, virt_to_hpa(table).v | PTE_P | PTE_W);
	return 0;
}

int window_init(struct percpu *cpu)
{
	u64 *table = page_alloc(FRAME_DATA);

	if (!table)
		return -ENOMEM;
	cpu->window_table = table;
	cpu->window = (u8 *)(WINDOW_BASE + cpu->id * BLOCK_SIZE);
	return link_table(&host_tables, (u64)cpu->window, table);
}

static int map_image_part(hpa_t image, const char *from, const char *to, u32 prot)
{
	return pt_map(&host_tables, (u64)from, HPA(image.v + (u64)(from - image_start)),
		(u64)(to - from), prot);
}

/* Every page of the pool for itself, so that table pages can be made read-only one by one. */
static int map_pool(void)
{
	hpa_t pool;
	u64 len;
	int err = 0;

	frame_pool(&pool, &len);
	for (u64 at = 0; !err && at < len; at += PAGE_SIZE)
		err = pt_map(&host_tables, DIRECT_BASE + pool.v + at, HPA(pool.v + at), PAGE_SIZE,
			PROT_RW);
	return err;
}

int paging_init(hpa_t image)
{
	int err = pt_init(&host_tables, &host_format, OWNER_NONE);

	if (!err)
		err = map_image_part(image, image_start, text_end, PROT_RX);
	if (!err)
		err = map_image_part(image, text_end, rodata_end, PROT_READ);
	if (!err)
		err = map_image_part(image, rodata_end, image_end, PROT_RW);
	if (!err)
		err = map_pool();
	if (!err)
		err = window_init(&boot_cpu);
	if (err)
		return err;
	pt_unmap(&host_tables, (u64)boot_stack_guard, PAGE_SIZE);
	host_cr3 = virt_to_hpa(host_tables.root).v;
	cr3_write(host_cr3);
	return 0;
}

static bool is_drivers(u64 va)
{
	return (va >= (u64)driver_text_start && va < (u64)text_end) ||
	       (va >= (u64)driver_rodata_start && va < (u64)driver_rodata_end);
}

/* As the host has it, but sealed already, and the drivers' part open to ring 3. */
static u32 image_prot(u64 va, u64 entry)
{
	bool writable = (entry & PTE_W) && (va < (u64)sealed_start || va >= (u64)sealed_end);

	return PROT_READ | (writable ? PROT_WRITE : 0) | (entry & PTE_NX ? 0 : PROT_EXEC) |
	       (is_drivers(va) ? PROT_USER : 0);
}

/* Before the nucleus is sealed. */
int paging_init_compartments(void)
{
	int err = pt_init(&compartment_image, &compartment_format, OWNER_NONE);

	for (u64 va = (u64)image_start; !err && va < (u64)image_end; va += PAGE_SIZE) {
		u32 level;
		u64 e = pt_lookup(&host_tables, va, &level);

		if (e)
			err = pt_map(&compartment_image, va, HPA(e & PTE_ADDRESS), PAGE_SIZE,
				image_prot(va, e));
	}
	return err;
}
