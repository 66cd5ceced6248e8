/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vertical orchestrator: reads what the horizontal ones report, puts layers, hRSCs and time
 * together, and drives the plans of the policy. hook_orchestrate() (kfv/hook.h)
 * is its entry.
 *
 * Reports lie in one slot for each VM and agent, where later ones are added to the first: a flood
 * from one VM or agent takes no place from another, and nothing is ever dropped.
 */
#pragma once

#include "kfv/agent.h"

/*
 * Keeps a finding of WARNING or above until the vertical orchestrator runs. Returns false when an
 * earlier one of the same VM has been waiting so long that the orchestrator must have been
 * silenced.
 */
bool vo_report(const struct hook_event *e, u32 agent, const char *why);
/* Forgets what is known of a VM. */
void vo_forget(u16 vm);
