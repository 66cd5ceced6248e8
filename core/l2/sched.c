/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One CPU, many vCPUs. Timers of drivers and local APICs are deadlines in their records; the
 * physical timer always holds the earliest of them or the end of the running slice.
 */
#include "core/l2/sched.h"

#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/percpu.h"
#include "core/l1/gate.h"
#include "core/l1/time.h"
#include "core/l2/console.h"
#include "kfv/hook.h"

static struct vcpu *loaded;    /* (o) whose FPU and debug registers the CPU holds */
static u32 last_vm, last_vcpu; /* (o) where the round-robin stands */

struct vcpu *vcpu_current(void)
{
	return this_cpu(vcpu);
}

void vcpu_kick(struct vcpu *v)
{
	v->hazard |= HAZARD_EVENT;
	v->halted = false;
}

void vcpu_start_at(struct vcpu *v, u8 sipi_vector)
{
	struct segment code = { (u16)(sipi_vector << 8), 0x9b, 0xffff, (u64)sipi_vector << 12 };

	if (!v->waiting)
		return;
	hv->segment_write(&v->hv, SEG_CS, &code);
	v->hv.rip = 0;
	v->waiting = false;
	vcpu_kick(v);
}

void sched_yield(struct vcpu *v)
{
	v->hazard |= HAZARD_RESCHED;
}

void sched_new_slice(struct vcpu *v, u64 slices)
{
	v->slice_end_ns = time_now_ns() + MIN(slices, 1000) * SLICE_NS;
}

void sched_timers_changed(void)
{
	if (vcpu_current())
		vcpu_current()->hazard |= HAZARD_TIMER;
}

static bool runnable(const struct vcpu *v, u64 now)
{
	return v->vm->state == VM_RUNNING && !v->waiting && !v->halted &&
	       v->throttled_until_ns <= now;
}

struct vcpu *sched_next(void)
{
	u32 vm = last_vm ? last_vm : 1, i = last_vcpu + 1;
	u64 now = time_now_ns();

	for (u32 tries = 0; tries <= VM_MAX; tries++) {
		for (; vms[vm] && i < vms[vm]->nvcpus; i++) {
			if (runnable(vms[vm]->vcpu[i], now)) {
				last_vm = vm;
				last_vcpu = i;
				return vms[vm]->vcpu[i];
			}
		}
		vm = vm % VM_MAX + 1;
		i = 0;
	}
	return NULL;
}

/* Could any vCPU other than v run? */
static bool someone_waits(const struct vcpu *v, u64 now)
{
	for (u32 id = 1; id <= VM_MAX; id++) {
		for (u32 i = 0; vms[id] && i < vms[id]->nvcpus; i++) {
			if (vms[id]->vcpu[i] != v && runnable(vms[id]->vcpu[i], now))
				return true;
		}
	}
	return false;
}

static void earlier(u64 *best, u64 deadline)
{
	if (deadline && (!*best || deadline < *best))
		*best = deadline;
}

/* Fires what is due in one VM and returns its next deadline, 0 none. */
static u64 run_vm_timers(struct vm *vm, u64 now)
{
	u64 best = 0;

	if (vm->state != VM_RUNNING)
		return 0;
	for (u32 i = 0; i < vm->ndrivers; i++) {
		struct hrsc *h = vm->driver[i];

		if (h->deadline_ns && h->deadline_ns <= now)
			l1_gate_timer(h);
		earlier(&best, h->deadline_ns);
	}
	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpu[i];

		earlier(&best, vlapic_timer(v, now));
		if (v->throttled_until_ns > now)
			earlier(&best, v->throttled_until_ns);
	}
	return best;
}

void sched_timers_run(void)
{
	struct vcpu *v = vcpu_current();
	u64 now = time_now_ns(), best = 0, defence = hook_deadline_ns();

	for (u32 id = 1; id <= VM_MAX; id++) {
		if (vms[id])
			earlier(&best, run_vm_timers(vms[id], now));
	}
	if (v && someone_waits(v, now)) {
		if (now >= v->slice_end_ns)
			v->hazard |= HAZARD_RESCHED;
		else
			earlier(&best, v->slice_end_ns);
	}
	if (defence > now)
		earlier(&best, defence);
	else if (defence && v)
		v->hazard |= HAZARD_ORCHESTRATE;
	if (console_hrsc.deadline_ns && console_hrsc.deadline_ns <= now)
		l1_gate_timer(&console_hrsc);
	earlier(&best, console_hrsc.deadline_ns);
	time_arm(best);
}

bool sched_must_leave(struct vcpu *v)
{
	if (v->hazard & HAZARD_RESCHED)
		return true;
	return v->vm->state != VM_RUNNING || v->halted || v->throttled_until_ns > time_now_ns();
}

void sched_forget(struct vcpu *v)
{
	if (loaded == v)
		loaded = NULL;
}

/* The CPU's FPU, vector and debug registers become v's. */
static void load(struct vcpu *v)
{
	if (loaded == v)
		return;
	if (loaded) {
		/* Not every CPU makes XSETBV exit: what counts is what the guest left there. */
		if (cpu_features.xsave)
			loaded->xcr0 = xgetbv(0);
		fpu_save(loaded->fpu);
		hv->vcpu_unload(&loaded->hv);
	}
	loaded = v;
	fpu_load(v->fpu, v->xcr0);
	hv->vcpu_load(&v->hv);
	if (cpu_features.rdtscp)
		wrmsr(MSR_TSC_AUX, v->tsc_aux);
}

void sched_enter(struct vcpu *v)
{
	load(v);
	v->hazard &= ~(u32)(HAZARD_RESCHED | HAZARD_STOP | HAZARD_THROTTLE);
	v->slice_end_ns = time_now_ns() + SLICE_NS;
	this_cpu(vcpu) = v;
	sched_timers_run();
}

void sched_leave(void)
{
	this_cpu(vcpu) = NULL;
}

bool sched_anyone(void)
{
	return someone_waits(NULL, time_now_ns());
}
