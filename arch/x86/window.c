/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each CPU has a level-1 table of its own at WINDOW_BASE. Its page is the one table page that stays
 * writable: an entry that does not point to a VM's frame is an L1 finding.
 */
#include "arch/x86/window.h"

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/lib/string.h"

#define WINDOW_ENTRY                                                                               \
	(BIT(0) | BIT(1) | BIT(5) | BIT(6) | BIT(63)) /* present, writable, A, D, NX               \
						       */

static __always_inline void *open(u32 slot, hpa_t pa)
{
	u64 *table = this_cpu(window_table);

	CHECK(frame_owner(pa) >= OWNER_VM(0));
	CHECK(!table[slot]);
	table[slot] = (pa.v & PAGE_MASK) | WINDOW_ENTRY;
	return this_cpu(window) + slot * PAGE_SIZE + (pa.v & ~PAGE_MASK);
}

static __always_inline void close(u32 slot)
{
	asm volatile("" ::: "memory");
	this_cpu(window_table)[slot] = 0;
	invlpg((u64)this_cpu(window) + slot * PAGE_SIZE);
}

/* Most are words of a ring. */
static __always_inline void copy(void *to, const void *from, u32 len)
{
	if (len == 2)
		memcpy(to, from, 2);
	else if (len == 8)
		memcpy(to, from, 8);
	else if (len == 16)
		memcpy(to, from, 16);
	else
		memcpy(to, from, len);
}

void window_read(hpa_t pa, void *to, u32 len)
{
	CHECK((pa.v & ~PAGE_MASK) + len <= PAGE_SIZE);
	copy(to, open(0, pa), len);
	close(0);
}

void window_write(hpa_t pa, const void *from, u32 len)
{
	CHECK((pa.v & ~PAGE_MASK) + len <= PAGE_SIZE);
	copy(open(0, pa), from, len);
	close(0);
}

void window_fill(hpa_t pa, u8 value, u32 len)
{
	CHECK((pa.v & ~PAGE_MASK) + len <= PAGE_SIZE);
	memset(open(0, pa), value, len);
	close(0);
}

void window_zero(hpa_t page)
{
	window_fill(HPA(page.v & PAGE_MASK), 0, PAGE_SIZE);
}

void window_copy(hpa_t to, hpa_t from, u32 len)
{
	CHECK(MAX(to.v & ~PAGE_MASK, from.v & ~PAGE_MASK) + len <= PAGE_SIZE);
	memcpy(open(1, to), open(0, from), len);
	close(1);
	close(0);
}

bool window_same(hpa_t pa, const void *bytes, u32 len)
{
	const u8 *there = open(0, pa), *want = bytes;
	u64 diff = 0;

	if (likely(len <= 8 && (pa.v & ~PAGE_MASK) <= PAGE_SIZE - 8))
		diff = (*(const u64 *)there ^ *(const u64 *)want) << (64 - 8 * len);
	else
		while (len--)
			diff |= *there++ ^ *want++;
	close(0);
	return !diff;
}

u64 window_read64(hpa_t pa)
{
	u64 v = *(volatile u64 *)open(0, HPA(pa.v & ~7ull));

	close(0);
	return v;
}

bool window_exchange(hpa_t pa, u32 width, u64 expected, u64 value)
{
	void *p = open(0, pa);
	bool done;

	CHECK(!(pa.v & (width - 1)) && width <= 8);
	if (width == 1)
		done = __sync_bool_compare_and_swap((u8 *)p, (u8)expected, (u8)value);
	else if (width == 2)
		done = __sync_bool_compare_and_swap((u16 *)p, (u16)expected, (u16)value);
	else if (width == 4)
		done = __sync_bool_compare_and_swap((u32 *)p, (u32)expected, (u32)value);
	else
		done = __sync_bool_compare_and_swap((u64 *)p, expected, value);
	close(0);
	return done;
}
