/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The L1 gate: every crossing between the hardware and an hRSC. Interrupts and timers come in,
 * register accesses go out; each calls its hook.
 */
#pragma once

#include "core/hrsc.h"

/* A physical interrupt for h. */
void l1_gate_irq(struct hrsc *h, u32 line);
/* h's deadline has passed. */
void l1_gate_timer(struct hrsc *h);
/* h asks for its timer() at deadline_ns; 0 cancels. */
void l1_gate_timer_arm(struct hrsc *h, u64 deadline_ns);
/* A vCPU left guest mode: kind is enum exit_kind, ticks the TSC spent inside. */
void l1_gate_exit(struct hrsc *vcpu, u32 kind, u64 rip, u64 ticks);
/* Port access by h; width 1, 2 or 4. A denied read returns all ones, a denied write is dropped. */
u32 l1_gate_read(struct hrsc *h, u16 port, u8 width);
void l1_gate_write(struct hrsc *h, u16 port, u8 width, u32 value);

/* Physical interrupt lines: who is called when an ISA line fires (from the IDT). */
void l1_irq_attach(u32 line, struct hrsc *h);
