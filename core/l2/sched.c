/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's virtual time is the CPU time of all its vCPUs divided by its weight: who has the least
 * goes next, and of its vCPUs the one that has waited longest, so that one that spins gives way to
 * what it spins for. Who wakes, or was throttled, is not given what it did not use, but for a short
 * lead before those that its CPUs have run: VMs that are bound to different CPUs do not keep pace
 * with each other. Each CPU looks after the timers of the vCPUs
 * that it had last (`home`) and of the drivers that armed them there; its physical timer always
 * holds the earliest of these or the end of the running slice.
 */
#include "core/l2/sched.h"

#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/console.h"
#include "core/l2/gate.h"
#include "core/l2/host.h"
#include "core/l2/vcpu.h"
#include "kfv/hook.h"

#define WAKE_LEAD_NS (SLICE_NS / 2)
#define PREEMPT_NS   1000000ull /* so far behind, one that wakes does not wait for a slice's end */
#define SLICE_MIN_NS 100000ull

static struct lock lock = LOCK_INIT(LOCK_SCHED);
static struct vcpu *queue[VM_MAX * VM_VCPUS]; /* (o) under the lock, as is all below */
static u32 queued;
static bool frozen; /* nobody runs: see sched_freeze() */

struct vcpu *vcpu_current(void)
{
	return this_cpu(vcpu);
}

static bool runnable(const struct vcpu *v)
{
	return v->vm->state == VM_RUNNING && !v->waiting && !v->halted && !frozen;
}

static bool allowed(const struct vcpu *v, u32 cpu)
{
	return v->vm->cpus >> cpu & 1;
}

/* Can this CPU take v now? */
static bool eligible(const struct vcpu *v, u64 now)
{
	return v->throttled_until_ns <= now && allowed(v, this_cpu(id)) && !frozen &&
	       (v->cpu == CPU_NONE || v->cpu == this_cpu(id));
}

/* From here on it is behind others by no more than it may make up for. */
static void catch_up(struct vm *vm, u64 floor_ns, u64 credit_ns)
{
	vm->virtual_ns = MAX(vm->virtual_ns, floor_ns - MIN(floor_ns, credit_ns));
}

/* With what v, which is running, will be charged for. */
static u64 reached(const struct vcpu *v, u64 now)
{
	return v->vm->virtual_ns + now - MIN(v->turn_ns, now);
}

/*
 * An idle CPU takes v. Else the CPU whose vCPU is furthest ahead leaves that now, or when its slice
 * is over, of which it need not have taken heed until now.
 */
static void find_cpu(const struct vcpu *v)
{
	u64 most = 0, now = time_now_ns();
	struct vcpu *ahead = NULL;

	for (u32 id = 0; id < cpu_count; id++) {
		struct vcpu *other = cpus[id]->vcpu;

		if (!allowed(v, id) || (v->cpu != CPU_NONE && v->cpu != id))
			continue;
		if (cpus[id]->idle) {
			cpus[id]->idle = false; /* it has its vCPU; the next one is for another */
			smp_kick(id);
			return;
		}
		if (other && reached(other, now) > most) {
			most = reached(other, now);
			ahead = other;
		}
	}
	if (ahead)
		vcpu_come_out(ahead,
			most > v->vm->virtual_ns + PREEMPT_NS ? HAZARD_RESCHED : HAZARD_TIMER);
}

static void enqueue(struct vcpu *v)
{
	if (v->queued || v->turn)
		return;
	v->queued = true;
	v->ready_ns = time_now_ns();
	queue[queued++] = v;
	find_cpu(v);
}

static void dequeue(struct vcpu *v)
{
	u32 i = 0;

	if (!v->queued)
		return;
	while (queue[i] != v)
		i++;
	queue[i] = queue[--queued];
	v->queued = false;
}

static void wake(struct vcpu *v)
{
	if (v->queued || v->turn || !runnable(v))
		return;
	for (u32 id = 0; id < cpu_count; id++)
		if (allowed(v, id))
			catch_up(v->vm, cpus[id]->floor_ns, WAKE_LEAD_NS);
	enqueue(v);
}

void vcpu_come_out(struct vcpu *v, u32 why)
{
	vcpu_hazard(v, why);
	smp_kick(v->cpu);
}

