/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every guest has: a line to the outside, its command line and memory map, exceptions that it
 * may cause on purpose, interrupts, a calibrated timer, and a way to end.
 */
#pragma once

#include "core/lib/types.h"
#include "tests/guests/kit/cpu.h"
#include "tests/guests/kit/hypercall.h"

/* Each guest's own. What it returns is given to guest_exit(). */
u32 guest_main(void);
/* Ends through the debug-exit port; where there is none, halts for good. */
void guest_exit(u32 value) __noreturn;

/* Serial line, 115200 8N1, polled. */
void print(const char *fmt, ...) __printf(1, 2);
/* "BENCH name median min smallest" of n values, which it sorts, less the overhead of each. */
void report(const char *name, u64 *values, u32 n, u64 overhead);

/* The word behind `name=` on the command line as text (NULL: absent), and as a number. */
const char *argument(const char *name);
u64 argument_number(const char *name, u64 otherwise);
/* End of RAM that begins at 1 MiB, and of the guest's own image. */
u64 ram_end(void);
extern u8 guest_end[];

/*
 * TRY("instruction", outputs : inputs) executes it and goes on behind it even if it faults; then
 * trap_vector says which exception it was, TRAP_NONE if none.
 */
#define TRAP_NONE 0xff
extern u64 trap_resume;
extern u32 trap_vector, trap_error;
extern u64 trap_cr2, trap_dr6;

#define TRY(insn, ...)                                                                             \
	do {                                                                                       \
		trap_vector = TRAP_NONE;                                                           \
		asm volatile("movq $9f, trap_resume(%%rip)\n\t" insn                               \
			     "\n9:\tmovq $0, trap_resume(%%rip)" __VA_ARGS__);                     \
	} while (0)

/* Vectors from 0x20 on, and 2 for NMIs; what is not handled counts as a bug of the guest and ends
 * it.
 */
#define VECTOR_PIC	0x20 /* 16 of them */
#define VECTOR_TIMER	0x40
#define VECTOR_TEST	0x41
#define VECTOR_IOAPIC	0x50
#define VECTOR_SPURIOUS 0xff
void interrupt_handle(u8 vector, void (*handler)(void));

#define EXCEPTION_DE 0
#define EXCEPTION_DB 1
#define EXCEPTION_BP 3
#define EXCEPTION_UD 6
#define EXCEPTION_GP 13
#define EXCEPTION_PF 14

#define APIC_BASE	 0xfee00000ull
#define APIC_ID		 0x20
#define APIC_VERSION	 0x30
#define APIC_TPR	 0x80
#define APIC_EOI	 0xb0
#define APIC_SVR	 0xf0
#define APIC_ISR	 0x100
#define APIC_IRR	 0x200
#define APIC_ICR_LOW	 0x300
#define APIC_ICR_HIGH	 0x310
#define APIC_LVT_TIMER	 0x320
#define APIC_LVT_LINT0	 0x350
#define APIC_TIMER_START 0x380
#define APIC_TIMER_NOW	 0x390
#define APIC_TIMER_DIV	 0x3e0
#define APIC_MASKED	 0x10000
#define APIC_PERIODIC	 0x20000
#define APIC_EXTINT	 0x700
#define APIC_SELF	 0x40000

static inline u32 apic_read(u32 offset)
{
	return mmio_read(APIC_BASE + offset);
}

static inline void apic_write(u32 offset, u32 value)
{
	mmio_write(APIC_BASE + offset, value);
}

/* Switches the local APIC on and the PIC's lines off, and measures APIC timer and TSC. */
void timer_calibrate(void);
extern u64 apic_hz, tsc_hz; /* APIC timer: with its divider at 1 */
/* VECTOR_TIMER every period_us until told otherwise; 0 stops. */
void timer_periodic(u64 period_us);
/* Busy for so long, by the PIT. At most 50 ms. */
void pit_wait(u32 us);
