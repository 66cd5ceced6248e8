/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual local APIC (SDM volume 3, "Advanced Programmable Interrupt Controller"): xAPIC page
 * at 0xfee00000, timer (one-shot, periodic), IPIs to itself and to other vCPUs, LINT0 as ExtINT.
 * In the nucleus because every interrupt of every guest passes it.
 */
#pragma once

#include "core/lib/types.h"

#define VLAPIC_BASE 0xfee00000ull

struct vcpu;

enum vlapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVTS };

/* Registers lie here as they are read. (o) all */
struct vlapic {
	u64 base_msr; /* IA32_APIC_BASE */
	u32 id, version, tpr, ldr, dfr, svr, esr, icr_low, icr_high;
	u32 lvt[LVTS];
	u32 timer_initial, timer_divide;
	u32 irr[8], isr[8], tmr[8];
	u32 irr_words, isr_words; /* bit i: word i is not 0 */
	u32 errors;		  /* found since ESR was last written */
	u64 timer_deadline_ns;	  /* 0: not running */
};

void vlapic_reset(struct vcpu *v);
/* offset: of the register in its page, 16-byte aligned, 4-byte access. */
u32 vlapic_read(struct vcpu *v, u32 offset);
void vlapic_write(struct vcpu *v, u32 offset, u32 value);
/* An interrupt message arrives: delivered to every vCPU of the VM that it addresses. */
struct vm;
void vlapic_message(struct vm *vm, u64 address, u32 data);
/* Takes `vector` into the IRR (level: with its TMR bit). */
void vlapic_accept(struct vcpu *v, u8 vector, bool level);
/* The vector to be injected next, or -1: nothing above the processor priority. */
int vlapic_pending(const struct vcpu *v);
/* The vector was injected: from IRR to ISR. */
void vlapic_acknowledge(struct vcpu *v, u8 vector);
/* When the timer is due in ns, 0 never. */
u64 vlapic_deadline(const struct vcpu *v);
/* Fires the timer if it is due; returns its next deadline in ns, 0 none. */
u64 vlapic_timer(struct vcpu *v, u64 now_ns);
/* True when LINT0 lets the PIC's INTR through. */
bool vlapic_takes_extint(const struct vcpu *v);
