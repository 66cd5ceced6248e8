/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into compartments and out of them. The nucleus's stack while one runs, from the top down:
 *   rbp rbx r12 .. r15     of compartment_enter()'s caller
 *   compartment, rsp0      of the entry around this one, 0 where there is none
 *   percpu                 here TSS.RSP0 points: what comes from ring 3 pushes its frame below
 * Ring 3 begins with no register but its arguments, and comes back to none.
 */
#include "arch/x86/compartment.h"
#include "arch/x86/percpu.h"
#include "boot/layout.h"

#define CALL_CS	    8
#define CALL_RSP    24
#define CALL_PERCPU 40

	/* u64 compartment_enter(struct compartment *c, const void *fn, a, b, x, y) */
	.section .text, "ax"
	.balign 16
	.globl compartment_enter
compartment_enter:
	.irp r, rbp, rbx, r12, r13, r14, r15
	pushq %\r
	.endr
	pushq %gs:PERCPU_COMPARTMENT
	pushq %gs:PERCPU_RSP0
	pushq %gs:0
	movq %rdi, %gs:PERCPU_COMPARTMENT
	movq %rsp, %gs:PERCPU_RSP0
	lgdt %gs:PERCPU_GDTR		/* VM exits on VT-x leave a limit of 64 KiB */
	pushq $SELECTOR_USER_DATA
	pushq COMPARTMENT_SP(%rdi)
	pushq COMPARTMENT_RFLAGS(%rdi)
	pushq $SELECTOR_USER_CODE
	pushq %rsi
	movq COMPARTMENT_CR3(%rdi), %rax
	movq COMPARTMENT_DATA(%rdi), %rdi
	movq %rdx, %rsi
	movq %rcx, %rdx
	movq %r8, %rcx
	movq %r9, %r8
	.irp r, ebx, ebp, r9d, r10d, r11d, r12d, r13d, r14d, r15d
	xorl %\r, %\r
	.endr
	movq %rax, %cr3
	xorl %eax, %eax
	iretq

	/* INT VECTOR_CALL in ring 3: number in R10, arguments as C passes them. */
	.balign 16
	.globl compartment_gate
compartment_gate:
	testb $3, CALL_CS(%rsp)
	jz not_ring3
	movq %rax, %r11
	movq %rcx, %r9
	movq %rdx, %r8
	load_host CALL_PERCPU
	movl %r10d, %r10d
	testl %r10d, %r10d
	jz returned
	movq %gs:PERCPU_COMPARTMENT, %rax
	movq CALL_RSP(%rsp), %rcx
	movq %rcx, COMPARTMENT_SP(%rax)
	cmpl driver_call_count(%rip), %r10d
	jae no_such_call
	movq %r9, %rcx
	movq %r8, %rdx
	subq $8, %rsp
	call *driver_calls(, %r10, 8)
	addq $8, %rsp
	movq %gs:PERCPU_COMPARTMENT, %rcx
	cmpb $0, COMPARTMENT_DOOMED(%rcx)
	jne compartment_leave
	movq COMPARTMENT_CR3(%rcx), %rcx
	movq %rcx, %cr3
	.irp r, ecx, edx, esi, edi, r8d, r9d, r10d, r11d
	xorl %\r, %\r
	.endr
	iretq

returned:
	movq %r11, %rax
	/* Back to compartment_enter()'s caller, from however deep, with RAX. */
	.globl compartment_leave
compartment_leave:
	movq %gs:PERCPU_RSP0, %rsp
	addq $8, %rsp
	popq %gs:PERCPU_RSP0
	popq %gs:PERCPU_COMPARTMENT
	movl $SELECTOR_DATA, %ecx
	movl %ecx, %ss
	movl %ecx, %ds
	movl %ecx, %es
	.irp r, r15, r14, r13, r12, rbx, rbp
	popq %\r
	.endr
	ret

no_such_call:
	movq %r10, %rdi
	subq $8, %rsp
	call compartment_bad_call

not_ring3:
	pushq $0
	pushq $0x80
	jmp trap_common

	/* What the compartments execute: returns from what was entered. */
	.section .driver.text, "ax"
	.balign 16
	.globl compartment_done
compartment_done:
	xorl %r10d, %r10d
	int $0x80

	.section .note.GNU-stack, "", @progbits
