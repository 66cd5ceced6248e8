/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each CPU has of its own, reached through GS. The boot CPU's lies in the image.
 */
#pragma once

/* Offsets that the assembly knows. */
#define PERCPU_COMPARTMENT 8
#define PERCPU_RSP0	   20
#define PERCPU_GDTR	   134

#ifndef __ASSEMBLER__

#include "core/lib/types.h"

struct compartment;
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
	struct percpu *self;		 /* (c) at GS:0 */
	struct compartment *compartment; /* (o) the innermost one that it has entered, or NULL */
	struct tss tss;			 /* (o) rsp[0]: below what compartment_enter() has saved */
	u16 pad[3], gdt_limit;		 /* (c) with gdt_base what LGDT takes */
	u64 gdt_base;			 /* (c) */
	u32 crossings;			 /* (o) compartments that it has entered and not left */
	bool interrupted;		 /* (o) in ring 3, since somebody looked last */
	u32 id;				 /* (c) */
	u32 apic_id;			 /* (c) */
	u8 *stack;			 /* (c) its lowest byte; STACK_BYTES */
	u8 *ist;	       /* (c) three pages: the stacks of NMI, double fault, machine check */
	void *vcpu;	       /* (o) struct vcpu that runs, or NULL */
	void *loaded;	       /* (o) struct vcpu whose FPU and debug registers the CPU holds */
	struct hrsc *running;  /* (o) the driver inside which this CPU is */
	u64 timer_deadline_ns; /* (o) what the physical timer is armed for, 0 nothing */
	u64 *window_table;     /* (c) this CPU's window entries */
	u8 *window;	       /* (c) what they map */
	void *hv_region;       /* (c) back end: VMXON region or host state save area */
	u64 hv_host;	       /* (c) AMD-V: hpa of the host's own VMSAVE area */
	const void *hv_current; /* (o) VT-x: struct hv_vcpu whose VMCS is current */
	const void *hv_loaded;	/* (o) VT-x: whose SYSCALL MSRs and debug registers it has */
	u64 nmi_rip;		/* (o) where the last NMI found it */
	u64 idle_ns;		/* (o) */
	u64 floor_ns;		/* (o) LOCK_SCHED: the virtual time of what it has run */
	u64 quiet;		/* (a) see smp_quiet() */
	u32 flushed;		/* (a) see smp_flush() */
	bool idle;		/* (o) LOCK_SCHED: nothing to run */
	u64 gdt[8];
};
ASSERT_OFFSET(struct percpu, compartment, PERCPU_COMPARTMENT);
ASSERT_OFFSET(struct percpu, tss.rsp[0], PERCPU_RSP0);
ASSERT_OFFSET(struct percpu, gdt_limit, PERCPU_GDTR);

#define CPU_MAX	    64
#define STACK_BYTES 16384ul

extern struct percpu boot_cpu;
extern struct percpu *cpus[CPU_MAX]; /* (c) after boot, by id */

#ifdef __clang__
#define __percpu __attribute__((address_space(256)))
#else
#define __percpu __seg_gs
#endif

/* A field of this CPU's struct percpu. */
#define this_cpu(field) (((struct percpu __percpu *)0)->field)

/* GDT, IDT, TSS with its stacks, and GS, for the CPU that calls. */
void tables_load(struct percpu *cpu);
/* For a panic: GS once more, from the GDT, which lies in this CPU's struct percpu. */
void tables_find_gs(void);

#endif
