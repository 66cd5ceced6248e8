/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The horizontal orchestrators HO1-HO3: the reflex of a layer. Same rules of deciding in each, but
 * every one of them only knows its own layer's events and reactions.
 */
#pragma once

#include "kfv/policy.h"

/*
 * Answers the finding e->severity of `agent` at once: the policy's rule, its escalation, the
 * reaction, evidence, and a report to the vertical orchestrator.
 */
enum hook_verdict ho_decide(
	const struct policy *p, const struct hook_event *e, u32 agent, const char *why);
/* Forgets what has been counted against a VM. */
void ho_forget(u16 vm);
