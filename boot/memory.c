/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the firmware's map to the frame records: only blocks of 2 MiB that are RAM throughout count,
 * and those that hold anything which was loaded stay the nucleus's.
 */
#include "boot/memory.h"

#include "config.h"
#include "core/l1/frame.h"

static bool overlaps(const struct memory_range *r, u64 base, u64 len)
{
	return base < r->base + r->len && r->base < base + len;
}

static bool any_overlap(const struct memory_range *r, u32 n, u64 base, u64 len)
{
	for (u32 i = 0; i < n; i++) {
		if (overlaps(&r[i], base, len))
			return true;
	}
	return false;
}

static bool all_usable(const struct memory_range *map, u32 n, u64 base, u64 len)
{
	u64 covered = 0;

	for (u32 i = 0; i < n; i++) {
		if (!map[i].usable || !overlaps(&map[i], base, len))
			continue;
		covered += MIN(base + len, map[i].base + map[i].len) - MAX(base, map[i].base);
	}
	return covered == len;
}

/* The lowest place for the pool: whole blocks, not across 1 GiB (early_map_pool). 0: none. */
static u64 place_pool(const struct memory_range *map, u32 n, u64 nblocks,
	const struct memory_range *reserved, u32 nreserved)
{
	u64 len = CONFIG_POOL_BYTES;

	for (u64 at = BLOCK_SIZE; at < nblocks * BLOCK_SIZE; at += BLOCK_SIZE) {
		if (at >> 30 == (at + len - 1) >> 30 && all_usable(map, n, at, len) &&
			!any_overlap(reserved, nreserved, at, len))
			return at;
	}
	return 0;
}

int memory_init(const struct memory_range *map, u32 nmap, const struct memory_range *reserved,
	u32 nreserved)
{
	u64 top = 0, nblocks, pool;

	for (u32 i = 0; i < nmap; i++) {
		if (map[i].usable)
			top = MAX(top, map[i].base + map[i].len);
	}
	nblocks = top / BLOCK_SIZE;
	pool = place_pool(map, nmap, nblocks, reserved, nreserved);
	if (!pool || frame_init(HPA(pool), nblocks) < 0)
		return -ENOMEM;
	for (u64 i = 0; i < nblocks; i++) {
		u64 base = i * BLOCK_SIZE;

		if (!all_usable(map, nmap, base, BLOCK_SIZE))
			continue;
		if (base - pool < CONFIG_POOL_BYTES)
			frame_add_block(i, OWNER_NUCLEUS, FRAME_DATA);
		else if (i == 0 || any_overlap(reserved, nreserved, base, BLOCK_SIZE))
			frame_add_block(i, OWNER_NUCLEUS, FRAME_MODULE);
		else
			frame_add_block(i, OWNER_FREE, FRAME_NONE);
	}
	return 0;
}
