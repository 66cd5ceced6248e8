/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * World switch (SDM volume 3, "VM Entries" and "VM Exits").
 *
 * int vmx_run(u64 *gpr, u64 *cr2, bool launched);
 *
 * Entry and exit switch RIP, RSP, RFLAGS, CR0, CR3, CR4, the segments and the MSRs of the VMCS; the
 * other general registers and CR2 are ours to move. An exit arrives at vmx_exited with RSP as
 * written to HOST_RSP below. The stack while the guest runs:
 *   cr2            0(%rsp)
 *   gpr            8(%rsp)
 *   r15 .. rbp    16(%rsp)
 *
 * Where the CPU does not enter at all, it goes on behind VMLAUNCH or VMRESUME, with this stack and
 * the guest's registers still in place. Interrupts are off throughout: an exit clears RFLAGS.
 */
#include "arch/x86/gprs.h"

#define HOST_RSP_FIELD 0x6c14

	.section .text, "ax"
	.balign 16
	.globl vmx_run
vmx_run:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rdi
	pushq %rsi
	movl $HOST_RSP_FIELD, %eax
	vmwrite %rsp, %rax
	movq (%rsi), %rax
	movq %rax, %cr2
	testb %dl, %dl
	movq %rdi, %rax
	load_gprs %rax
	movq (%rax), %rax
	jz 1f
	vmresume
	jmp 2f
1:	vmlaunch
2:	movl $1, %eax
	addq $16, %rsp
	jmp 3f

	.globl vmx_exited
vmx_exited:
	pushq %rax
	movq 16(%rsp), %rax
	save_gprs
	popq (%rax)
	popq %rcx
	movq %cr2, %rdx
	movq %rdx, (%rcx)
	popq %rdi
	xorl %eax, %eax
3:	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.section .note.GNU-stack, "", @progbits
