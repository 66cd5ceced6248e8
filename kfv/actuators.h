/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The framework's only hands: everything that a reaction does to the machine is one of these. VMs
 * are named by id; 0, the host, is nobody and every call on it fails or does nothing.
 */
#pragma once

#include "drivers/api/policy.h"
#include "drivers/api/sha256.h"
#include "core/lib/types.h"

/* Name for people; "host" for 0 and "?" for a VM that is gone. */
const char *act_vm_name(u16 vm);
bool act_vm_running(u16 vm);

/* The vCPU behind hRSC `subject` does not run before until_ns; all of vm's if it is none of them.
 */
int act_throttle(u16 vm, u16 subject, u64 until_ns);
/* Puts the sealed fields of vm's control structures back. -EIO if they are not intact then. */
int act_restore(u16 vm);
/* Every control structure of vm holds what it must. */
bool act_intact(u16 vm);
/* SHA-256 of the control structures and registers of all of vm's vCPUs. */
int act_measure(u16 vm, u8 digest[SHA256_SIZE]);

/* There is a snapshot of vm, which stands still: an older one stays, whatever vm has become. */
int act_keep(u16 vm);
/* The failed driver behind hRSC `subject` goes on. */
int act_microreboot(u16 vm, u16 subject);
/* The port of the network device behind hRSC `subject` is cut off. */
int act_isolate(u16 vm, u16 subject);
/* All ports have the settings that the policy has for them, and else their VMs' own. */
void act_own_ports(const struct policy_table *t);
int act_pause(u16 vm);
int act_resume(u16 vm);
int act_kill(u16 vm);
int act_restart(u16 vm);
/* Stops every VM: nothing is trusted any more. */
int act_safe_state(void);

/* The vertical orchestrator is to run before vm does. */
void act_call_orchestrator(u16 vm);
