/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a guest's linear addresses to its physical ones, by its own page tables as they are in its
 * memory now (SDM volume 3, "Paging"; APM volume 2, "Page Translation and Protection").
 */
#pragma once

#include "core/l2/vm.h"

#define PF_PRESENT  1u
#define PF_WRITE    2u
#define PF_USER	    4u
#define PF_RESERVED 8u
#define PF_FETCH    16u

/* A #PF to be: CR2 and the error code. */
struct page_fault {
	u64 address;
	u32 error;
};

/*
 * Where v's data access at `linear` goes, with the rights of its CPL; sets the accessed and dirty
 * bits. The address need not be in RAM. -EFAULT: *pf says why; -EAGAIN: the tables change while
 * they are read.
 */
int __must_check guest_walk(
	struct vcpu *v, u64 linear, bool write, gpa_t *out, struct page_fault *pf);
/*
 * The same for code that the CPU has just executed: it has checked the rights and set the bits
 * itself, so that neither is done. Never -EAGAIN.
 */
int __must_check guest_walk_code(struct vcpu *v, u64 linear, gpa_t *out, struct page_fault *pf);
