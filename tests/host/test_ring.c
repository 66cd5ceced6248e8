/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The byte ring: order, fullness, counters that wrap, and two threads.
 */
#include "core/lib/ring.h"
#include "tests/dialect.h"

#include <pthread.h>
#include <sched.h>

TEST(ring_keeps_order_and_count)
{
	u8 data[4], got = 0;
	struct ring r = RING_INIT(data, sizeof(data));

	EXPECT_EQ(ring_free(&r), 4);
	EXPECT(!ring_get(&r, &got));
	for (u8 i = 1; i <= 4; i++)
		EXPECT(ring_put(&r, i));
	EXPECT_EQ(ring_used(&r), 4);
	EXPECT(!ring_put(&r, 5));
	for (u8 i = 1; i <= 4; i++) {
		EXPECT(ring_get(&r, &got));
		EXPECT_EQ(got, i);
	}
	EXPECT(!ring_get(&r, &got));
	EXPECT_EQ(got, 4);
}

TEST(ring_counters_wrap)
{
	u8 data[8], got;
	struct ring r = RING_INIT(data, sizeof(data));

	r.head = r.tail = UINT32_MAX - 2;
	for (u8 i = 0; i < 8; i++)
		EXPECT(ring_put(&r, i));
	EXPECT_EQ(ring_used(&r), 8);
	EXPECT_EQ(ring_free(&r), 0);
	for (u8 i = 0; i < 8; i++) {
		EXPECT(ring_get(&r, &got));
		EXPECT_EQ(got, i);
	}
	EXPECT_EQ(r.tail, 5);
}

/* Counters that nobody wrote: the accesses stay inside data[], which ASan watches. */
TEST(ring_damaged_counters_stay_inside)
{
	u8 data[8], got;
	struct ring r = RING_INIT(data, sizeof(data));

	r.head = 0x80000003;
	r.tail = 17;
	for (u32 i = 0; i < 32; i++)
		(void)ring_put(&r, i), (void)ring_get(&r, &got);
	EXPECT(ring_used(&r) > 8);
}

#define BYTES 200000

static void *produce(void *ring)
{
	for (u32 i = 0; i < BYTES; i++)
		while (!ring_put(ring, i * 7))
			sched_yield();
	return NULL;
}

TEST(ring_between_threads)
{
	u8 data[16], got;
	struct ring r = RING_INIT(data, sizeof(data));
	pthread_t producer;
	u32 wrong = 0;

	if (!EXPECT_EQ(pthread_create(&producer, NULL, produce, &r), 0))
		return;
	for (u32 i = 0; i < BYTES; i++) {
		while (!ring_get(&r, &got))
			sched_yield();
		wrong += got != (u8)(i * 7);
	}
	pthread_join(producer, NULL);
	EXPECT_EQ(wrong, 0);
	EXPECT_EQ(ring_used(&r), 0);
}
