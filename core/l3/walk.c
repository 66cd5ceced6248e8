/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One loop for all five paging modes; they differ in levels, bits per level and width of an entry.
 * Tables are the guest's: they may loop, point outside RAM or change meanwhile. The loop goes down
 * one level at a time and is bounded by that alone.
 */
#include "core/l3/walk.h"

#include "arch/x86/cpu.h"
#include "arch/x86/window.h"

#define PTE_P	   BIT(0)
#define PTE_W	   BIT(1)
#define PTE_U	   BIT(2)
#define PTE_A	   BIT(5)
#define PTE_D	   BIT(6)
#define PTE_PS	   BIT(7)
#define PTE_NX	   BIT(63)
#define PTE_FRAME  0x000ffffffffff000ull
#define PTE_PAT_PS BIT(12) /* of a large leaf: not part of its address */

#define RFLAGS_AC BIT(18)

#define TRIES 4 /* against tables that change under the walk */

struct walk {
	struct vcpu *v;
	u64 linear, cr3, cr4, efer;
	u32 error; /* PF_WRITE, PF_USER and PF_FETCH as they apply */
	u8 levels; /* 0: paging is off */
	u8 bits;   /* of the address, for each level */
	u8 width;  /* of an entry in bytes */
	bool code; /* no checks, no accessed and dirty bits */
};

static __always_inline void find_mode(struct walk *w)
{
	const struct hv_vcpu *v = &w->v->hv;

	w->efer = hv->reg_read(v, REG_EFER);
	w->cr4 = hv->reg_read(v, REG_CR4);
	w->cr3 = hv->reg_read(v, REG_CR3) & PTE_FRAME;
	w->bits = 9;
	w->width = 8;
	if (likely(w->efer & EFER_LMA)) {
		w->levels = w->cr4 & CR4_LA57 ? 5 : 4;
		return;
	}
	w->linear = (u32)w->linear;
	if (!(hv->reg_read(v, REG_CR0) & CR0_PG)) {
		w->levels = 0;
	} else if (w->cr4 & CR4_PAE) {
		w->levels = 3;
		w->cr3 = hv->reg_read(v, REG_CR3) & 0xffffffe0;
	} else {
		w->levels = 2;
		w->bits = 10;
		w->width = 4;
	}
}

static bool is_pae_top(const struct walk *w, u32 level)
{
	return w->levels == 3 && level == 3;
}

static bool is_leaf(const struct walk *w, u64 entry, u32 level)
{
	if (level == 1)
		return true;
	if (!(entry & PTE_PS) || level > 3 || is_pae_top(w, level))
		return false;
	return w->width == 8 || (w->cr4 & CR4_PSE);
}

static u64 leaf_span(const struct walk *w, u32 level)
{
	return 1ull << (PAGE_SHIFT + w->bits * (level - 1));
}

/* Bits that must be 0: all ones, which is what memory that is not there reads as, always fails. */
static bool has_reserved(const struct walk *w, u64 entry, u32 level)
{
	if (w->width == 4)
		return level == 2 && is_leaf(w, entry, level) && (entry & BIT(21));
	if ((entry & PTE_NX) && (!(w->efer & EFER_NXE) || is_pae_top(w, level)))
		return true;
	if (is_pae_top(w, level))
		return entry & 0x1e6;
	if (level > 3)
		return entry & PTE_PS;
	return level > 1 && is_leaf(w, entry, level) &&
	       (entry & (leaf_span(w, level) - 1) & PTE_FRAME & ~PTE_PAT_PS);
}

/* Rights are those that all levels grant. */
static bool is_allowed(const struct walk *w, u64 rights)
{
	const struct hv_vcpu *v = &w->v->hv;

	if (w->error & PF_USER)
		return (rights & PTE_U) && (!(w->error & PF_WRITE) || (rights & PTE_W));
	if ((rights & PTE_U) && (w->cr4 & CR4_SMAP) && !(v->rflags & RFLAGS_AC))
		return false;
	return !(w->error & PF_WRITE) || (rights & PTE_W) || !(hv->reg_read(v, REG_CR0) & CR0_WP);
}

/* Accessed and dirty bits, unless the entry has changed since it was read: then -EAGAIN. */
static int mark(const struct walk *w, hpa_t at, u64 entry, bool leaf)
{
	u64 want = entry | PTE_A | (leaf && (w->error & PF_WRITE) ? PTE_D : 0);

	return want == entry || window_exchange(at, w->width, entry, want) ? 0 : -EAGAIN;
}

static u64 leaf_address(const struct walk *w, u64 entry, u32 level)
{
	u64 offset = leaf_span(w, level) - 1;
	u64 frame = entry & PTE_FRAME & ~offset;

	/* A 4 MiB page of the 32-bit mode keeps address bits 39:32 in bits 20:13. */
	if (w->width == 4 && level == 2)
		frame |= (entry >> 13 & 0xff) << 32;
	return frame | (w->linear & offset);
}

static int fault(const struct walk *w, u32 why, struct page_fault *pf)
{
	*pf = (struct page_fault){ w->linear, w->error | why };
	return -EFAULT;
}

static u64 read_entry(const struct walk *w, hpa_t at)
{
	u64 word = window_read64(HPA(at.v & ~7ull));

	return w->width == 8 ? word : (u32)(word >> (at.v & 4) * 8);
}

static __always_inline int descend(struct walk *w, gpa_t *out, struct page_fault *pf)
{
	u64 rights = ~0ull, table = w->cr3, entry;
	hpa_t at;

	for (u32 level = w->levels; level; level--) {
		u32 shift = PAGE_SHIFT + w->bits * (level - 1);
		u64 index = w->linear >> shift & ((1u << w->bits) - 1);
		bool leaf;

		if (vm_ram(w->v->vm, GPA(table + index * w->width), &at) < 0)
			return fault(w, PF_PRESENT | PF_RESERVED, pf);
		entry = read_entry(w, at);
		if (!(entry & PTE_P))
			return fault(w, 0, pf);
		if (!w->code && has_reserved(w, entry, level))
			return fault(w, PF_PRESENT | PF_RESERVED, pf);
		leaf = is_leaf(w, entry, level);
		if (!is_pae_top(w, level)) {
			rights &= entry;
			if (leaf && !w->code && !is_allowed(w, rights))
				return fault(w, PF_PRESENT, pf);
			if (!w->code && mark(w, at, entry, leaf) < 0)
				return -EAGAIN;
		}
		table = entry & PTE_FRAME;
		if (leaf) {
			*out = GPA(leaf_address(w, entry, level));
			return 0;
		}
	}
	*out = GPA(w->linear);
	return 0;
}

int guest_walk(struct vcpu *v, u64 linear, bool write, gpa_t *out, struct page_fault *pf)
{
	struct walk w = { .v = v, .linear = linear };
	int err = -EAGAIN;

	w.error = (write ? PF_WRITE : 0) | (hv->cpl(&v->hv) == 3 ? PF_USER : 0);
	find_mode(&w);
	for (u32 i = 0; i < TRIES && err == -EAGAIN; i++)
		err = descend(&w, out, pf);
	return err;
}

int guest_walk_code(struct vcpu *v, u64 linear, gpa_t *out, struct page_fault *pf)
{
	struct walk w = { .v = v, .linear = linear, .code = true };
	int err;

	find_mode(&w);
	err = descend(&w, out, pf);
	if (unlikely(err)) {
		if ((w.efer & EFER_NXE) || (w.cr4 & CR4_SMEP))
			pf->error |= PF_FETCH;
		pf->error |= hv->cpl(&v->hv) == 3 ? PF_USER : 0;
	}
	return err;
}
