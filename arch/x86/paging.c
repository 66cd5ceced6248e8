/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walker shared by host tables, compartments, NPT and EPT. Table pages come from the nucleus's
 * pool and are reached through its direct mapping, read-only once sealed; every store goes through
 * the L1 gate.
 */
#include "arch/x86/paging.h"

#include "arch/x86/cpu.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/lib/string.h"

#define ENTRY_ADDRESS 0x000ffffffffff000ull
#define ENTRIES	      512

const struct paging_format host_format = {
	.name = "host",
	.present = BIT(0),
	.table = BIT(0) | BIT(1),
	.leaf = BIT(0) | BIT(5) | BIT(6),
	.large = BIT(7),
	.write = BIT(1),
	.no_exec = BIT(63),
	.uncached = BIT(3) | BIT(4),
	.user = BIT(2),
	.max_leaf_level = 2,
};

/* The same for tables whose leaves say whether ring 3 may reach them. */
const struct paging_format compartment_format = {
	.name = "compartment",
	.present = BIT(0),
	.table = BIT(0) | BIT(1) | BIT(2),
	.leaf = BIT(0) | BIT(5) | BIT(6),
	.write = BIT(1),
	.no_exec = BIT(63),
	.user = BIT(2),
	.max_leaf_level = 1,
};

static u64 level_size(u32 level)
{
	return 1ull << (PAGE_SHIFT + 9 * (level - 1));
}

static u64 *entry_of(u64 *table, u64 va, u32 level)
{
	return &table[(va >> (PAGE_SHIFT + 9 * (level - 1))) & (ENTRIES - 1)];
}

static u64 *table_of(u64 entry)
{
	return pool_ptr(HPA(entry & ENTRY_ADDRESS));
}

static bool is_leaf(const struct paging_format *f, u64 entry, u32 level)
{
	return level == 1 || (entry & f->large);
}

static u64 leaf_value(const struct paging_format *f, hpa_t pa, u32 prot, u32 level)
{
	u64 e = pa.v | f->leaf;

	if (level > 1)
		e |= f->large;
	if (prot & PROT_READ)
		e |= f->read;
	if (prot & PROT_WRITE)
		e |= f->write;
	if (prot & PROT_USER)
		e |= f->user;
	e |= prot & PROT_EXEC ? f->exec : f->no_exec;
	return e | (prot & PROT_UNCACHED ? f->uncached : f->cached);
}

int pt_init(struct pagetable *pt, const struct paging_format *f, u16 owner)
{
	pt->format = f;
	pt->owner = owner;
	pt->levels = 4;
	pt->table_type = f->user ? FRAME_HOST_TABLE : FRAME_S2_TABLE;
	pt->root = page_alloc(pt->table_type);
	return pt->root ? 0 : -ENOMEM;
}

/* Replaces a large leaf by a table of leaves one level down that say the same. */
static int split(struct pagetable *pt, u64 *entry, u32 level)
{
	u64 *table = page_alloc(pt->table_type);
	u64 child = *entry, step = level_size(level - 1);

	if (!table)
		return -ENOMEM;
	if (level == 2)
		child &= ~pt->format->large;
	for (u32 i = 0; i < ENTRIES; i++)
		l1_gate_table_write(&table[i], child + i * step);
	l1_gate_table_write(entry, virt_to_hpa(table).v | pt->format->table);
	return 0;
}

/*
 * The entry for va at `level`, making the tables above it and splitting large leaves in the way.
 * NULL when the pool is empty.
 */
u64 *pt_entry_make(struct pagetable *pt, u64 va, u32 level)
{
	u64 *table = pt->root;

	for (u32 l = pt->levels; l > level; l--) {
		u64 *e = entry_of(table, va, l);

		if (!(*e & pt->format->present)) {
			u64 *next = page_alloc(pt->table_type);

			if (!next)
				return NULL;
			l1_gate_table_write(e, virt_to_hpa(next).v | pt->format->table);
		} else if (is_leaf(pt->format, *e, l) && split(pt, e, l) < 0) {
			return NULL;
		}
		table = table_of(*e);
	}
	return entry_of(table, va, level);
}

/* The present leaf entry that covers va, and its level; NULL when there is none. */
static u64 *entry_find(const struct pagetable *pt, u64 va, u32 *level)
{
	u64 *table = pt->root;

	for (u32 l = pt->levels; l; l--) {
		u64 *e = entry_of(table, va, l);

		*level = l;
		if (!(*e & pt->format->present))
			return NULL;
		if (is_leaf(pt->format, *e, l))
			return e;
		table = table_of(*e);
	}
	return NULL;
}

