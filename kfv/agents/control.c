/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L2: the control structure (VMCB, VMCS) about to be used still holds what it must: its must-be
 * fields are compared with their sealed copy before every entry. The vCPU is found through the
 * registry, by the id that the gate names; an entry with any other structure is itself a finding.
 */
#include "kfv/agent.h"

#include "core/hrsc.h"
#include "core/l2/vm.h"

static enum severity detect(const u32 *param, const struct hook_event *e, const char **why)
{
	struct hrsc *h = hrsc_get(e->subject);
	const struct vcpu *v;

	(void)param;
	if (!h || h->kind != HRSC_VCPU) {
		*why = "no-such-vcpu";
		return SEVERITY_CRITICAL;
	}
	v = container_of(h, struct vcpu, hrsc);
	if (e->arg[0] != (u64)v->hv.control) {
		*why = "foreign-structure";
		return SEVERITY_CRITICAL;
	}
	*why = hv->verify(&v->hv);
	return *why ? SEVERITY_CRITICAL : SEVERITY_NONE;
}

static const struct agent control = {
	.name = "control",
	.help = "must-be fields of the VMCB or VMCS at entry",
	AGENT_OPS(HOOK_L2_ENTER),
	.integrity = true,
	.detect = detect,
};
AGENT_REGISTER(control);
