/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of device ranges: order, overlaps, borders, fullness.
 */
#include "core/l2/regions.h"
#include "tests/dialect.h"

static struct hrsc a, b;

static bool holds(const struct region_map *m, u64 address, const struct hrsc *h)
{
	const struct region_entry *e = region_find(m, address);

	return e && e->base <= address && e->hrsc == h;
}

TEST(region_find_knows_its_borders)
{
	static struct region_map m;

	EXPECT(!region_find(&m, 0));
	EXPECT_EQ(region_add(&m, 0x3f8, 8, 1, &a), 0);
	EXPECT_EQ(region_add(&m, 0x20, 2, 2, &b), 0);
	EXPECT_EQ(region_add(&m, 0x40, 4, 3, &a), 0);
	EXPECT(holds(&m, 0x20, &b) && holds(&m, 0x21, &b));
	EXPECT_EQ(region_find(&m, 0x22)->base, 0x40);
	EXPECT_EQ(region_find(&m, 0)->base, 0x20);
	EXPECT(holds(&m, 0x3ff, &a));
	EXPECT_EQ(region_find(&m, 0x3f8)->index, 1);
	EXPECT(!region_find(&m, 0x400));
}

TEST(region_add_refuses)
{
	static struct region_map m;

	EXPECT_EQ(region_add(&m, 0x100, 0x10, 0, &a), 0);
	EXPECT_EQ(region_add(&m, 0x10f, 1, 0, &b), -EEXIST);
	EXPECT_EQ(region_add(&m, 0xff, 2, 0, &b), -EEXIST);
	EXPECT_EQ(region_add(&m, 0x80, 0x1000, 0, &b), -EEXIST);
	EXPECT_EQ(region_add(&m, 0x104, 1, 0, &b), -EEXIST);
	EXPECT_EQ(region_add(&m, 0x100, 0, 0, &b), -EINVAL);
	EXPECT_EQ(region_add(&m, ~0ull, 2, 0, &b), -EINVAL);
	EXPECT_EQ(region_add(&m, 0x110, 1, 0, &b), 0);
	EXPECT_EQ(region_add(&m, 0xff, 1, 0, &b), 0);
	EXPECT_EQ(m.n, 3);
}

TEST(region_table_fills_up_sorted)
{
	static struct region_map m;

	for (u32 i = 0; i < REGION_MAX; i++)
		EXPECT_EQ(region_add(&m, ((i * 29) % REGION_MAX) * 16, 8, (u8)i, &a), 0);
	EXPECT_EQ(region_add(&m, 0x10000, 1, 0, &b), -ENOSPC);
	for (u64 at = 0; at < REGION_MAX * 16; at++)
		EXPECT_EQ(holds(&m, at, &a), at % 16 < 8);
}