bool vcpu_at_hand(const struct vcpu *v)
{
	return v->cpu == this_cpu(id) || (v->cpu == CPU_NONE && v->vm->state != VM_RUNNING);
}

void vcpu_kick(struct vcpu *v)
{
	vcpu_hazard(v, HAZARD_EVENT);
	if (v == vcpu_current() && !v->halted)
		return;
	lock_take(&lock);
	v->halted = false;
	if (v->turn)
		vcpu_come_out(v, HAZARD_EVENT);
	else
		wake(v);
	lock_give(&lock);
}

void vcpu_halt(struct vcpu *v)
{
	lock_take(&lock);
	v->halted = true;
	lock_give(&lock);
	vcpu_hazard(v, HAZARD_EVENT | HAZARD_TIMER);
}

void vcpu_init_at(struct vcpu *v)
{
	lock_take(&lock);
	v->init_pending = true;
	v->start_pending = 0;
	v->halted = v->waiting = false;
	vcpu_come_out(v, HAZARD_INIT);
	wake(v);
	lock_give(&lock);
}

void vcpu_start_at(struct vcpu *v, u8 sipi_vector)
{
	lock_take(&lock);
	if (v->waiting || v->init_pending) {
		v->start_pending = START_PENDING | sipi_vector;
		v->waiting = false;
		vcpu_come_out(v, HAZARD_INIT);
		wake(v);
	}
	lock_give(&lock);
}

/* What the CPU holds of v is of no use any more: it is saved like any other, and then overwritten.
 */
void sched_do_init(struct vcpu *v)
{
	bool init = v->init_pending;
	u32 start;

	if (init) {
		sched_unload();
		lock_take(&v->vm->lock); /* others may be sending to its local APIC */
		vcpu_reset(v);
		lock_give(&v->vm->lock);
	}
	lock_take(&lock);
	v->init_pending &= !init; /* one that came just now is still to be done, with its start */
	start = v->init_pending ? 0 : v->start_pending;
	v->start_pending &= ~start;
	v->waiting = init && !start;
	lock_give(&lock);
	if (start) {
		vcpu_set_start(v, (u8)start);
		vcpu_hazard(v, HAZARD_EVENT);
	}
	if (init)
		vcpu_hazard(v, HAZARD_RESCHED); /* it must be loaded anew */
}

void sched_throttle(struct vcpu *v, u64 until_ns)
{
	lock_take(&lock);
	v->throttled_until_ns = until_ns ? MAX(v->throttled_until_ns, until_ns) : 0;
	vcpu_come_out(v, HAZARD_THROTTLE);
	lock_give(&lock);
}

void sched_freeze(void)
{
	lock_take(&lock);
	frozen = true;
	for (u32 id = 0; id < cpu_count; id++) {
		if (cpus[id]->vcpu)
			vcpu_come_out(cpus[id]->vcpu, HAZARD_STOP);
	}
	lock_give(&lock);
}

void sched_set_state(struct vm *vm, enum vm_state state)
{
	l2_gate_life(&vm->hrsc, vm->state, state, vm->ended);
	lock_take(&lock);
	vm->state = vm->ended ? VM_STOPPED : state; /* a pause or its end may come too late */
	smp_kick(vm->timer_cpu); /* while it stood still, no timer of it was armed */
	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpu[i];

		if (vm->state == VM_RUNNING) {
			wake(v);
			smp_kick(v->home);
			continue;
		}
		dequeue(v);
		vcpu_come_out(v, HAZARD_STOP);
	}
	lock_give(&lock);
}

void sched_quiesce(struct vm *vm)
{
	u64 began = 0;
	u32 id;

	CHECK(vm->state != VM_RUNNING && !vcpu_current());
	sched_unload(); /* whosever it is: this may take long */
	for (u32 i = 0; i < vm->nvcpus; i++) {
		const struct vcpu *v = vm->vcpu[i];

		while ((id = __atomic_load_n(&v->cpu, __ATOMIC_ACQUIRE)) != CPU_NONE)
			smp_wait_for(id, &began);
	}
}

void sched_timers_changed(void)
{
	if (vcpu_current())
		vcpu_hazard(vcpu_current(), HAZARD_TIMER);
}

