/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A ring of bytes between one producer and one consumer, on different CPUs if need be: each side
 * writes its own counter only and publishes it with release, the other reads it with acquire.
 * Counters run freely and are masked at each access, so that even a damaged one stays inside.
 */
#pragma once

#include "core/lib/types.h"

struct ring {
	u8 *data; /* (c) */
	u32 mask; /* (c) size - 1 */
	u32 head; /* (a) bytes ever put; the producer's */
	u32 tail; /* (a) bytes ever got; the consumer's */
};

/* An empty ring over data[size]; size is a power of two. Fits a static initialiser. */
#define RING_INIT(buffer, size)                                                                    \
	{                                                                                          \
		.data = (buffer), .mask = (size)-1                                                 \
	}

static inline u32 ring_used(const struct ring *r)
{
	return __atomic_load_n(&r->head, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(&r->tail, __ATOMIC_ACQUIRE);
}

static inline u32 ring_free(const struct ring *r)
{
	return r->mask + 1 - ring_used(r);
}

/* Returns false when the ring is full; the byte is not taken then. */
static inline bool ring_put(struct ring *r, u8 byte)
{
	u32 head = r->head;

	if (!ring_free(r))
		return false;
	r->data[head & r->mask] = byte;
	__atomic_store_n(&r->head, head + 1, __ATOMIC_RELEASE);
	return true;
}

/* Returns false when the ring is empty; *byte is left alone then. */
static inline bool ring_get(struct ring *r, u8 *byte)
{
	u32 tail = r->tail;

	if (!ring_used(r))
		return false;
	*byte = r->data[tail & r->mask];
	__atomic_store_n(&r->tail, tail + 1, __ATOMIC_RELEASE);
	return true;
}
