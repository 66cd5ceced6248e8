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
#include "kfv/ho.h"
#include "kfv/vo.h"

static u64 fired[HOOK_SLOTS];	 /* (o) */
static u64 findings[AGENTS_MAX]; /* (o) */
static u32 sequence;		 /* (o) */

/* Reports the event to the agents; kept apart from hook_fire() so that the event lives on its
 * stack. */
static enum hook_verdict judge(const struct policy *p, struct hook_event *e)
{
	const struct dispatch *d = &p->ops[HOOK_INDEX(e->op)];
	enum hook_verdict verdict = HOOK_ALLOW;

	for (u32 i = 0; i < d->count; i++) {
		const char *why = "";
		u32 agent = d->agent[i];
		enum severity s = agent_get(agent)->detect(p->param[agent], e, &why);

		if (likely(s == SEVERITY_NONE))
			continue;
		e->severity = s;
		findings[agent]++;
		if (ho_decide(p, e, agent, why) == HOOK_DENY)
			verdict = HOOK_DENY;
	}
	return verdict;
}

/* Whose event it is: the VM of who acts, or of whom the host acts upon. */
static u16 vm_of(u16 subject, u16 object)
{
	const struct hrsc *h = hrsc_get(subject ? subject : object);

	return h && h->vm_id <= VM_MAX ? h->vm_id : 0;
}

enum hook_verdict hook_fire(u16 op, u16 subject, u16 object, u64 a0, u64 a1, u64 a2, u64 a3)
{
	struct hook_event e = {
		.time_ns = time_now_ns(),
		.arg = { a0, a1, a2, a3 },
		.op = op,
		.subject = subject,
		.object = object,
		.vm = vm_of(subject, object),
		.layer = HOOK_LAYER(op),
	};

	e.sequence = ++sequence;
	fired[HOOK_INDEX(op)]++;
	return judge(policy_active(), &e);
}

u64 hook_fired(u16 op)
{
	return fired[HOOK_INDEX(op)];
}

u64 mediation_findings(u32 agent)
{
	return findings[agent];
}

void hook_arm_all(bool on)
{
	int witness = agent_find("witness");

	if (witness >= 0)
		policy_attach(witness, on);
}

void hook_vm_created(struct hrsc *vm)
{
	for (u32 i = 0; i < agent_count(); i++)
		if (agent_get(i)->forget)
			agent_get(i)->forget(vm->vm_id);
	ho_forget(vm->vm_id);
	vo_forget(vm->vm_id);
	for (u16 id = 0; id < HRSC_MAX; id++) {
		struct hrsc *h = hrsc_get(id);

		if (h && h->vm_id == vm->vm_id)
			h->armed = policy_active()->armed;
	}
}
