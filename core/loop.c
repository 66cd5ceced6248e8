/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main loop. Above the layers, because it connects them: L2 says whose turn it is, L3 runs it.
 * Interrupts are on in idle() alone.
 */
#include "core/loop.h"

#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/console.h"
#include "core/l2/sched.h"
#include "core/l2/vm.h"
#include "core/l3/pvclock.h"
#include "core/l3/run.h"
#include "drivers/api/config.h"
#include "kfv/hook.h"

static void (*all_ended)(void); /* (c) after boot */

void loop_when_all_ended(void (*done)(void))
{
	all_ended = done;
}

static void turn(struct vcpu *v)
{
	sched_enter(v);
	pvclock_update(v);
	vcpu_run(v);
	sched_leave();
}

static bool again; /* (a) the house is to be kept once more: see keep_house() */

/* Piece by piece, as guests may ask for this all the time, and others wait for LOCK_LIFE. */
static void restart(struct vm *vm)
{
	int err = vm_restart_early(vm) ? vm_restart(vm) : -EAGAIN;

	if (err == -EAGAIN)
		again = true;
	else if (err)
		log_error("vm %s: not restarted (%d)", vm->name, err);
}

/* A guest that asked for a reboot gets one, if its configuration says so. False: none is alive. */
static bool keep_alive(void)
{
	bool alive = false;

	for (u32 id = 1; id <= VM_MAX; id++) {
		struct vm *vm = vms[id];

		if (!vm)
			continue;
		if (vm->state == VM_STOPPED && vm->ended == END_REBOOT &&
			vm->config->reboot == REBOOT_RESTART)
			restart(vm);
		alive |= vm->state != VM_STOPPED;
	}
	return alive;
}

/*
 * What must be done between turns. Who finds another CPU at it leaves it to that one, which begins
 * anew then: it may have been past what there is to do now. tests/models/lifecycle.pml has this.
 */
static void keep_house(void)
{
	__atomic_store_n(&again, true, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(&again, __ATOMIC_SEQ_CST) && lock_try(&life_lock)) {
		__atomic_store_n(&again, false, __ATOMIC_SEQ_CST);
		sched_orchestrated();
		hook_orchestrate();
		if (console_has_work && this_cpu(id) == 0)
			console_poll();
		if (!keep_alive() && !again && all_ended)
			all_ended();
		lock_give(&life_lock);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (console_has_work && this_cpu(id)) {
			smp_kick(0);
			break; /* that one begins anew, too */
		}
	}
}

static void idle(void)
{
	u64 from;

	sched_unload();
	sched_timers_run();
	if (sched_anyone() || console_wants_cpu())
		return;
	from = time_now_ns();
	asm volatile("sti; hlt; cli" ::: "memory");
	this_cpu(idle_ns) += time_now_ns() - from;
	this_cpu(idle) = false; /* the house may need it for long */
}

void loop_round(void)
{
	struct vcpu *v;

	smp_quiet();
	keep_house();
	v = sched_next();
	if (v)
		turn(v);
	else
		idle();
}

void loop_run(void)
{
	for (;;)
		loop_round();
}
