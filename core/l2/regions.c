/* SPDX-License-Identifier: BSD-2-Clause */
/* The address ranges of a VM's devices. */
#include "core/l2/regions.h"

const struct region_entry *region_find(const struct region_map *map, u64 address)
{
	const struct region_entry *e = map->e;
	u32 n = map->n;

	while (n) {
		u32 half = n / 2;

		if (e[half].base + e[half].len <= address) {
			e += half + 1;
			n -= half + 1;
		} else {
			n = half;
		}
	}
	return e < map->e + map->n ? e : NULL;
}

int region_add(struct region_map *map, u64 base, u32 len, u8 index, struct hrsc *hrsc)
{
	const struct region_entry *next = region_find(map, base);
	u32 at = next ? (u32)(next - map->e) : map->n;

	if (!len || base + len < base)
		return -EINVAL;
	if (next && next->base < base + len)
		return -EEXIST;
	if (map->n == REGION_MAX)
		return -ENOSPC;
	for (u32 i = map->n; i > at; i--)
		map->e[i] = map->e[i - 1];
	map->e[at] = (struct region_entry){ base, len, index, hrsc };
	map->n++;
	return 0;
}
