/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The L1 gate: every crossing between the hardware and an hRSC. Interrupts and timers come in,
 * register accesses go out; each calls its hook.
 */
#pragma once

#include "core/hrsc.h"
#include "kfv/hook.h"

/* A physical interrupt for h. */
void l1_gate_irq(struct hrsc *h, u32 line);
/* h's deadline has passed. */
void l1_gate_timer(struct hrsc *h);
/* h asks for its timer() at deadline_ns; 0 cancels. */
void l1_gate_timer_arm(struct hrsc *h, u64 deadline_ns);
/* A vCPU left guest mode: kind is enum exit_kind, ticks the TSC spent inside. */
static inline void l1_gate_exit(struct hrsc *vcpu, u32 kind, u64 rip, u64 ticks)
{
	if (unlikely(vcpu->armed & HOOK_EXIT_BIT(kind)))
		(void)hook_fire(HOOK_L1_EXIT, host_hrsc.id, vcpu->id, kind, rip, ticks, 0);
}
/* An instruction of the host faulted where that had been foreseen, and was answered with an error.
 */
void l1_gate_fault(u64 vector, u64 error, u64 rip, u64 address);
/* A confined driver failed: cause is enum compartment_cause. */
void l1_gate_driver_fault(struct hrsc *h, u64 cause, u64 error, u64 rip, u64 address);
/* Port access by h; width 1, 2 or 4. A denied read returns all ones, a denied write is dropped. */
u32 l1_gate_read(struct hrsc *h, u16 port, u8 width);
void l1_gate_write(struct hrsc *h, u16 port, u8 width, u32 value);
/*
 * A register of h's device, `at` bytes into a range of it; width 8 as well, if that is memory.
 * value: what to write; NULL: it is read, and returned.
 */
struct device_range;
u64 l1_gate_reg(struct hrsc *h, const struct device_range *r, u32 at, u32 width, const u64 *value);
/* `count` words of 16 bits in or out of a port; denied, nothing moves. */
void l1_gate_block(struct hrsc *h, u16 port, bool out, void *data, u64 count);
/* h's device is to be let at memory; false: it must not. */
static inline bool l1_gate_dma(struct hrsc *h, hpa_t memory, u64 len)
{
	return HOOK(h->armed, HOOK_L1_DMA, h->id, host_hrsc.id, memory.v, len, 0, 0) == HOOK_ALLOW;
}

/* A page-table entry of the host or of a stage 2 is about to change. */
void l1_gate_table_write(u64 *entry, u64 value);

/*
 * Sends the line's interrupts to h: an ISA line's, or from ISA_LINES on those of a message with the
 * line's vector. -ENOENT when no I/O APIC has the ISA line's pin.
 */
#define ISA_LINES	     16
#define L1_LINES	     64
#define L1_LINE_VECTOR(line) (VECTOR_ISA + (line))
int __must_check l1_irq_attach(u32 line, struct hrsc *h);
