/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 256 entry stubs of 16 bytes each. The stack at trap_handle(), from the top down:
 *   percpu                 only where ring 3 was interrupted, and on the stacks of NMI, #DF and #MC
 *   ss rsp rflags cs rip   by the CPU
 *   error                  by the CPU, or a zero of ours
 *   vector                 by the stub
 *   rax .. r15             by push_registers
 *
 * What came from ring 3 found there the selectors, flags and GS base that a compartment left behind
 * and its page tables: load_host takes the nucleus's own. An NMI may come before that was done.
 */
#include "arch/x86/compartment.h"
#include "arch/x86/percpu.h"

#define FRAME_CS     144
#define FRAME_PERCPU 176

	.section .text, "ax"
	.balign 16
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if !((vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21))
	pushq $0
	.endif
	pushq $vector
	.if vector == 2 || vector == 8 || vector == 18
	jmp trap_ist
	.else
	jmp trap_common
	.endif
	.set vector, vector + 1
	.endr

	.macro push_registers
	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq %\r
	.endr
	.endm

	.balign 16
trap_ist:
	push_registers
	movq %cr3, %rbx
	cmpq $0, host_cr3(%rip)		/* not yet */
	je 1f
	load_host FRAME_PERCPU
1:	movq %rsp, %rdi
	xorl %ebp, %ebp
	call trap_handle
	movq %rbx, %cr3
	jmp trap_return

trap_from_ring3:
	load_host FRAME_PERCPU
	movq %rsp, %rdi
	xorl %ebp, %ebp
	call compartment_trap
	movq %gs:PERCPU_COMPARTMENT, %rax
	movq COMPARTMENT_CR3(%rax), %rax
	movq %rax, %cr3
	jmp trap_return

	.balign 16
	.globl trap_common
trap_common:
	cld
	push_registers
	testb $3, FRAME_CS(%rsp)
	jnz trap_from_ring3
	movq %rsp, %rdi
	xorl %ebp, %ebp
	movq %rsp, %rbx
	andq $-16, %rsp
	call trap_handle
	movq %rbx, %rsp
trap_return:
	.irp r, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
	popq %\r
	.endr
	addq $16, %rsp
	iretq

	/* int rdmsr_safe(u32 msr, u64 *value) */
	.globl rdmsr_safe
rdmsr_safe:
	movl %edi, %ecx
1:	rdmsr
	shlq $32, %rdx
	orq %rdx, %rax
	movq %rax, (%rsi)
	xorl %eax, %eax
	ret
	/* int wrmsr_safe(u32 msr, u64 value) */
	.globl wrmsr_safe
wrmsr_safe:
	movl %edi, %ecx
	movl %esi, %eax
	movq %rsi, %rdx
	shrq $32, %rdx
2:	wrmsr
	xorl %eax, %eax
	ret
3:	movl $-14, %eax		/* -EFAULT */
	ret
	.section kfv_fixups, "a"
	.quad 1b, 3b
	.quad 2b, 3b

	.section .note.GNU-stack, "", @progbits
