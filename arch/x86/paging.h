/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page-table walker for host, compartments, NPT and EPT: the formats differ only in a small
 * table. (SDM, "Paging" and "The Extended Page Table Mechanism"; APM volume 2, "Page Translation
 * and Protection" and "Nested Paging".) Table pages are read-only in the host's own mapping; the
 * gate in paging.c is the one place that writes them.
 */
#pragma once

#include "core/lib/types.h"

#define PROT_READ     1u
#define PROT_WRITE    2u
#define PROT_EXEC     4u
#define PROT_RW	      (PROT_READ | PROT_WRITE)
#define PROT_RX	      (PROT_READ | PROT_EXEC)
#define PROT_RWX      7u
#define PROT_UNCACHED 8u
#define PROT_USER     16u /* ring 3 as well: in compartments */

struct paging_format {
	const char *name;
	u64 present;			/* bits of which one at least is set in a present entry */
	u64 table;			/* bits of an entry that points to a table */
	u64 leaf;			/* bits of every leaf */
	u64 large;			/* extra bit of a leaf above level 1 */
	u64 write, read, exec, no_exec; /* whichever the format has, else 0 */
	u64 cached, uncached;
	u64 user;	   /* bits of a leaf that ring 3 may reach; 0: a guest's */
	u8 max_leaf_level; /* 2: 2 MiB, 3: 1 GiB */
};

struct pagetable {
	const struct paging_format *format;
	u64 *root;     /* (c) */
	u16 owner;     /* (c) frame owner that may be mapped; OWNER_NONE: any (the host's tables) */
	u8 levels;     /* (c) 4 */
	u8 table_type; /* (c) enum frame_type of its table pages */
};

extern const struct paging_format host_format, compartment_format;

/* Takes an empty root page. -ENOMEM. */
int __must_check pt_init(struct pagetable *pt, const struct paging_format *f, u16 owner);
/*
 * Maps [va, va+len) to pa with large leaves where alignment and the format allow. len and both
 * addresses in whole pages. -EACCES: a frame has another owner; -EEXIST: something is mapped there;
 * -ENOMEM. On an error nothing stays mapped.
 */
int __must_check pt_map(struct pagetable *pt, u64 va, hpa_t pa, u64 len, u32 prot);
void pt_unmap(struct pagetable *pt, u64 va, u64 len);
/* Changes the protection of what is mapped, splitting large leaves. -ENOMEM. */
int __must_check pt_protect(struct pagetable *pt, u64 va, u64 len, u32 prot);
/* The leaf that maps va: its value, and its level (1: 4 KiB) in *level; 0 when nothing does. */
u64 pt_lookup(const struct pagetable *pt, u64 va, u32 *level);
/* Frees every table page. */
void pt_destroy(struct pagetable *pt);
/* The entry for va at `level`, with the tables above it. NULL: -ENOMEM. */
u64 *pt_entry_make(struct pagetable *pt, u64 va, u32 level);

/*
 * The host's own tables.
 */
extern struct pagetable host_tables;
/* Image, pool and windows, W^X; loads CR3. `image` is where the image was loaded. */
int __must_check paging_init(hpa_t image);
/* What all compartments share. -ENOMEM. */
int __must_check paging_init_compartments(void);
/* Maps physical memory at MAP_BASE and up, for good: devices, ACPI, modules. NULL: no room. */
void *host_map(hpa_t pa, u64 len, u32 prot);
/* Before paging_init(): reads through the early window, which the next call reuses. NULL: too long.
 */
const void *early_map(hpa_t pa, u64 len);
/* Before paging_init(): makes the pool reachable at DIRECT_BASE. Not across a 1 GiB boundary. */
void early_map_pool(hpa_t pa, u64 len);
/* A page of the pool became a table (read-only once sealed) or stopped being one. */
void page_typed(void *page, bool table);
/* Stores a table entry; the one place that may, reached through the L1 gate. */
void table_store(u64 *entry, u64 value);
