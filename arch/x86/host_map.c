/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own address space (boot/layout.h): the tables that replace those of start.S, mappings
 * of devices, and sealing. No page is ever both writable and executable.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/seal.h"
#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/lock.h"
#include "core/l1/log.h"

#define PTE_P	  BIT(0)
#define PTE_W	  BIT(1)
#define PTE_LARGE BIT(7)
#define PTE_NX	  BIT(63)

extern u64 boot_pt_early[], boot_pd_direct[], boot_pdpt_direct[], boot_stack_guard[];
extern char image_start[], text_end[], rodata_end[], image_end[], sealed_start[], sealed_end[];

struct pagetable host_tables;
static u64 map_next = MAP_BASE; /* (o) boot CPU only, at boot */
static bool sealed;		/* (c) after seal_nucleus() */
static struct lock map_lock = LOCK_INIT(LOCK_MAP);

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
	cr3_write(virt_to_hpa(host_tables.root).v);
	return 0;
}

void *host_map(hpa_t pa, u64 len, u32 prot)
{
	u64 page = pa.v & PAGE_MASK;
	u64 bytes = ALIGN_UP(pa.v + len, PAGE_SIZE) - page;
	/* Long stretches: the same offset inside 2 MiB on both sides, so that large leaves fit. */
	u64 va = bytes < BLOCK_SIZE ? map_next
				    : ALIGN_UP(map_next, BLOCK_SIZE) + (page & (BLOCK_SIZE - 1));

	if (pt_map(&host_tables, va, HPA(page), bytes, prot) < 0)
		return NULL;
	map_next = va + bytes;
	return (void *)(va + (pa.v & ~PAGE_MASK));
}

static void make_read_only(void *page)
{
	CHECK(pt_protect(&host_tables, (u64)page, PAGE_SIZE, PROT_READ) == 0);
}

void seal_nucleus(void)
{
	sealed = true;
	CHECK(pt_protect(&host_tables, (u64)sealed_start, (u64)(sealed_end - sealed_start),
		      PROT_READ) == 0);
	frame_each(FRAME_HOST_TABLE, make_read_only);
	frame_each(FRAME_S2_TABLE, make_read_only);
}

/*
 * SDM, "Paging: Determination of Access Rights": with CR0.WP clear, the supervisor writes read-only
 * pages. Interrupts are off, and nothing but this one store happens in between.
 */
void table_store(u64 *entry, u64 value)
{
	u64 cr0;

	if (!sealed) {
		*(volatile u64 *)entry = value;
		return;
	}
	cr0 = cr0_read();
	cr0_write(cr0 & ~CR0_WP);
	*(volatile u64 *)entry = value;
	cr0_write(cr0);
}

void page_typed(void *page, bool table)
{
	if (!sealed)
		return;
	lock_take(&map_lock);
	CHECK(pt_protect(&host_tables, (u64)page, PAGE_SIZE, table ? PROT_READ : PROT_RW) == 0);
	lock_give(&map_lock);
	smp_flush();
}
