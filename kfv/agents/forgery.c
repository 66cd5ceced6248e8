/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L2: a VM has sent a frame in another's name (enum bus_forgery). The switch has dropped it; the
 * subject is the VM's own network device, whoever it claims to be.
 */
#include "kfv/agent.h"

#include "drivers/api/driver.h"

static enum severity detect(const u32 *param, const struct hook_event *e, const char **why)
{
	(void)param;
	*why = e->arg[0] == FORGED_IP ? "ip" : e->arg[0] == FORGED_ARP ? "arp" : "mac";
	return e->vm ? SEVERITY_WARNING : SEVERITY_NONE;
}

static const struct agent forgery = {
	.name = "forgery",
	.help = "frames sent in another's name",
	AGENT_OPS(HOOK_L2_REFUSED),
	.detect = detect,
};
AGENT_REGISTER(forgery);
