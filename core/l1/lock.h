/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ticket locks, and the one order in which they are taken. A CPU that holds a lock may only take
 * locks of a higher rank; the test image checks that and names both places when it is broken.
 * Interrupts are off in the nucleus, so a lock is never taken inside another's critical section by
 * an interrupt of the same CPU; a CPU that waits answers requests of the others (smp_poll).
 */
#pragma once

#include "config.h"
#include "core/lib/types.h"

enum lock_rank {
	LOCK_LIFE,    /* which VMs there are: creation, end, restart, commands, the VO's plans */
	LOCK_VM,      /* each VM's devices, local APICs and stage 2; never two of them */
	LOCK_DEVICE,  /* the physical drivers and their ports, called from within VMs' devices */
	LOCK_SWITCH,  /* each switch's ports, called from within such a device, or a driver */
	LOCK_MAP,     /* the host's own page tables */
	LOCK_CONSOLE, /* log, multiplexer, serial ports, screen */
	LOCK_KFV,     /* agents, orchestrators' memory, evidence ring */
	LOCK_BUS,     /* messages and grants, while bytes move between them */
	LOCK_SCHED,   /* states and queue of vCPUs */
	LOCK_MEMORY,  /* frames and the pool */
	LOCK_RANKS,
};

struct lock {
	u16 next, serving; /* (a) */
	u16 holder;	   /* (o) the CPU's id + 1, for lock_take_again(); else 0 */
	u8 rank;	   /* (c) enum lock_rank */
};

#define LOCK_INIT(r)                                                                               \
	{                                                                                          \
		.rank = (r)                                                                        \
	}

static inline bool lock_busy(const struct lock *l)
{
	return __atomic_load_n(&l->next, __ATOMIC_RELAXED) !=
	       __atomic_load_n(&l->serving, __ATOMIC_RELAXED);
}

/* Takes what somebody else holds. */
void lock_wait(struct lock *l);

#if CONFIG_TEST
extern bool lock_order_checked; /* the bench measures what a release does */
/* site: where it is taken, for the message; NULL: where this is called. */
void lock_order_note_taken(const struct lock *l, const void *site);
void lock_order_note_given(const struct lock *l);
#define lock_order_taken(l, site) (lock_order_checked ? lock_order_note_taken(l, site) : (void)0)
#define lock_order_given(l)	  (lock_order_checked ? lock_order_note_given(l) : (void)0)
#else
#define lock_order_taken(l, site) (void)(l)
#define lock_order_given(l)	  (void)(l)
#endif

/* The next ticket, if it is served at once. */
static __always_inline bool lock_free_ticket(struct lock *l)
{
	u16 ticket = __atomic_load_n(&l->serving, __ATOMIC_RELAXED);

	return __atomic_compare_exchange_n(
		&l->next, &ticket, (u16)(ticket + 1), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static __always_inline void lock_take(struct lock *l)
{
	if (unlikely(!lock_free_ticket(l)))
		lock_wait(l);
	lock_order_taken(l, NULL);
}

static __always_inline void lock_give(struct lock *l)
{
	lock_order_given(l);
	__atomic_store_n(&l->serving, (u16)(l->serving + 1), __ATOMIC_RELEASE);
}

/* False at once if somebody holds it. */
bool __must_check lock_try(struct lock *l);

/* Did this CPU take it by lock_take_again()? */
bool lock_mine(const struct lock *l);
/* Takes it unless this CPU holds it already; returns what lock_give_again() is to be told. */
bool __must_check lock_take_again(struct lock *l);
void lock_give_again(struct lock *l, bool taken);
