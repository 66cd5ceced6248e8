/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an emulated CPU gets wrong, each shown by a few instructions of a guest that is set up by
 * hand and shares nothing with the back ends. As a kernel of its own (tests/faults/kernel.c) they
 * are the proof that an emulator is at fault; linked into the test image they tell its tests what
 * cannot be expected of the CPU they run on.
 */
#pragma once

#include "core/lib/types.h"

/* X(name, what is wrong, the manual's word on it) */
#define FAULTS(X)                                                                                  \
	X(CR2, "VMRUN does not load CR2", "APM volume 2, \"VMRUN Instruction\"")                   \
	X(DR6, "an intercepted #DB leaves DR6 as it was", "APM volume 2, \"#DB (Debug)\"")         \
	X(SOFT_EVENT, "EXITINTINFO of an INT n is the last injected event's",                      \
		"APM volume 2, \"Intercepts During IDT Interrupt Delivery\"")                      \
	X(V_IRQ, "VMRUN into a guest with IF set does not see V_IRQ",                              \
		"APM volume 2, \"Injecting Virtual (INTR) Interrupts\"")                           \
	X(INTR, "an interrupt that ends guests waits while the guest's IF is clear",               \
		"SDM volume 3, \"Other Causes of VM Exits\"; APM volume 2, \"INTR Intercept\"")    \
	X(MTF, "the monitor trap flag does not trap", "SDM volume 3, \"Monitor Trap Flag\"")

#define X(name, what, manual) FAULT_##name,
enum fault { FAULTS(X) FAULT_COUNT };
#undef X

/*
 * Tries it. AMD-V is on with a host save area, or VMX operation is on; interrupts are off. A fault
 * of the other vendor's, or of a feature that is not there, is not seen. Leaves CR2 changed.
 */
bool fault_seen(enum fault f);
const char *fault_text(enum fault f);

/* For fault_seen(). */
bool svm_fault_seen(enum fault f);
bool vmx_fault_seen(enum fault f);

/* The environment's own. */
bool fault_cpu_is_amd(void);
u64 fault_physical(const void *p);
/* Sends this CPU an interrupt that has a handler. */
void fault_interrupt_self(void);
