/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mediation: what stands behind every armed hook. Builds the event, lets the attached agents judge
 * it, and takes each finding to the layer's horizontal orchestrator. The strictest answer counts.
 * Bounded: at most DISPATCH_WIDTH agents, nothing allocated, nothing printed.
 */
#include "kfv/mediation.h"

#include "core/hrsc.h"
#include "core/l1/time.h"
#include "core/l2/vm.h"
#include "kfv/actuators.h"
#include "kfv/ho.h"
#include "kfv/vo.h"

struct lock kfv_lock = LOCK_INIT(LOCK_KFV);
static u64 fired[HOOK_SLOTS];	 /* (o) */
static u64 findings[AGENTS_MAX]; /* (o) */

/* Whose event it is: the VM of who acts, or of whom the host acts upon. */
static u16 vm_of(u16 subject, u16 object)
{
	const struct hrsc *h = hrsc_get(subject ? subject : object);

	return h ? h->vm_id : 0;
}

static_assert((HOOK_ALLOW | HOOK_DENY) == HOOK_DENY, "verdicts are put together with |");

static enum hook_verdict judge(
	const struct policy *p, const struct attached *a, struct hook_event *e)
{
	const char *why;
	enum severity s = a->detect(a->param, e, &why);

	if (likely(s == SEVERITY_NONE))
		return HOOK_ALLOW;
	e->severity = s;
	findings[a->agent]++;
	return ho_decide(p, e, a->agent, why);
}

/* With the clock read last: this is the price of each event. */
static __always_inline enum hook_verdict fire(struct hook_event *e)
{
	const struct policy *p = policy_active();
	const struct dispatch *d = &p->ops[HOOK_INDEX(e->op)];
	enum hook_verdict verdict = HOOK_ALLOW;
	u64 i = 0;

	e->sequence = (u32)++fired[HOOK_INDEX(e->op)];
	if (!d->count)
		return HOOK_ALLOW;
	e->time_ns = time_now_ns();
	do {
		verdict |= judge(p, &d->to[i], e);
	} while (++i < d->count);
	return verdict;
}

/*
 * Every field is written, one by one, while the arguments are still in registers. A reaction may
 * cross a gate itself: its event is judged in the midst of the first one.
 */
enum hook_verdict hook_fire(u16 op, u16 subject, u16 object, u64 a0, u64 a1, u64 a2, u64 a3)
{
	enum hook_verdict verdict;
	struct hook_event e;
	bool taken;

	e.arg[0] = a0;
	e.arg[1] = a1;
	e.arg[2] = a2;
	e.arg[3] = a3;
	e.op = op;
	e.subject = subject;
	e.object = object;
	e.vm = vm_of(subject, object);
	e.layer = HOOK_LAYER(op);
	e.severity = SEVERITY_NONE;
	taken = lock_take_again(&kfv_lock);
	verdict = fire(&e);
	lock_give_again(&kfv_lock, taken);
	return verdict;
}

u64 hook_fired(u16 op)
{
	return fired[HOOK_INDEX(op)];
}

u64 mediation_findings(u32 agent)
{
	return findings[agent];
}

void hook_vm_created(struct hrsc *vm)
{
	lock_take(&kfv_lock);
	for (u32 i = 0; i < agent_count(); i++)
		if (agent_get(i)->forget)
			agent_get(i)->forget(vm->vm_id);
	ho_forget(vm->vm_id);
	vo_forget(vm->vm_id);
	lock_give(&kfv_lock);
	policy_arm(policy_active()->armed); /* a switch that came with it is nobody's */
	act_own_ports(&policy_active()->table);
}
