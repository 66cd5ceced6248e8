/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk of a VM exit starts here: what must be done before an entry (one word of hazards says
 * whether anything), the entry, and the exit handed to the one table in exit.c.
 */
#include "core/l3/run.h"

#include "arch/x86/cpu.h"
#include "arch/x86/smp.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l2/bus.h"
#include "core/l2/console.h"
#include "core/l2/gate.h"
#include "core/l2/sched.h"
#include "core/l3/exit.h"
#include "core/l3/inject.h"
#include "kfv/hook.h"

/* Deals with everything that is not "enter again". True: the vCPU gives up the CPU. */
static bool handle_hazards(struct vcpu *v)
{
	smp_quiet();
	/* Woken for whatever it was: SDM volume 2, "HLT", what is masked does not end that. */
	if (v->asleep && !v->halted) {
		lock_take(&v->vm->lock);
		if (!vcpu_wakes(v))
			vcpu_halt(v);
		lock_give(&v->vm->lock);
	}
	if (v->hazard & HAZARD_INIT) {
		vcpu_hazard_done(v, HAZARD_INIT);
		sched_do_init(v);
	}
	if (v->hazard & HAZARD_MAIL) {
		vcpu_hazard_done(v, HAZARD_MAIL);
		bus_deliver(v->vm);
	}
	if (v->hazard & HAZARD_TIMER) {
		vcpu_hazard_done(v, HAZARD_TIMER);
		sched_timers_run();
	}
	if (sched_must_leave(v) || console_wants_cpu() || (v->asleep && !vcpu_wakes(v)))
		return true;
	v->asleep = false;
	if (v->hazard & HAZARD_EVENT) {
		lock_take(&v->vm->lock);
		inject_events(v);
		lock_give(&v->vm->lock);
	}
	return false;
}

/* By the highest bit of the ticks: slots grow by four, below 256, 1 K, 4 K, ... */
static const u8 slot_of_bit[64] = {
	[8 ... 9] = 1,
	[10 ... 11] = 2,
	[12 ... 13] = 3,
	[14 ... 15] = 4,
	[16 ... 17] = 5,
	[18 ... 19] = 6,
	[20 ... 63] = HISTOGRAM_SLOTS - 1,
};

static void count(struct exit_stats *s, u64 ticks)
{
	s->ticks += ticks;
	s->slots[slot_of_bit[63 ^ __builtin_clzll(ticks | 1)]]++;
}

void vcpu_run(struct vcpu *v)
{
	struct exit *exit = &v->exit;
	u64 done = rdtsc();

	for (;;) {
		u64 entered = done, left;

		/*
		 * Not for a CPU, but for emulators that keep interrupts from ending the run of a
		 * guest whose IF is clear (tests/faults): beside one that exits without end,
		 * neither a timer nor the serial line would be heard.
		 */
		if (unlikely(!++v->exits))
			exit_take_interrupt(v, exit);
		if (unlikely(v->hazard | console_has_work)) {
			if (handle_hazards(v))
				return;
			entered = rdtsc();
		}
		if (unlikely(!l2_gate_enter(&v->hrsc, v->hv.control))) {
			vm_fail(v->vm, "its control structure may not be used");
			return;
		}
		hv->enter(&v->hv, exit);
		left = rdtsc();
		v->guest_ticks += left - entered;
		if (unlikely(v->hv.has_pending))
			vcpu_hazard(v, HAZARD_EVENT);
		l1_gate_exit(&v->hrsc, exit->kind, v->hv.rip, left - entered);
		exit_handle(v, exit);
		done = rdtsc();
		count(&v->stats[exit->kind], done - left);
	}
}
