/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for a lock. The check of the order is the test image's: tests/image/lock_order.c. */
#include "core/l1/lock.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"

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

bool lock_mine(const struct lock *l)
{
	return __atomic_load_n(&l->holder, __ATOMIC_RELAXED) == this_cpu(id) + 1;
}

bool lock_take_again(struct lock *l)
{
	if (lock_mine(l))
		return false;
	lock_take(l);
	__atomic_store_n(&l->holder, (u16)(this_cpu(id) + 1), __ATOMIC_RELAXED);
	return true;
}

void lock_give_again(struct lock *l, bool taken)
{
	if (!taken)
		return;
	__atomic_store_n(&l->holder, 0, __ATOMIC_RELAXED);
	lock_give(l);
}
