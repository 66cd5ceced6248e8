/* SPDX-License-Identifier: BSD-2-Clause */
/* Mediation's own interface, for tests and the console; the gates see kfv/hook.h only. */
#pragma once

#include "core/l1/lock.h"
#include "kfv/policy.h"

/* LOCK_KFV: what agents and orchestrators remember, the policy in force, the ring of evidence. */
extern struct lock kfv_lock;

/* How often the hook has fired since boot. */
u64 hook_fired(u16 op);
/* How many findings the agent has had since boot. */
u64 mediation_findings(u32 agent);
/* Attaches the agent `witness` to every hook, or detaches it: complete mediation can be tested. */
int __must_check hook_arm_all(bool on);
/* How many crossings of this kind the witness has seen while attached. */
u64 witness_seen(u16 op);
