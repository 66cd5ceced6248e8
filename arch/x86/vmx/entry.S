/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * World switch (SDM volume 3, "VM Entries" and "VM Exits").
 *
 * void vmx_run(struct hv_vcpu *v, struct exit *exit, bool launched);
 *
 * Entry and exit switch RIP, RSP, RFLAGS, CR0, CR3, CR4, the segments and the MSRs of the VMCS; the
 * other general registers and CR2 are ours to move. RIP, RSP and RFLAGS are copied to and from v
 * here: every VMCS has these fields, and without a current one the CPU would not enter either. An
 * exit arrives at vmx_exited with RSP as written to HOST_RSP below, and goes on as vmx_decode(v,
 * exit). The stack while the guest runs:
 *   v              0(%rsp)
 *   exit           8(%rsp)
 *   r15 .. rbp    16(%rsp)
 *
 * Where the CPU does not enter at all, it goes on behind VMLAUNCH or VMRESUME, with this stack and
 * the guest's registers still in place, as vmx_refused(v, exit). Interrupts are off throughout: an
 * exit clears RFLAGS.
 */
#include "arch/x86/gprs.h"

#define GUEST_RSP_FIELD	   0x681c
#define GUEST_RIP_FIELD	   0x681e
#define GUEST_RFLAGS_FIELD 0x6820
#define HOST_RSP_FIELD	   0x6c14

	.section .text, "ax"
	.balign 16
	.globl vmx_run
vmx_run:
	save_host
	movl $HOST_RSP_FIELD, %eax
	vmwrite %rsp, %rax
	movl $GUEST_RSP_FIELD, %eax
	vmwrite HV_RSP(%rdi), %rax
	movl $GUEST_RIP_FIELD, %eax
	vmwrite HV_RIP(%rdi), %rax
	movl $GUEST_RFLAGS_FIELD, %eax
	vmwrite HV_RFLAGS(%rdi), %rax
	movq HV_CR2(%rdi), %rax
	movq %rax, %cr2
	testb %dl, %dl
	movq (%rdi), %rax
	load_gprs
	jz 1f
	vmresume
	jmp 2f
1:	vmlaunch
2:	restore_host
	jmp vmx_refused

	.globl vmx_exited
vmx_exited:
	pushq %rax
	movq 8(%rsp), %rax
	save_gprs
	popq (%rax)
	movq %cr2, %rdx
	movq %rdx, HV_CR2(%rax)
	movl $GUEST_RSP_FIELD, %edx
	vmread %rdx, HV_RSP(%rax)
	movl $GUEST_RIP_FIELD, %edx
	vmread %rdx, HV_RIP(%rax)
	movl $GUEST_RFLAGS_FIELD, %edx
	vmread %rdx, HV_RFLAGS(%rax)
	restore_host
	jmp vmx_decode

	.section .note.GNU-stack, "", @progbits
