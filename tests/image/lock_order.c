/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order of locks, checked at each one that is taken in the test image. Only what a lock was
 * waited for or tried for counts: its ticket is served by then.
 */
#include "core/l1/lock.h"

#include "arch/x86/panic.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "core/l1/log.h"

static const char *const rank_names[LOCK_RANKS] = {
	[LOCK_LIFE] = "life",
	[LOCK_VM] = "vm",
	[LOCK_DEVICE] = "device",
	[LOCK_SWITCH] = "switch",
	[LOCK_BUS] = "bus",
	[LOCK_MAP] = "map",
	[LOCK_CONSOLE] = "console",
	[LOCK_KFV] = "kfv",
	[LOCK_SCHED] = "sched",
	[LOCK_MEMORY] = "memory",
};

bool lock_order_checked = true;
static const void *taken_at[CPU_MAX][LOCK_RANKS]; /* (o) by CPU: NULL: not held */

static void say_broken(u32 held, u32 wanted, const void *site)
{
	u64 at_held, at_wanted;
	const char *in_held = symbol_find((u64)taken_at[this_cpu(id)][held], &at_held);
	const char *in_wanted = symbol_find((u64)site, &at_wanted);

	panic("lock order: %s wanted at %s+%#lx, while %s is held since %s+%#lx",
		rank_names[wanted], in_wanted ? in_wanted : "?", at_wanted, rank_names[held],
		in_held ? in_held : "?", at_held);
}

void lock_order_note_taken(const struct lock *l, const void *site)
{
	const void **held = taken_at[this_cpu(id)];

	if (!site)
		site = __builtin_return_address(0);
	for (u32 rank = l->rank; rank < LOCK_RANKS && !smp_stopping(); rank++) {
		if (held[rank])
			say_broken(rank, l->rank, site);
	}
	held[l->rank] = site;
}

void lock_order_note_given(const struct lock *l)
{
	taken_at[this_cpu(id)][l->rank] = NULL;
}
