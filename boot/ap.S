/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the other CPUs begin: one page, copied below 1 MiB, entered in real mode at its first byte
 * (SDM volume 3, "MP Initialization Protocol Algorithm for MP Systems"). From there in one step to
 * long mode on the nucleus's own page tables, in which this page is mapped executable and read-only
 * at its physical address while CPUs are being started. boot/ap.c fills in what lies at the end.
 */
#include "boot/layout.h"

	.section .rodata.ap, "a"
	.balign 16
	.globl ap_page, ap_page_end, ap_fields
	.code16
ap_page:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movl $1, %eax			/* EBX 31:24: its APIC id */
	cpuid
	shrl $24, %ebx
	cmpl %ebx, (ap_wanted - ap_page)
	jne ap_late
	movl $0x20, %eax		/* CR4.PAE */
	movl %eax, %cr4
	movl (ap_cr3 - ap_page), %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		/* EFER: LME, NXE */
	rdmsr
	orl $0x900, %eax
	wrmsr
	lgdtl (ap_gdtr - ap_page)
	movl $0x80010033, %eax		/* CR0: PG, WP, NE, ET, MP, PE */
	movl %eax, %cr0
	ljmpl *(ap_target - ap_page)
ap_late:
	hlt				/* it was given up: see boot/ap.c */
	jmp ap_late
	.code64
ap_long:
	movl $SELECTOR_DATA, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movq ap_stack(%rip), %rsp
	movq ap_cpu(%rip), %rdi
	xorl %ebp, %ebp
	pushq %rbp
	jmp *ap_main_at(%rip)
	.balign 8
ap_gdt:					/* accessed bits set: this page is read-only */
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
ap_fields:				/* struct ap_fields */
ap_wanted:
	.long 0
ap_cr3:
	.long 0
ap_target:
	.long ap_long - ap_page		/* plus where the page lies */
	.short SELECTOR_CODE
ap_gdtr:
	.short 23
	.long ap_gdt - ap_page		/* the same */
	.long 0
	.balign 4
ap_stack:
	.quad 0
ap_cpu:
	.quad 0
ap_main_at:
	.quad 0
ap_page_end:

	.section .note.GNU-stack, "", @progbits
