/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frame ownership. One record for each 2 MiB block of RAM; the pages of the nucleus's pool have a
 * record each. Everything is set aside at boot.
 */
#include "core/l1/frame.h"

#include "arch/x86/paging.h"
#include "arch/x86/seal.h"
#include "boot/layout.h"
#include "config.h"
#include "core/l1/lock.h"
#include "core/l1/log.h"
#include "core/lib/string.h"

extern char image_start[], image_end[];

struct frames frames;

static struct lock lock = LOCK_INIT(LOCK_MEMORY);

void frame_pool(hpa_t *base, u64 *len)
{
	*base = HPA(frames.pool);
	*len = frames.npages * PAGE_SIZE;
}

hpa_t virt_to_hpa(const void *p)
{
	u64 va = (u64)p;

	if (va >= (u64)image_start && va < (u64)image_end)
		return HPA(va - (u64)image_start + frames.image);
	CHECK(va - DIRECT_BASE - frames.pool < frames.npages * PAGE_SIZE);
	return HPA(va - DIRECT_BASE);
}

void *pool_ptr(hpa_t a)
{
	CHECK(a.v - frames.pool < frames.npages * PAGE_SIZE);
	return (void *)(DIRECT_BASE + a.v);
}

static bool row_free(u64 at, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (frames.page_type[at + i] != FRAME_NONE)
			return false;
	}
	return true;
}

static bool is_table(u8 type)
{
	return type == FRAME_HOST_TABLE || type == FRAME_S2_TABLE;
}

/* The first free row, marked; NULL when there is none. */
static void *take_row(u32 n, u64 align, enum frame_type type)
{
	for (u64 at = ALIGN_UP(n == 1 ? frames.hint : 0, align); at + n <= frames.npages;
		at += align) {
		if (!row_free(at, n))
			continue;
		memset(frames.page_type + at, type, n);
		frames.used += n;
		if (n == 1)
			frames.hint = at + 1;
		return (u8 *)DIRECT_BASE + frames.pool + at * PAGE_SIZE;
	}
	return NULL;
}

void *pages_alloc(u32 n, enum frame_type type)
{
	u64 align = 1;
	void *p;

	while (align < n)
		align *= 2;
	lock_take(&lock);
	p = take_row(n, align, type);
	lock_give(&lock);
	if (!p)
		return NULL;
	memset(p, 0, n * PAGE_SIZE);
	if (is_table(type))
		page_typed(p, true);
	return p;
}

void *page_alloc(enum frame_type type)
{
	return pages_alloc(1, type);
}

void pages_free(void *p, u32 n)
{
	u64 at = ((u64)p - DIRECT_BASE - frames.pool) / PAGE_SIZE;

	CHECK(at < frames.npages && n <= frames.npages - at && frames.page_type[at] != FRAME_NONE);
	if (is_table(frames.page_type[at]))
		page_typed(p, false);
	memset(p, 0, n * PAGE_SIZE);
	lock_take(&lock);
	memset(frames.page_type + at, FRAME_NONE, n);
	frames.used -= n;
	frames.hint = MIN(frames.hint, at);
	lock_give(&lock);
}

int block_alloc(u16 owner, hpa_t *out)
{
	int err = -ENOMEM;

	lock_take(&lock);
	for (u64 i = 0; err && i < frames.nblocks; i++) {
		u64 at = (frames.next_block + i) % frames.nblocks;

		if (frames.blocks[at].owner != OWNER_FREE)
			continue;
		frames.blocks[at] = (struct block){ owner, FRAME_RAM };
		frames.free_blocks--;
		frames.next_block = at + 1;
		*out = HPA(at * BLOCK_SIZE);
		err = 0;
	}
	lock_give(&lock);
	return err;
}

void block_free(hpa_t block)
{
	u64 at = block.v / BLOCK_SIZE;

	CHECK(at < frames.nblocks && frames.blocks[at].owner >= OWNER_VM(1));
	lock_take(&lock);
	frames.blocks[at] = (struct block){ OWNER_FREE, FRAME_NONE };
	frames.free_blocks++;
	frames.next_block = MIN(frames.next_block, at);
	lock_give(&lock);
}

bool frame_owned(hpa_t a, u16 owner)
{
	u64 offset = a.v - frames.pool;

	if (owner == OWNER_COMPARTMENT)
		return offset < frames.npages * PAGE_SIZE &&
		       frames.page_type[offset / PAGE_SIZE] == FRAME_COMPARTMENT;
	return frame_owner(a) == owner;
}

void frame_each(enum frame_type type, void (*fn)(void *page))
{
	for (u64 i = 0; i < frames.npages; i++) {
		if (frames.page_type[i] == type)
			fn((void *)(DIRECT_BASE + frames.pool + i * PAGE_SIZE));
	}
}

void frame_stats(struct frame_stats *out)
{
	memset(out, 0, sizeof(*out));
	out->total = frames.total_blocks * BLOCK_SIZE;
	out->free = frames.free_blocks * BLOCK_SIZE;
	out->nucleus_pool = frames.npages * PAGE_SIZE;
	out->nucleus_used = frames.used * PAGE_SIZE;
	for (u64 i = 0; i < frames.npages; i++)
		out->tables += is_table(frames.page_type[i]) ? PAGE_SIZE : 0;
	for (u64 i = 0; i < frames.nblocks; i++) {
		if (frames.blocks[i].owner >= OWNER_VM(1))
			out->vm += BLOCK_SIZE;
	}
}
