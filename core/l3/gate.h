/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The L3 gate: every crossing between an hRSC and a VM. Each calls its hook; where nothing is armed
 * that is a test and a branch, so that most of the gate is inline.
 */
#pragma once

#include "core/l2/vm.h"
#include "kfv/hook.h"

/*
 * One access of v to a port or to an address outside RAM; width is 1, 2, 4 or 8. What was read is
 * in the low bytes of the answer, and the others mean nothing; all ones where nobody answers or the
 * read was denied. A denied write is dropped.
 */
u64 l3_port_read(struct vcpu *v, u16 port, u32 width);
void l3_port_write(struct vcpu *v, u16 port, u32 width, u64 value);
u64 l3_mmio_read(struct vcpu *v, u64 address, u32 width);
void l3_mmio_write(struct vcpu *v, u64 address, u32 width, u64 value);

#define L3_GATE_VCPU(vcpu, op, a, b, c, d)                                                         \
	(HOOK((vcpu)->armed, op, (vcpu)->id, (vcpu)->id, a, b, c, d) == HOOK_ALLOW)

/* Each of these says whether the vCPU may have what it asks for. */
static inline bool l3_gate_cpuid(struct hrsc *vcpu, u32 leaf, u32 subleaf)
{
	return L3_GATE_VCPU(vcpu, HOOK_L3_CPUID, leaf, subleaf, 0, 0);
}

static inline bool l3_gate_msr_read(struct hrsc *vcpu, u32 index)
{
	return L3_GATE_VCPU(vcpu, HOOK_L3_MSR_READ, index, 0, 0, 0);
}

static inline bool l3_gate_msr_write(struct hrsc *vcpu, u32 index, u64 value)
{
	return L3_GATE_VCPU(vcpu, HOOK_L3_MSR_WRITE, index, value, 0, 0);
}

static inline bool l3_gate_hypercall(struct hrsc *vcpu, u64 number, u64 a, u64 b, u64 c)
{
	return L3_GATE_VCPU(vcpu, HOOK_L3_HYPERCALL, number, a, b, c);
}

/* reg as in the hook's table: number of a CR, 0x10 + that of a DR, 0x20 for XCR0. */
static inline bool l3_gate_control(struct hrsc *vcpu, u32 reg, u64 value)
{
	return L3_GATE_VCPU(vcpu, HOOK_L3_CONTROL, reg, value, 0, 0);
}

/* An event is about to be injected. */
static inline bool l3_gate_inject(struct hrsc *vcpu, u8 vector, u32 error)
{
	return L3_GATE_VCPU(vcpu, HOOK_L3_INJECT, vector, error, 0, 0);
}

/* A driver sets one of its VM's interrupt lines. */
static inline bool l3_gate_irq(struct hrsc *driver, u32 line, bool level)
{
	return HOOK(driver->armed, HOOK_L3_IRQ, driver->id, ((struct vm *)driver->owner)->hrsc.id,
		       line, level, 0, 0) == HOOK_ALLOW;
}

/* A driver reads or writes its VM's RAM. */
static inline bool l3_gate_memory(struct hrsc *driver, u64 gpa, u32 len, bool write)
{
	return HOOK(driver->armed, HOOK_L3_MEMORY, driver->id, driver->id, gpa, len, write, 0) ==
	       HOOK_ALLOW;
}
