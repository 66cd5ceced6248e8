/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the guest's other vCPUs begin: copied to AP_PAGE, entered in real mode by a start-up IPI,
 * and from there in one step to long mode on the guest's page tables. The stack is the one of its
 * APIC id.
 */
#include "tests/guests/smp/ap.h"

	.text
	.code16
	.globl ap_begin, ap_end
ap_begin:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movl $0x20, %eax		/* CR4.PAE */
	movl %eax, %cr4
	movl $page_tables, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		/* EFER.LME */
	rdmsr
	orl $0x100, %eax
	wrmsr
	lgdtl (ap_gdt - ap_begin)
	movl $0x80010011, %eax		/* CR0: PG, WP, ET, PE */
	movl %eax, %cr0
	ljmpl $0x08, $ap_long
ap_gdt:
	.short 23
	.long gdt
ap_end:
	.code64
ap_long:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl $1, %eax
	cpuid
	shrl $24, %ebx
	movl %ebx, %edi
	imull $AP_STACK, %ebx, %ebx
	leaq ap_stacks + AP_STACK(%rbx), %rsp
	call ap_main
1:	cli
	hlt
	jmp 1b

	.bss
	.balign 16
ap_stacks:
	.skip AP_STACK * AP_MAX

	.section .note.GNU-stack, "", @progbits
