/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual local APIC itself, in a VM of four vCPUs whose scheduler only takes notes: for the
 * unit tests and for the fuzzer.
 */
#pragma once

#include "core/lib/string.h"

/* The framework's tests have a clock of their own. */
#define time_now_ns  vlapic_test_now_ns
#define l2_gate_call vlapic_test_l2_gate_call

#include "core/l2/vlapic.c"
#include "core/l2/vlapic_ipi.c"

#define VCPUS 4

static u64 now_ns;
static struct vcpu vcpus[VCPUS];
static struct hrsc ioapic;
static struct vm machine;
static struct {
	u32 kicks, rearmed, eois, last_eoi, reboots, resets, starts, start_vector;
} seen;

u64 time_now_ns(void)
{
	return now_ns;
}

void sched_timers_changed(void)
{
	seen.rearmed++;
}

void vcpu_init_at(struct vcpu *v)
{
	vcpu_reset(v);
}

void vcpu_kick(struct vcpu *v)
{
	seen.kicks++;
	v->hazard |= HAZARD_EVENT;
	v->halted = false;
}

void vcpu_start_at(struct vcpu *v, u8 sipi_vector)
{
	seen.starts += v->waiting;
	seen.start_vector = sipi_vector;
	v->waiting = false;
}

void vcpu_reset(struct vcpu *v)
{
	seen.resets++;
	vlapic_reset(v);
	v->waiting = v->index != 0;
}

u64 l2_gate_call(struct hrsc *from, struct hrsc *to, u32 fn, u64 a, u64 b)
{
	(void)from, (void)b;
	if (to == &ioapic && fn == BUS_EOI) {
		seen.eois++;
		seen.last_eoi = a;
	}
	if (to == &machine.hrsc && fn == BUS_POWER)
		seen.reboots += a == POWER_REBOOT;
	return 0;
}

static struct vcpu *setup(void)
{
	memset(vcpus, 0, sizeof(vcpus));
	memset(&machine, 0, sizeof(machine));
	now_ns = 1000000;
	machine.nvcpus = VCPUS;
	machine.peer[PEER_IOAPIC] = &ioapic;
	for (u32 i = 0; i < VCPUS; i++) {
		machine.vcpu[i] = &vcpus[i];
		vcpus[i].vm = &machine;
		vcpus[i].index = i;
		vlapic_reset(&vcpus[i]);
		vlapic_write(&vcpus[i], REG_SVR, 0x1ff);
		vlapic_write(&vcpus[i], REG_LDR, 1u << (24 + i));
		vcpus[i].waiting = i != 0;
	}
	memset(&seen, 0, sizeof(seen));
	return &vcpus[0];
}
