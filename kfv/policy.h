/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy in force, compiled from text into bounded tables: which agents are attached to which
 * hooks, with which parameters, and what is done about their findings. Replaced whole, by one store
 * of a pointer: an event is judged under the old policy or under the new one.
 */
#pragma once

#include "kfv/agent.h"

#define DISPATCH_WIDTH 5

/* All that a hook needs to run an agent. */
struct attached {
	enum severity (*detect)(const u32 *param, const struct hook_event *e, const char **why);
	const u32 *param;
	u32 agent;
};

struct dispatch {
	u64 count;
	struct attached to[DISPATCH_WIDTH];
};

struct policy {
	struct policy_table table;
	u32 epoch; /* counts loads */
	u64 armed; /* what goes into every hRSC's word */
	struct dispatch ops[HOOK_SLOTS];
	u8 rule_of[AGENTS_MAX][SEVERITY_COUNT]; /* 1 + index of the rule, 0: none */
};

extern const struct policy *policy_in_force; /* (a) */

/* Never NULL; detects nothing before the first policy_load(). */
static inline const struct policy *policy_active(void)
{
	return __atomic_load_n(&policy_in_force, __ATOMIC_ACQUIRE);
}

/*
 * Checks and compiles the policy block of a configuration's text, whose VMs are of no interest,
 * then swaps. On an error (-EINVAL, the place and what was expected in *error) the policy in force
 * stays. One that is older than any that has been in force is refused with -EPERM, but for
 * policy_default: an old policy cannot be replayed.
 */
int __must_check policy_load(const char *text, size_t len, struct config_error *error);
/* The same policy in another mode. -ENOSPC as for policy_attach(). */
int __must_check policy_set_mode(enum policy_mode mode);
/* Every hRSC's word. */
void policy_arm(u64 armed);
/*
 * Attaches or detaches one agent of the policy in force. -ENOSPC: one of its hooks has as many as
 * it can have.
 */
int __must_check policy_attach(u32 agent, bool on);