/* After a change of the host's own tables; those of a VM are flushed at its next entry. */
static void forget(const struct pagetable *pt, u64 va)
{
	if (pt->format == &host_format)
		invlpg(va);
}

static bool owned(const struct pagetable *pt, hpa_t pa, u64 len)
{
	if (pt->owner == OWNER_NONE)
		return true;
	for (u64 at = 0; at < len; at += PAGE_SIZE) {
		if (!frame_owned(HPA(pa.v + at), pt->owner))
			return false;
		if (!((pa.v + at) & (BLOCK_SIZE - 1)) && len - at >= BLOCK_SIZE)
			at += BLOCK_SIZE - PAGE_SIZE; /* a block has one owner */
	}
	return true;
}

static u32 leaf_level(const struct pagetable *pt, u64 va, u64 pa, u64 len)
{
	u32 level = pt->format->max_leaf_level;

	while (level > 1 && (((va | pa) & (level_size(level) - 1)) || len < level_size(level)))
		level--;
	return level;
}

static int map_leaf(struct pagetable *pt, u64 va, hpa_t pa, u32 level, u32 prot)
{
	u64 *e = pt_entry_make(pt, va, level);

	if (!e)
		return -ENOMEM;
	if (*e & pt->format->present)
		return -EEXIST;
	l1_gate_table_write(e, leaf_value(pt->format, pa, prot, level));
	return 0;
}

int pt_map(struct pagetable *pt, u64 va, hpa_t pa, u64 len, u32 prot)
{
	u64 done = 0;

	CHECK(!((va | pa.v | len) & ~PAGE_MASK));
	/* W^X is the host's own rule; what a guest does with its memory is the guest's. */
	CHECK(!pt->format->user || (prot & (PROT_WRITE | PROT_EXEC)) != (PROT_WRITE | PROT_EXEC));
	if (!owned(pt, pa, len))
		return -EACCES;
	while (done < len) {
		u32 level = leaf_level(pt, va + done, pa.v + done, len - done);
		int err = map_leaf(pt, va + done, HPA(pa.v + done), level, prot);

		if (err) {
			pt_unmap(pt, va, done);
			return err;
		}
		done += level_size(level);
	}
	return 0;
}

void pt_unmap(struct pagetable *pt, u64 va, u64 len)
{
	for (u64 at = 0; at < len;) {
		u32 level = 1;
		u64 *e = entry_find(pt, va + at, &level);
		u64 step = level_size(level) - ((va + at) & (level_size(level) - 1));

		if (e && level > 1 && (step != level_size(level) || len - at < step)) {
			CHECK(pt_entry_make(pt, va + at, 1));
			continue;
		}
		if (e) {
			l1_gate_table_write(e, 0);
			forget(pt, va + at);
		}
		at += step;
	}
}

int pt_protect(struct pagetable *pt, u64 va, u64 len, u32 prot)
{
	for (u64 at = 0; at < len;) {
		u32 level = 1;
		u64 *e = entry_find(pt, va + at, &level);
		u64 size = level_size(level);

		if (e && level > 1 && (((va + at) & (size - 1)) || len - at < size)) {
			if (!pt_entry_make(pt, va + at, level - 1))
				return -ENOMEM;
			continue;
		}
		if (e) {
			hpa_t pa = HPA(*e & ENTRY_ADDRESS & ~(size - 1));

			l1_gate_table_write(e, leaf_value(pt->format, pa, prot, level));
			forget(pt, va + at);
		}
		at += size;
	}
	return 0;
}

u64 pt_lookup(const struct pagetable *pt, u64 va, u32 *level)
{
	const u64 *e = entry_find(pt, va, level);

	return e ? *e : 0;
}

static void free_tables(const struct pagetable *pt, u64 *table, u32 level)
{
	for (u32 i = 0; level > 1 && i < ENTRIES; i++) {
		if ((table[i] & pt->format->present) && !is_leaf(pt->format, table[i], level))
			free_tables(pt, table_of(table[i]), level - 1);
	}
	pages_free(table, 1);
}

void pt_destroy(struct pagetable *pt)
{
	if (pt->root)
		free_tables(pt, pt->root, pt->levels);
	pt->root = NULL;
}
