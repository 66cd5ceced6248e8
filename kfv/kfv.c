/* SPDX-License-Identifier: BSD-2-Clause */
/* Start-up of the framework, and the one table that its parts share. */
#include "kfv/kfv.h"

#include "core/l1/log.h"
#include "kfv/evidence.h"
#include "kfv/policy.h"

int kfv_init(const struct policy_text *policy, const char *secret, struct config_error *error)
{
	struct config_error ours;

	CHECK(agent_count() <= AGENTS_MAX);
	evidence_start(secret);
	CHECK(policy_load(NULL, &ours) == 0);
	return policy && policy->line ? policy_load(policy, error) : 0;
}
