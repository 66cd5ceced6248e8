/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The host's own address space (boot/layout.h) once host_tables.c has made it: mappings of devices
 * and modules, and sealing. No page is ever both writable and executable.
 */
#include "arch/x86/paging.h"
#include "arch/x86/seal.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"

extern char sealed_start[], sealed_end[];

static u64 map_next = MAP_BASE; /* (o) boot CPU only, at boot */

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
	nucleus_sealed = true;
	CHECK(pt_protect(&host_tables, (u64)sealed_start, (u64)(sealed_end - sealed_start),
		      PROT_READ) == 0);
	frame_each(FRAME_HOST_TABLE, make_read_only);
	frame_each(FRAME_S2_TABLE, make_read_only);
}
