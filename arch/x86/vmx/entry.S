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
	movq 8*1(%rax), %rcx
	movq 8*2(%rax), %rdx
	movq 8*3(%rax), %rbx
	movq 8*5(%rax), %rbp
	movq 8*6(%rax), %rsi
	movq 8*7(%rax), %rdi
	movq 8*8(%rax), %r8
	movq 8*9(%rax), %r9
	movq 8*10(%rax), %r10
	movq 8*11(%rax), %r11
	movq 8*12(%rax), %r12
	movq 8*13(%rax), %r13
	movq 8*14(%rax), %r14
	movq 8*15(%rax), %r15
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
