/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which vCPU runs where. All CPUs share one queue; the VM that has had the least time for its
 * weight goes first, and none more than its cap. A vCPU that a CPU has loaded is that CPU's
 * until it is unloaded: it runs there, or waits in the queue for nobody else. Idle is the only
 * place where the nucleus has interrupts on.
 *
 * State is under LOCK_SCHED: VMs' states, halted, waiting, cpu, the queue. Who ends, pauses or
 * resets a VM sets its state first, then waits until its vCPUs are nowhere (sched_quiesce).
 * tests/models/lifecycle.pml is the model of that.
 */
#pragma once

#include "core/l2/vm.h"

#define SLICE_NS       5000000ull
#define CAP_PERIOD_NS  100000000ull
#define WEIGHT_DEFAULT 100

/* Takes the next vCPU for this CPU out of the queue; NULL: this CPU is idle now. */
struct vcpu *sched_next(void);
/* Could this CPU run one now? */
bool sched_anyone(void);
/* Around a vCPU's turn on this CPU. */
void sched_enter(struct vcpu *v);
void sched_leave(void);
/* This CPU saves what it has loaded and lets go of it. */
void sched_unload(void);
/* Something happened for v: wakes it from HLT and makes it look before it enters again. */
void vcpu_kick(struct vcpu *v);
/* Makes v look at the hazard before it goes on, wherever it runs. */
void vcpu_come_out(struct vcpu *v, u32 why);
/*
 * Its registers and its control structure lie still: v is this CPU's, or nobody's and stays so. Who
 * has looked at them calls hv->vcpu_release() then.
 */
bool vcpu_at_hand(const struct vcpu *v);
/* v waits in HLT from now on, unless an event has come. */
void vcpu_halt(struct vcpu *v);
/* An INIT: v resets itself and waits for a start-up IPI. */
void vcpu_init_at(struct vcpu *v);
/* A start-up IPI: v begins in real mode at vector * 4 KiB, if it was waiting for one. */
void vcpu_start_at(struct vcpu *v, u8 sipi_vector);
/* What came for v by the two above is done by v itself, before it enters. */
void sched_do_init(struct vcpu *v);
/* The vCPU that runs on this CPU, NULL in between. */
struct vcpu *vcpu_current(void);
/* v does not run before until_ns, whoever asked for it first; 0: it may at once. */
void sched_throttle(struct vcpu *v, u64 until_ns);
/* Changes the VM's state, through the L2 gate, and makes its vCPUs come out or go on accordingly.
 */
void sched_set_state(struct vm *vm, enum vm_state state);
/*
 * Returns when no CPU has a vCPU of vm loaded. The VM must not be running. Not from within a turn,
 * and with LOCK_LIFE at most held.
 */
void sched_quiesce(struct vm *vm);
/* Some deadline changed: the physical timer is set anew before the next entry. */
void sched_timers_changed(void);
/* Fires what is due and arms the physical timer for the earliest of the rest. */
void sched_timers_run(void);
/*
 * No vCPU runs from now on, whatever happens to its VM; for who may not wait for LOCK_LIFE. Who has
 * it next, and keeps house, pauses the VMs by their names.
 */
void sched_freeze(void);
/* The VO is about to read what the vCPU loaded here came out for. With LOCK_LIFE. */
void sched_orchestrated(void);
/* Before an entry: was v's slice used up, or is it to stop? */
bool sched_must_leave(struct vcpu *v);
