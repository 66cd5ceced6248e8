/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * World switch (APM volume 2, "VMRUN Instruction" and "VMSAVE and VMLOAD Instructions").
 *
 * void svm_run(struct hv_vcpu *v, struct exit *exit, u64 vmcb_hpa, u64 host_vmcb_hpa);
 *
 * VMRUN switches RIP, RSP, RFLAGS, RAX, the control registers, CS, SS, DS and ES; VMLOAD and VMSAVE
 * the rest of what both sides have of their own (FS, GS, TR, LDTR, the SYSCALL and SYSENTER MSRs);
 * the general registers are ours to move. After an exit it goes on as svm_decode(v, exit). The
 * stack while the guest runs:
 *   host_vmcb_hpa  0(%rsp)
 *   v              8(%rsp)
 *   exit          16(%rsp)
 *   r15 .. rbp    24(%rsp)
 *
 * GIF is clear from CLGI to STGI, so that nothing comes in between; RFLAGS.IF is set at VMRUN, so
 * that a physical interrupt ends the guest's run (with V_INTR_MASKING the guest's own IF does not
 * count).
 */
#include "arch/x86/gprs.h"

	.section .text, "ax"
	.balign 16
	.globl svm_run
svm_run:
	save_host
	pushq %rcx
	movq %rdx, %rax
	load_gprs
	clgi
	sti
	vmload %rax
	vmrun %rax
	vmsave %rax
	movq (%rsp), %rax
	vmload %rax
	movq 8(%rsp), %rax
	save_gprs
	cli
	stgi
	addq $8, %rsp
	restore_host
	jmp svm_decode

	.section .note.GNU-stack, "", @progbits
