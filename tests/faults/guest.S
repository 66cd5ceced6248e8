/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The barest way into a guest and back, and what the guests run. They share the host's address
 * space and change no register that C wants kept but RAX.
 */
	.section .text, "ax"

/*
 * void fault_vmrun(u64 vmcb_hpa): VMRUN itself brings back RIP, RSP and RAX. The host's IF is set,
 * or no interrupt would end a guest's run with V_INTR_MASKING.
 */
	.balign 16
	.globl fault_vmrun
fault_vmrun:
	movq %rdi, %rax
	clgi
	sti
	vmrun %rax
	cli
	stgi
	ret

/* bool fault_vmlaunch(void): false when the entry failed at once. */
#define HOST_RSP 0x6c14
#define HOST_RIP 0x6c16
	.balign 16
	.globl fault_vmlaunch
fault_vmlaunch:
	movl $HOST_RSP, %edx
	vmwrite %rsp, %rdx
	leaq 1f(%rip), %rax
	movl $HOST_RIP, %edx
	vmwrite %rax, %rdx
	vmlaunch
	xorl %eax, %eax
	ret
1:	movl $1, %eax
	ret

	.balign 16
	.globl fault_read_cr2, fault_nops, fault_nops_intel, fault_int
fault_read_cr2:
	movq %cr2, %rax
	vmmcall
fault_nops:
	nop
	nop
	vmmcall
fault_nops_intel:
	nop
	nop
	vmcall
fault_int:
	int $0x44
	vmmcall

	.section .note.GNU-stack, "", @progbits
