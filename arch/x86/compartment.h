/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compartments: where confined drivers run. Ring 3 in host mode with page tables of its own, which
 * hold the driver's data, its stack, and of the image no more than the drivers' text and constants;
 * the nucleus is there as well, out of ring 3's reach, but for devices, windows and whatever else
 * an interrupt's first instructions have no need of (SDM volume 3, "Privilege Levels" and
 * "Interrupt and Exception Handling"). The compartments share the pages of the drivers' text and
 * nothing else.
 *
 * The nucleus enters with IRETQ. INT VECTOR_CALL leads out, to one of driver_calls[] or, as number
 * 0, back to whoever entered. Entries nest, as a driver's call may lead into another compartment.
 * Interrupts are on inside, and find the nucleus as a call would: with no lock above LOCK_VM held.
 */
#pragma once

/* What the assembly knows of struct compartment. */
#define COMPARTMENT_CR3	   0
#define COMPARTMENT_SP	   8
#define COMPARTMENT_RFLAGS 16
#define COMPARTMENT_DOOMED 24
#define COMPARTMENT_DATA   32

#ifdef __ASSEMBLER__

/* clang-format off */
	/* From the percpu record at this offset in the stack. Needs RAX, RCX, RDX. */
	.macro load_host percpu
	movq \percpu(%rsp), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	movl $0xc0000101, %ecx		/* MSR_GS_BASE */
	wrmsr
	movq host_cr3(%rip), %rax
	movq %rax, %cr3
	pushq $2			/* AC, DF and NT off */
	popfq
	.endm
/* clang-format on */

#else

#include "arch/x86/paging.h"
#include "config.h"

#define COMPARTMENT_STACK_PAGES 4
#define IMAGE_SLOT		511 /* of the image and the pool in a root table */

/* Why a compartment failed: the vector of an exception, or one of these. */
enum compartment_cause {
	CAUSE_BUDGET = 32, /* it ran for too long */
	CAUSE_STACK,	   /* its stack is full, or was written beyond its end */
	CAUSE_DATA,	   /* its data was written beyond its end */
	CAUSE_CALL,	   /* there is no call of that number */
	CAUSE_POINTER,	   /* a call was to use memory that is not its own */
	CAUSE_GRANT,	   /* it may not have what it asked for */
	CAUSE_NESTING,	   /* calls that lead into compartments again and again */
	CAUSE_ORDER,	   /* the operator wants it */
	CAUSES
};

struct compartment_fault {
	u64 cause, error, rip, address; /* error and address as exceptions have them */
};

struct compartment {
	u64 cr3;		/* (c) */
	u64 sp;			/* (o) where its next entry begins, in its own addresses */
	u64 rflags;		/* (c) with which an entry begins */
	bool doomed;		/* (o) failed: is not to go on anywhere */
	u8 ticks;		/* (o) of the timer that the entry has seen */
	u8 entries;		/* (o) that have not returned */
	u32 state_pages;	/* (c) */
	u64 data;		/* (c) in its own addresses: up to the guard page behind them */
	struct pagetable space; /* (c) */
	u64 *leaf;	   /* (c) the entries of space that map its state, a dirty bit in each */
	u8 *state, *stack; /* (c) as the nucleus sees them, in whole pages */
	u8 *shared;	   /* (c) what it has at COMPARTMENT_SHARED; NULL: nothing */
	u64 shared_len;	   /* (c) */
	u8 *kept;	   /* (o) state after the last entry that went well */
	u64 secret;	   /* (c) what the canary at the stack's end holds */
	struct compartment_fault fault; /* (o) when doomed */
};

extern u64 host_cr3;			   /* (c) */
extern struct pagetable compartment_image; /* (c) the image as all of them have it */
extern u8 compartment_done[];		   /* where what was entered returns to */

/* A compartment with zeroed data; destroyed by the caller also on an error. -ENOMEM. */
int __must_check compartment_create(struct compartment *c, u32 state_bytes);
/* Maps more of the pool's pages of FRAME_COMPARTMENT into it, at COMPARTMENT_SHARED. -ENOMEM. */
int __must_check compartment_share(struct compartment *c, u8 *pages, u32 npages);
void compartment_destroy(struct compartment *c);
/* Its data, as the nucleus sees them. */
void *compartment_data(const struct compartment *c);
/* Its data are sound: what compartment_restore() goes back to. all: others than itself wrote them.
 */
void compartment_keep(struct compartment *c, bool all);
/* Not doomed any more, with an empty stack and its data as they were kept, or zeroed. */
void compartment_restore(struct compartment *c);
void compartment_reset(struct compartment *c);
/*
 * Calls fn(state, a, b, x, y) of the drivers' text inside. All ones when it failed; c->doomed says
 * so, c->fault why.
 */
struct compartment_call {
	const void *fn;
	u64 a, b, x, y;
};
u64 compartment_call(struct compartment *c, const struct compartment_call *call);
/* Of one whose stack is empty: leaves these bytes at its top; returns where it sees them. */
u64 compartment_give(struct compartment *c, const void *data, u32 len);
/*
 * What it has at [at, at + len), data or stack, as the nucleus sees it, to read or write; NULL: it
 * is not all there.
 */
void *compartment_buffer(const struct compartment *c, u64 at, u64 len);
/* Its next entry fails. */
void compartment_doom(struct compartment *c);
/* From a call outwards of the innermost compartment: it ends here, as failed. */
void compartment_abort(u64 cause, u64 error, u64 rip, u64 address) __noreturn;
/* The innermost one's instruction that called out. */
u64 compartment_caller(void);

struct trap_frame;
/* An exception or interrupt came while a compartment ran. */
void compartment_trap(struct trap_frame *f);

/* The campaign of faults: an entry begins; an exception came inside, is it the campaign's own? */
#if CONFIG_TEST
void planted_entry(struct compartment *c);
bool planted_step(struct trap_frame *f);
#else
#define planted_entry(c) ((void)(c))
#define planted_step(f)	 ((void)(f), false)
#endif

/* diag/panic_dump.c: what a cause is called. */
const char *cause_name(u64 cause);

#endif
