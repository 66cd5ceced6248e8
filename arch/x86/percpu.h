/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each CPU has of its own, reached through GS. The boot CPU's lies in the image.
 */
#pragma once

#include "core/lib/types.h"

struct hrsc;

struct __aligned(16) tss
{
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap;
}
__packed;

struct percpu {
	struct percpu *self;   /* (c) at GS:0 */
	u32 id;		       /* (c) */
	u32 apic_id;	       /* (c) */
	void *vcpu;	       /* (o) struct vcpu that runs, or NULL */
	struct hrsc *running;  /* (o) the driver inside which this CPU is */
	u64 timer_deadline_ns; /* (o) what the physical timer is armed for, 0 nothing */
	u64 *window_table;     /* (c) this CPU's window entries */
	u32 window_used;       /* (o) */
	struct tss tss;
	u64 gdt[8];
};

extern struct percpu boot_cpu;

#ifdef __clang__
#define __percpu __attribute__((address_space(256)))
#else
#define __percpu __seg_gs
#endif

/* A field of this CPU's struct percpu. */
#define this_cpu(field) (((struct percpu __percpu *)0)->field)

/* GDT, IDT, TSS with its stacks, and GS, for the CPU that calls. */
void tables_load(struct percpu *cpu);
