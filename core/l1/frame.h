/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory is owned: every physical frame has one owner and one type. Blocks of 2 MiB are the unit
 * for guests; a block is split into frames only where the nucleus needs pages. Every mapping
 * anywhere is checked here before it is made, in O(1).
 *
 * The nucleus has a pool, set aside at boot and mapped at DIRECT_BASE; guest memory is not mapped
 * in the host at all (see arch/x86/window.h).
 */
#pragma once

#include "core/lib/types.h"

#define OWNER_NONE	   0 /* not RAM, or firmware's */
#define OWNER_FREE	   1
#define OWNER_NUCLEUS	   2
#define OWNER_COMPARTMENT  3	       /* FRAME_COMPARTMENT pages of the pool */
#define OWNER_VM(id)	   (16 + (id)) /* id from 1 */
#define OWNER_SNAPSHOT(id) (64 + (id)) /* of VM id: in no stage 2 */

enum frame_type {
	FRAME_NONE,
	FRAME_TEXT,
	FRAME_RODATA,
	FRAME_DATA,
	FRAME_HOST_TABLE,
	FRAME_COMPARTMENT, /* data and stack of a confined driver */
	FRAME_S2_TABLE,
	FRAME_CONTROL, /* VMCB, VMCS, bitmaps */
	FRAME_MODULE,  /* what GRUB loaded: given back when no VM needs it */
	FRAME_RAM,     /* of a VM */
	FRAME_TYPES,
};

/*
 * Makes the pool and the records of so many blocks, from address 0 on, none of them RAM. The pool
 * is CONFIG_POOL_BYTES of whole blocks and lies inside one GiB. -ENOMEM: no room for the records.
 */
int __must_check frame_init(hpa_t pool, u64 nblocks);
/* A block that is RAM. */
void frame_add_block(u64 index, u16 owner, enum frame_type type);
/* Where the image was loaded, and where the pool lies: [*base, *base + *len). */
void frame_set_image(hpa_t image);
void frame_pool(hpa_t *base, u64 *len);

/* A zeroed page of the pool, mapped; NULL when the pool is empty. Only at boot and VM creation. */
void *page_alloc(enum frame_type type);
/* npages in a row, zeroed, aligned to their size rounded up to a power of two. */
void *pages_alloc(u32 npages, enum frame_type type);
void pages_free(void *p, u32 npages);

/* A block for a VM, not zeroed: the caller scrubs it. -ENOMEM when none is left. */
int __must_check block_alloc(u16 owner, hpa_t *out);
void block_free(hpa_t block);

/* Whether this owner has it, pages of the pool included. */
bool frame_owned(hpa_t a, u16 owner);

struct frame_stats {
	u64 total, free, nucleus_pool, nucleus_used, vm; /* bytes */
	u64 tables;					 /* of nucleus_used: page tables */
};
void frame_stats(struct frame_stats *out);

/* Calls fn for every page of the pool that has this type. */
void frame_each(enum frame_type type, void (*fn)(void *page));

/* Between the pool's addresses and what the hardware is told. */
hpa_t virt_to_hpa(const void *p);
void *pool_ptr(hpa_t a);

/*
 * The records, which boot/frames.c makes.
 */
struct block {
	u16 owner;
	u8 type;
};

extern struct frames {
	struct block *blocks; /* (o) */
	u64 nblocks;
	u8 *page_type; /* of the pool's pages: enum frame_type, FRAME_NONE when free */
	u64 npages, used, hint;
	u64 pool;  /* hpa */
	u64 image; /* hpa */
	u64 free_blocks, total_blocks, next_block;
} frames;

static inline u16 frame_owner(hpa_t a)
{
	u64 at = a.v / BLOCK_SIZE;

	return at < frames.nblocks ? frames.blocks[at].owner : OWNER_NONE;
}
