/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address space identifiers of both back ends: one for each vCPU as long as there are some. One
 * that was given back may be in other CPUs' TLBs still; a new vCPU begins with a flush, and with
 * another wherever it has not run last. Under LOCK_LIFE.
 */
#include "arch/x86/hv.h"

#define ASIDS 512u

static u64 taken[ASIDS / 64]; /* a bit for each */

u32 asid_take(u32 shared)
{
	for (u32 id = 1; id < MIN(shared, ASIDS); id++) {
		if (taken[id / 64] & BIT(id % 64))
			continue;
		taken[id / 64] |= BIT(id % 64);
		return id;
	}
	return shared;
}

void asid_give(u32 asid)
{
	if (asid < ASIDS)
		taken[asid / 64] &= ~BIT(asid % 64);
}
