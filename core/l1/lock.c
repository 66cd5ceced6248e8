/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a lock, and the check of the order in the test image. */
#include "core/l1/lock.h"

#include "arch/x86/cpu.h"
#include "arch/x86/panic.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "core/l1/log.h"

void lock_wait(struct lock *l)
{
	/* A hypervisor's CPU may stand still while it is next, and all who queue behind it too. */
	bool queue = !cpu_features.hypervisor;
	u16 ticket = queue ? __atomic_fetch_add(&l->next, 1, __ATOMIC_ACQUIRE) : 0;

	while (queue ? __atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket
		     : lock_busy(l) || !lock_free_ticket(l)) {
		if (smp_stopping())
			return; /* a panic breaks every lock */
		smp_poll();
		cpu_relax();
	}
}

bool lock_try(struct lock *l)
{
	if (!lock_free_ticket(l))
		return false;
	lock_order_taken(l, __builtin_return_address(0));
	return true;
}

bool lock_take_again(struct lock *l)
{
	u16 me = (u16)(this_cpu(id) + 1);

	if (__atomic_load_n(&l->holder, __ATOMIC_RELAXED) == me)
		return false;
	lock_take(l);
	__atomic_store_n(&l->holder, me, __ATOMIC_RELAXED);
	return true;
}

void lock_give_again(struct lock *l, bool taken)
{
	if (!taken)
		return;
	__atomic_store_n(&l->holder, 0, __ATOMIC_RELAXED);
	lock_give(l);
}

#if CONFIG_TEST
static const char *const rank_names[LOCK_RANKS] = {
	[LOCK_LIFE] = "life",
	[LOCK_VM] = "vm",
	[LOCK_SWITCH] = "switch",
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

void lock_order_taken(const struct lock *l, const void *site)
{
	const void **held = taken_at[this_cpu(id)];

	if (!lock_order_checked)
		return;
	for (u32 rank = l->rank; rank < LOCK_RANKS && !smp_stopping(); rank++) {
		if (held[rank])
			say_broken(rank, l->rank, site);
	}
	held[l->rank] = site ? site : (const void *)lock_order_taken;
}

void lock_order_given(const struct lock *l)
{
	taken_at[this_cpu(id)][l->rank] = NULL;
}
#endif
