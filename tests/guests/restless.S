/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest that is never done and always at something else, as small as can be: it is ready within
 * some hundred instructions of its start, which matters to who starts thousands. Its first vCPU
 * stays in 32-bit mode, sleeps between ticks of its local APIC's timer, touches memory in places
 * that are new, sends interrupts, NMIs and start-up IPIs to all others, and asks for a reboot in
 * the end; the others count in real mode until the next INIT.
 */
#define MB_MAGIC 0x1badb002

#define AP_PAGE	   0x8000
#define AP_COUNT   0x7000
#define IDT	   0x9000
#define STACK	   0x80000
#define MEMORY	   0x200000	/* where it touches: 4 MiB from here on */
#define VECTOR	   0x20
#define TICK_NS	   100000
#define ROUNDS	   40		/* until the reboot */

#define APIC_EOI   0xfee000b0
#define APIC_SVR   0xfee000f0
#define APIC_ICR   0xfee00300
#define APIC_LVT   0xfee00320
#define APIC_COUNT 0xfee00380
#define APIC_DIV   0xfee003e0
#define OTHERS	   0xc0000
#define ICR_FIXED  (OTHERS + 0x4000 + VECTOR)
#define ICR_NMI	   (OTHERS + 0x4400)
#define ICR_INIT   (OTHERS + 0x4500)
#define ICR_START  (OTHERS + 0x4600 + (AP_PAGE >> 12))

	.section .multiboot, "ax"
	.balign 4
	.long MB_MAGIC, 0, -MB_MAGIC

	.text
	.code32
	.globl start
start:
	cli
	cld
	movl $STACK, %esp
	movl $ap_begin, %esi
	movl $AP_PAGE, %edi
	movl $(ap_end - ap_begin), %ecx
	rep movsb

	movl $tick, %eax		/* a gate for the timer, and one for NMIs */
	movl $(IDT + 8 * VECTOR), %edi
	call gate
	movl $back, %eax
	movl $(IDT + 8 * 2), %edi
	call gate
	lidt idt_pointer
	movl $0x1ff, APIC_SVR
	movl $0xb, APIC_DIV
	movl $(0x20000 + VECTOR), APIC_LVT
	movl $TICK_NS, APIC_COUNT

	xorl %ebp, %ebp			/* rounds */
	movl $1, %ebx			/* what is random */
round:
	incl %ebp
	imull $1103515245, %ebx
	addl $12345, %ebx
	movl %ebx, %eax
	shrl $8, %eax
	andl $0x3ff000, %eax
	incl MEMORY(%eax)
	outb %al, $0x80
	testl $7, %ebp
	jnz 1f
	movl $ICR_INIT, APIC_ICR
	movl $ICR_START, APIC_ICR
1:	testl $3, %ebp
	jnz 2f
	movl $ICR_NMI, APIC_ICR
	movl $ICR_FIXED, APIC_ICR
2:	testl $1, %ebx
	jnz round
	cmpl $ROUNDS, %ebp
	ja reboot
	sti
	hlt
	cli
	jmp round
reboot:
	movb $0xfe, %al
	outb %al, $0x64
	jmp reboot

/* A 32-bit interrupt gate at edi that leads to eax. */
gate:
	movw %ax, (%edi)
	movw %cs, 2(%edi)
	movw $0x8e00, 4(%edi)
	shrl $16, %eax
	movw %ax, 6(%edi)
	ret

tick:
	movl $0, APIC_EOI
back:
	iret

	.code16
ap_begin:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw $200, %cx
1:	incw AP_COUNT
	outb %al, $0x80
	loop 1b
	cpuid
	testb $1, AP_COUNT + 1
	jz ap_begin			/* by turns it spins and sleeps */
	hlt
	jmp ap_begin
ap_end:

	.data
idt_pointer:
	.short 8 * (VECTOR + 1) - 1
	.long IDT

	.section .note.GNU-stack, "", @progbits
