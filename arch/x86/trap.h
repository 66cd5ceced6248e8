/* SPDX-License-Identifier: BSD-2-Clause */
/* Exceptions and interrupts of the host (SDM volume 3, "Interrupt and Exception Handling"). */
#pragma once

#include "core/lib/types.h"

/* As trap.S leaves it on the stack. */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

/* IDT: 0-31 exceptions, 32-47 ISA lines, then ours. */
#define VECTOR_ISA	0x20
#define VECTOR_CALL	0x80 /* from a compartment: a call outwards, or its return */
#define VECTOR_TIMER	0xf0
#define VECTOR_KICK	0xf1 /* from another CPU: look again */
#define VECTOR_SPURIOUS 0xff

/* boot/idt.c: filled by the first CPU, sealed with the nucleus. */
#define IDT_BYTES 4096
extern u8 idt[IDT_BYTES];
void idt_fill(void);

/* Stacks of their own (IST slots). */
#define IST_NMI 1
#define IST_DF	2
#define IST_MC	3

/* From trap.S, for what came in ring 0 or has a stack of its own; with interrupts off. */
void trap_handle(struct trap_frame *f);
/* Calls the vector's handler. */
void trap_interrupt(u8 vector);
/* Where an interrupt vector goes: set once at boot by the interrupt code. */
void trap_set_handler(u8 vector, void (*handler)(u8 vector));

/* An instruction that may fault and where to go on if it does. */
struct fixup {
	u64 at, resume;
};