static bool before(const struct vcpu *a, const struct vcpu *b)
{
	u64 one = a->vm->virtual_ns, other = b->vm->virtual_ns;

	return one == other ? a->ready_ns < b->ready_ns : one < other;
}

static struct vcpu *choose(u64 now)
{
	struct vcpu *best = NULL;

	for (u32 i = 0; i < queued; i++) {
		if (eligible(queue[i], now) && (!best || before(queue[i], best)))
			best = queue[i];
	}
	return best;
}

struct vcpu *sched_next(void)
{
	struct vcpu *v;

	lock_take(&lock);
	v = choose(time_now_ns());
	this_cpu(idle) = !v;
	if (v) {
		dequeue(v);
		v->turn = true;
		v->cpu = this_cpu(id);
		catch_up(v->vm, this_cpu(floor_ns), CAP_PERIOD_NS);
		this_cpu(floor_ns) = MAX(this_cpu(floor_ns), v->vm->virtual_ns);
	}
	lock_give(&lock);
	return v;
}

/* Is there another vCPU that this CPU could run? */
static bool someone_waits(u64 now)
{
	for (u32 i = 0; i < queued; i++) {
		if (eligible(queue[i], now))
			return true;
	}
	return false;
}

bool sched_anyone(void)
{
	bool anyone;

	lock_take(&lock);
	anyone = someone_waits(time_now_ns());
	this_cpu(idle) = !anyone && !vcpu_current();
	lock_give(&lock);
	return anyone;
}

static void earlier(u64 *best, u64 deadline)
{
	if (deadline && (!*best || deadline < *best))
		*best = deadline;
}

/* Of what this CPU looks after in one VM: the next deadline, 0 none; what is due fires. */
static u64 vm_timers(struct vm *vm, u64 now, bool fire)
{
	const struct vcpu *current = vcpu_current();
	bool mine = vm->timer_cpu == this_cpu(id) || (current && current->vm == vm);
	u64 best = 0;

	for (u32 i = 0; i < vm->ndrivers && mine; i++) {
		struct hrsc *h = vm->driver[i];

		if (fire && h->deadline_ns && h->deadline_ns <= now)
			l1_gate_timer(h);
		earlier(&best, h->deadline_ns);
	}
	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpu[i];

		if (v->throttled_until_ns > now) /* whoever is told first that it wants to run */
			earlier(&best, v->throttled_until_ns);
		if (v->home == this_cpu(id) && !v->queued) /* what waits looks when it has a CPU */
			earlier(&best, fire ? vlapic_timer(v, now) : vlapic_deadline(v));
	}
	return best;
}

static u64 run_vm_timers(struct vm *vm, u64 now)
{
	u64 best;

	if (vm->state != VM_RUNNING)
		return 0;
	best = vm_timers(vm, now, false);
	if (!best || best > now)
		return best;
	lock_take(&vm->lock);
	best = vm_timers(vm, now, true);
	lock_give(&vm->lock);
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
	earlier(&best, run_vm_timers(&host_vm, now)); /* the others may have called these */
	if (v && now >= v->slice_end_ns)
		vcpu_hazard(v, HAZARD_RESCHED);
	else if (v && (v->vm->cap || sched_anyone()))
		earlier(&best, v->slice_end_ns);
	if (defence > now)
		earlier(&best, defence);
	else if (defence && v)
		vcpu_hazard(v, HAZARD_ORCHESTRATE);
	if (this_cpu(id) == 0) {
		if (console_hrsc.deadline_ns && console_hrsc.deadline_ns <= now)
			l1_gate_timer(&console_hrsc);
		earlier(&best, console_hrsc.deadline_ns);
	}
	time_arm(best);
}

void sched_orchestrated(void)
{
	if (this_cpu(loaded))
		vcpu_hazard_done(this_cpu(loaded), HAZARD_ORCHESTRATE);
	for (u32 id = 1; frozen && id <= VM_MAX; id++) {
		if (!vms[id])
			continue;
		vm_pause(vms[id]);
		sched_quiesce(vms[id]);
		if (vms[id]->ended == END_REBOOT)
			vms[id]->ended = END_KILLED;
	}
	frozen = false;
}

