/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * World switch (APM volume 2, "VMRUN Instruction" and "VMSAVE and VMLOAD Instructions").
 *
 * void svm_run(u64 vmcb_hpa, u64 *gpr, u64 host_vmcb_hpa);
 *
 * VMRUN switches RIP, RSP, RFLAGS, RAX, the control registers, CS, SS, DS and ES; VMLOAD and VMSAVE
 * the rest of what both sides have of their own (FS, GS, TR, LDTR, the SYSCALL and SYSENTER MSRs);
 * the general registers are ours to move. The stack while the guest runs:
 *   host_vmcb_hpa  0(%rsp)
 *   gpr            8(%rsp)
 *   r15 .. rbp    16(%rsp)
 *
 * GIF is clear from CLGI to STGI, so that nothing comes in between; RFLAGS.IF is set at VMRUN, so
 * that a physical interrupt ends the guest's run (with V_INTR_MASKING the guest's own IF does not
 * count).
 */
	.section .text, "ax"
	.balign 16
	.globl svm_run
svm_run:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	pushq %rsi
	pushq %rdx
	movq %rdi, %rax
	movq 8*1(%rsi), %rcx
	movq 8*2(%rsi), %rdx
	movq 8*3(%rsi), %rbx
	movq 8*5(%rsi), %rbp
	movq 8*7(%rsi), %rdi
	movq 8*8(%rsi), %r8
	movq 8*9(%rsi), %r9
	movq 8*10(%rsi), %r10
	movq 8*11(%rsi), %r11
	movq 8*12(%rsi), %r12
	movq 8*13(%rsi), %r13
	movq 8*14(%rsi), %r14
	movq 8*15(%rsi), %r15
	movq 8*6(%rsi), %rsi
	clgi
	sti
	vmload %rax
	vmrun %rax
	vmsave %rax
	movq (%rsp), %rax
	vmload %rax
	movq 8(%rsp), %rax
	movq %rcx, 8*1(%rax)
	movq %rdx, 8*2(%rax)
	movq %rbx, 8*3(%rax)
	movq %rbp, 8*5(%rax)
	movq %rsi, 8*6(%rax)
	movq %rdi, 8*7(%rax)
	movq %r8, 8*8(%rax)
	movq %r9, 8*9(%rax)
	movq %r10, 8*10(%rax)
	movq %r11, 8*11(%rax)
	movq %r12, 8*12(%rax)
	movq %r13, 8*13(%rax)
	movq %r14, 8*14(%rax)
	movq %r15, 8*15(%rax)
	cli
	stgi
	addq $16, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret

	.section .note.GNU-stack, "", @progbits
