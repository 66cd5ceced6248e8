/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for the framework's tests: two VMs with a vCPU and a driver each, a clock that stands
 * until it is moved, and actuators that only write down what they were told.
 */
#pragma once

#include "drivers/api/policy.h"
#include "core/l2/vm.h"
#include "drivers/api/config.h"
#include "kfv/hook.h"

#define FAKE_A 1 /* the attacker */
#define FAKE_B 2 /* the victim */

#define MS 1000000ull

struct fake {
	u64 now_ns;
	u32 touched; /* VMs that an actuator was told to do something to, a bit for each */
	u32 called;  /* VMs for which the vertical orchestrator was called */
	bool running[VM_MAX + 1];
	u64 throttled_until_ns[VM_MAX + 1];
	u16 throttled_vcpu;
	u16 microrebooted, isolated;	  /* subjects of the last calls */
	const struct policy_table *ports; /* whose settings they have */
	u32 ports_told;
	const char *broken[VM_MAX + 1]; /* field of the control structure, NULL: intact */
	bool unrepairable;
	const char *vm_name; /* of A; NULL: "a" */
	char acts[4096];     /* "pause 1;resume 1;" */
	char log[1 << 20];   /* what went to the console */
	char json[1 << 20];  /* and to the second port */
	/* The agents `probe` and `echo`, on HOOK_L2_CALL and HOOK_L3_HYPERCALL: what they answer,
	 * what it saw.
	 */
	const char *module; /* text of the boot module "policy.conf" */
	enum severity probe_says, echo_says;
	const char *probe_why; /* NULL: "told-to" */
	u32 probe_seen;
	void (*damage)(struct policy_table *table); /* what was compiled; NULL: left as it is */
	struct hook_event probe_event;
};

extern struct fake fake;
extern u32 fake_version; /* of the policies that are loaded; it never goes back */
extern struct vm fake_vm[3];
extern struct vcpu fake_vcpu[3];
extern struct hrsc fake_driver[3];

/* Back to the beginning, under the built-in policy. */
void fake_reset(void);
/* Puts a policy in force that is the given statements. Fails the test when it is refused. */
void fake_policy(const char *statements);
/* Fires the hook as the gates would, from A's or B's vCPU. */
enum hook_verdict fake_port(u16 vm, u16 port, u8 width);
enum hook_verdict fake_call(u16 vm);
enum hook_verdict fake_enter(u16 vm);
enum hook_verdict fake_exit(u16 vm, u32 kind);
/* How often `text` occurs in the log. */
u32 fake_logged(const char *text);
