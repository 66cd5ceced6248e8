/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Detection agents: an open set, each in a file of its own under agents/ and known to the rest by
 * registration only. An agent names the hooks it wants to see; the policy decides whether it is
 * attached and with which parameters, and what is done about its findings.
 */
#pragma once

#include "drivers/api/policy.h"
#include "kfv/hook.h"

struct agent {
	const char *name;
	const char *help; /* one line, at most 50 columns */
	const u16 *ops;	  /* hooks it sees */
	u32 exits;	  /* of L1_EXIT: HOOK_EXIT_BIT()s of the kinds that it sees */
	u8 nops, nparams;
	bool integrity; /* a finding does not pass with time: who is paused for it stays so */
	struct agent_param params[AGENT_PARAMS];
	/*
	 * Judges one event: bounded, integers only, nothing allocated. `param` holds the policy's
	 * values in the order of params[]. For a finding *why is a constant word or two.
	 */
	enum severity (*detect)(const u32 *param, const struct hook_event *e, const char **why);
	void (*forget)(u16 vm); /* the VM is new or restarted; NULL if nothing is kept */
};

#define AGENT_OPS(...)                                                                             \
	.ops = (const u16[]){ __VA_ARGS__ }, .nops = ARRAY_LEN(((const u16[]){ __VA_ARGS__ }))

#define AGENT_REGISTER(id)                                                                         \
	static const struct agent *const id##_entry __used __section("kfv_agents") = &(id)

extern const struct agent *const __start_kfv_agents[];
extern const struct agent *const __stop_kfv_agents[];

static inline u32 agent_count(void)
{
	return (u32)(((u64)__stop_kfv_agents - (u64)__start_kfv_agents) / sizeof(void *));
}

static inline const struct agent *agent_get(u32 index)
{
	return __start_kfv_agents[index];
}

/* Index of the agent with this name, or -ENOENT. */
int agent_find(const char *name);
