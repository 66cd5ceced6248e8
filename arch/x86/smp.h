/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs among themselves: interrupts from one to another, forgetting of translations, stopping. The
 * nucleus has interrupts off: a request is answered by a guest's exit, by a CPU in HLT, or by one
 * that waits for a lock or for an answer itself (smp_poll).
 */
#pragma once

#include "core/lib/types.h"

#define CPU_NONE (~0u)

struct percpu;
extern u32 cpu_count; /* (c) after boot: CPUs that run, ids from 0 */

/* The kick's and the stop's handlers. Once, before other CPUs run. */
void smp_init(void);
/* Makes CPU `id` look again: out of a guest, or out of HLT. Nothing when it is the one that asks.
 */
void smp_kick(u32 id);
/* Answers what other CPUs have asked for. To be called in every loop that waits for another CPU. */
void smp_poll(void);
/*
 * A turn of a loop that waits for CPU `id`, *began 0 before the first: panics with where that CPU
 * is when it does not answer for much longer than anything takes.
 */
void smp_wait_for(u32 id, u64 *began);
/* A mapping of the host became less: returns when no CPU can use the old one any more. */
void smp_flush(void);
/* Between two turns this CPU has nothing in its hands that another could free. */
void smp_quiet(void);
/* Returns when every other CPU has been quiet once since. Only with LOCK_LIFE at most held. */
void smp_wait_quiet(void);
/* Ends all other CPUs, by NMI where nothing else gets through. */
void smp_stop_others(void);
bool smp_stopping(void);
