/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The witness sees every hook and finds nothing: complete mediation is tested with it, and the
 * price of an armed hook measured. Never attached by the default policy.
 */
#include "kfv/mediation.h"

static u64 seen[HOOK_SLOTS]; /* (o) */

#define X(name, iface, args) HOOK_##name,
static const u16 ops[] = { HOOK_TABLE(X) };
#undef X

static enum severity detect(const u32 *param, const struct hook_event *e, const char **why)
{
	(void)param, (void)why;
	seen[HOOK_INDEX(e->op)]++;
	return SEVERITY_NONE;
}

u64 witness_seen(u16 op)
{
	return seen[HOOK_INDEX(op)];
}

int hook_arm_all(bool on)
{
	return policy_attach((u32)agent_find("witness"), on);
}

static const struct agent witness = {
	.name = "witness",
	.help = "counts every crossing, finds nothing",
	.ops = ops,
	.nops = ARRAY_LEN(ops),
	.exits = ~0u,
	.detect = detect,
};
AGENT_REGISTER(witness);
