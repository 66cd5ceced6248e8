/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs: round-robin by time slice on one CPU; those in HLT wait for their event. Idle is
 * the only place where the nucleus has interrupts on.
 */
#pragma once

#include "core/l2/vm.h"

#define SLICE_NS 5000000ull

/* The next vCPU that can run, in turn; NULL when all wait. */
struct vcpu *sched_next(void);
/* Could any vCPU run? */
bool sched_anyone(void);
/* Around a vCPU's turn on this CPU. */
void sched_enter(struct vcpu *v);
void sched_leave(void);
/* Something happened for v: wakes it from HLT and makes it look before it enters again. */
void vcpu_kick(struct vcpu *v);
/* A start-up IPI: v begins in real mode at vector * 4 KiB, if it was waiting for one. */
void vcpu_start_at(struct vcpu *v, u8 sipi_vector);
/* The vCPU that runs on this CPU, NULL in between. */
struct vcpu *vcpu_current(void);
/* Asks the running vCPU to come out at the next exit and let the others have a turn. */
void sched_yield(struct vcpu *v);
/* v, which is running, may go on for so many slices from now (at most 1000). */
void sched_new_slice(struct vcpu *v, u64 slices);
/* v is about to be reset or freed: the CPU must not hold its state any more. */
void sched_forget(struct vcpu *v);
/* Some deadline changed: the physical timer is set anew before the next entry. */
void sched_timers_changed(void);
/* Fires what is due and arms the physical timer for the earliest of the rest. */
void sched_timers_run(void);
/* Before an entry: was v's slice used up, or is it to stop? */
bool sched_must_leave(struct vcpu *v);
