/* SPDX-License-Identifier: BSD-2-Clause */
/* What a page table makes of an address, for tests to compare with what they asked for. */
#pragma once

#include "arch/x86/paging.h"

/* Physical address that va maps to; -EFAULT. */
static inline int pt_resolve(const struct pagetable *pt, u64 va, hpa_t *out)
{
	u32 level;
	u64 e = pt_lookup(pt, va, &level), inside = (PAGE_SIZE << 9 * (level - 1)) - 1;

	*out = HPA(0);
	if (!e)
		return -EFAULT;
	*out = HPA((e & 0x000ffffffffff000ull & ~inside) | (va & inside));
	return 0;
}