bool sched_must_leave(struct vcpu *v)
{
	if (v->hazard & (HAZARD_RESCHED | HAZARD_ORCHESTRATE))
		return true;
	return !runnable(v) || v->throttled_until_ns > time_now_ns();
}

/* No other CPU may take v before all of it is in memory. */
void sched_unload(void)
{
	struct vcpu *v = this_cpu(loaded);

	if (!v)
		return;
	/* Not every CPU makes XSETBV exit: what counts is what the guest left there. */
	if (cpu_features.xsave)
		v->xcr0 = xgetbv(0);
	fpu_save(v->fpu);
	hv->vcpu_unload(&v->hv);
	this_cpu(loaded) = NULL;
	lock_take(&lock);
	if (!v->turn || vcpu_current() != v)
		__atomic_store_n(&v->cpu, CPU_NONE, __ATOMIC_RELEASE);
	if (v->queued)
		find_cpu(v);
	lock_give(&lock);
}

/* The CPU's FPU, vector and debug registers become v's. */
static void load(struct vcpu *v)
{
	if (this_cpu(loaded) == v)
		return;
	sched_unload();
	this_cpu(loaded) = v;
	v->home = this_cpu(id);
	fpu_load(v->fpu, v->xcr0);
	hv->vcpu_load(&v->hv);
	if (cpu_features.rdtscp)
		wrmsr(MSR_TSC_AUX, v->tsc_aux);
}

/* Until the slice or the VM's share of this period is used up. */
static u64 slice(const struct vm *vm)
{
	u64 left = vm->cap_budget_ns - MIN(vm->cap_used_ns, vm->cap_budget_ns);

	return vm->cap ? MAX(MIN(SLICE_NS, left), SLICE_MIN_NS) : SLICE_NS;
}

void sched_enter(struct vcpu *v)
{
	u64 now, waited;

	load(v);
	now = v->turn_ns = time_now_ns();
	waited = now - v->ready_ns;
	v->stolen_ns += waited;
	v->longest_wait_ns = MAX(v->longest_wait_ns, waited);
	v->turns++;
	v->slice_end_ns = now + slice(v->vm);
	vcpu_hazard_done(v, HAZARD_RESCHED | HAZARD_STOP | HAZARD_THROTTLE);
	this_cpu(vcpu) = v;
	vcpu_hazard(v, HAZARD_TIMER); /* and with it a look at what was done away with above */
}

/* All vCPUs of a VM share what its cap allows in each period; what was too much is owed. */
static void charge_cap(struct vm *vm, u64 now, u64 ran)
{
	u64 over;

	if (!vm->cap)
		return;
	vm->cap_budget_ns = CAP_PERIOD_NS / 100 * vm->cap;
	if (!vm->cap_period_end_ns)
		vm->cap_period_end_ns = now + CAP_PERIOD_NS;
	vm->cap_used_ns += ran;
	if (now >= vm->cap_period_end_ns) {
		over = (now - vm->cap_period_end_ns) / CAP_PERIOD_NS + 1;
		vm->cap_period_end_ns += over * CAP_PERIOD_NS;
		vm->cap_used_ns -= MIN(vm->cap_used_ns, over * vm->cap_budget_ns);
	}
	if (vm->cap_used_ns < vm->cap_budget_ns)
		return;
	over = vm->cap_used_ns / vm->cap_budget_ns - 1;
	for (u32 i = 0; i < vm->nvcpus; i++)
		vm->vcpu[i]->throttled_until_ns = MAX(vm->vcpu[i]->throttled_until_ns,
			vm->cap_period_end_ns + over * CAP_PERIOD_NS);
}

void sched_leave(void)
{
	struct vcpu *v = vcpu_current();
	u64 now = time_now_ns(), ran = now - v->turn_ns;

	lock_take(&lock);
	v->run_ns += ran;
	v->vm->virtual_ns += ran * WEIGHT_DEFAULT / v->vm->weight;
	charge_cap(v->vm, now, ran);
	this_cpu(vcpu) = NULL;
	v->turn = false;
	if (this_cpu(loaded) != v)
		__atomic_store_n(&v->cpu, CPU_NONE, __ATOMIC_RELEASE);
	if (runnable(v))
		enqueue(v);
	lock_give(&lock);
}
