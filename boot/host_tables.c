/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables that replace those of start.S, and how memory is reached before them: image, pool and
 * windows, no page of which is both writable and executable.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "boot/layout.h"
#include "core/l1/frame.h"

#define PTE_P	  BIT(0)
#define PTE_W	  BIT(1)
#define PTE_LARGE BIT(7)
#define PTE_NX	  BIT(63)

extern u64 boot_pt_early[], boot_pd_direct[], boot_pdpt_direct[], boot_stack_guard[];
extern char image_start[], text_end[], rodata_end[], image_end[];

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
