/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The smallest firmware: 64 KiB at 0xf0000 for QEMU's q35. Puts the power management ports where
 * the guest's ACPI tables have them, and enters the state that place.c left in low memory.
 */
#define HANDOVER  0x500
#define LONG_MODE (HANDOVER + 0)
#define RIP	  (HANDOVER + 8)
#define RSP	  (HANDOVER + 16)
#define RSI	  (HANDOVER + 24)
#define CR3	  (HANDOVER + 32)
#define RAX	  (HANDOVER + 40)
#define RBX	  (HANDOVER + 48)
#define GDTR	  (HANDOVER + 56)

#define ICH9_LPC  0x8000f800 /* device 31, function 0 */
#define PMBASE	  0x40
#define ACPI_CNTL 0x44

	.text
	.code16
bios:
	cli
	lgdtl %cs:(gdt_pointer - bios)
	movl %cr0, %eax
	orb $1, %al
	movl %eax, %cr0
	ljmpl $0x08, $protected

	.code32
protected:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movw $0xcf8, %dx
	movl $(ICH9_LPC | PMBASE), %eax
	outl %eax, %dx
	movw $0xcfc, %dx
	movl $0x601, %eax
	outl %eax, %dx
	movw $0xcf8, %dx
	movl $(ICH9_LPC | ACPI_CNTL), %eax
	outl %eax, %dx
	movw $0xcfc, %dx
	movb $0x80, %al
	outb %al, %dx

	movl RSP, %esp
	lgdt GDTR
	cmpl $0, LONG_MODE
	jne enter_long
	ljmp $0x10, $enter_protected
enter_protected:
	movl $0x18, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movl RAX, %eax
	movl RBX, %ebx
	jmp *RIP

enter_long:
	movl $0x20, %eax /* PAE */
	movl %eax, %cr4
	movl CR3, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx
	rdmsr
	orl $0x100, %eax /* LME */
	wrmsr
	movl $0x80000011, %eax
	movl %eax, %cr0
	ljmp $0x10, $long

	.code64
long:
	movl $0x18, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	movq RSI, %rsi
	jmp *RIP

	.balign 8
gdt:
	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
	.short . - gdt - 1
	.long gdt

	.org 0xfff0
	.code16
	ljmp $0xf000, $0
	.org 0x10000
	.section .note.GNU-stack, "", @progbits
