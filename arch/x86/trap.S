/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 256 entry stubs of 16 bytes each. The stack at trap_handle(), from the top down:
 *   ss rsp rflags cs rip   by the CPU
 *   error                  by the CPU, or a zero of ours
 *   vector                 by the stub
 *   rax .. r15             by trap_common
 */
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
	jmp trap_common
	.set vector, vector + 1
	.endr

	.balign 16
trap_common:
	cld
	.irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
	pushq %\r
	.endr
	movq %rsp, %rdi
	xorl %ebp, %ebp
	movq %rsp, %rbx
	andq $-16, %rsp
	call trap_handle
	movq %rbx, %rsp
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
