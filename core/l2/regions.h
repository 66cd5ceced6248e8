/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which hRSC of a VM answers for a port or for a guest physical address: a sorted table of
 * disjoint ranges, filled when the VM is built and only read afterwards.
 */
#pragma once

#include "core/hrsc.h"
#include "core/lib/types.h"

#define REGION_MAX 48

struct region_entry {
	u64 base;
	u32 len;
	u8 index; /* the driver's own number for it */
	struct hrsc *hrsc;
};

struct region_map {
	u32 n;
	struct region_entry e[REGION_MAX]; /* by rising base */
};

/*
 * Adds [base, base+len). -EEXIST: it overlaps another; -ENOSPC: the table is full; -EINVAL: it is
 * empty or wraps around.
 */
int __must_check region_add(struct region_map *map, u64 base, u32 len, u8 index, struct hrsc *hrsc);
/* The lowest region that ends above `address`: it holds the address or lies above; NULL: none. */
const struct region_entry *region_find(const struct region_map *map, u64 address);
