/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs: round-robin by time slice on one CPU; those in HLT wait for their event. Idle is
 * the only place where the nucleus has interrupts on.
 */
#pragma once

#include "core/l2/vm.h"

#define SLICE_NS 5000000ull

/* Runs VMs and the console for ever. */
void sched_loop(void) __attribute__((noreturn));
/* Something happened for v: wakes it from HLT and makes it look before it enters again. */
void vcpu_kick(struct vcpu *v);
/* A start-up IPI: v begins in real mode at vector * 4 KiB, if it was waiting for one. */
void vcpu_start_at(struct vcpu *v, u8 sipi_vector);
/* The vCPU that runs on this CPU, NULL in between. */
struct vcpu *vcpu_current(void);
/* Asks the running vCPU to come out at the next exit and let the others have a turn. */
void sched_yield(struct vcpu *v);
