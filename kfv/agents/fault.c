/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L1: a confined driver has failed (enum compartment_cause, and where). Its hRSC is the subject;
 * faults of the nucleus that were foreseen have the host's and are none.
 */
#include "kfv/agent.h"

#include "core/hrsc.h"
#include "drivers/api/driver.h"

static enum severity detect(const u32 *param, const struct hook_event *e, const char **why)
{
	const struct hrsc *h = hrsc_get(e->subject);

	(void)param;
	if (!h || h->kind != HRSC_DRIVER)
		return SEVERITY_NONE;
	*why = h->driver->name;
	return SEVERITY_WARNING;
}

static const struct agent fault = {
	.name = "fault",
	.help = "drivers that fail in their compartments",
	AGENT_OPS(HOOK_L1_FAULT),
	.detect = detect,
};
AGENT_REGISTER(fault);
