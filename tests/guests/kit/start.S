/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From multiboot's 32-bit protected mode to guest_start(info) in long mode, with the low 4 GiB
 * mapped one to one; and the way in and out of every interrupt and exception.
 */
#define MB_MAGIC 0x1badb002
#define MB_FLAGS 3

#define CR0_PG_WP_PE 0x80010001
#define CR4_PAE	     0x20
#define MSR_EFER     0xc0000080
#define EFER_LME     0x100

	.section .multiboot, "ax"
	.balign 4
	.long MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)

	.text
	.code32
	.globl start
start:
	cli
	cld
	movl %ebx, %esi
	movl $stack_end, %esp
	/* Root and second level. */
	movl $(page_tables + 0x1000 + 3), page_tables
	movl $page_tables + 0x2000 + 3, %eax
	movl $page_tables + 0x1000, %edi
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $0x1000, %eax
	addl $8, %edi
	loop 1b
	/* 2048 pages of 2 MiB: present, writable, large. */
	movl $0x83, %eax
	movl $page_tables + 0x2000, %edi
	movl $2048, %ecx
2:	movl %eax, (%edi)
	addl $0x200000, %eax
	addl $8, %edi
	loop 2b

	movl $page_tables, %eax
	movl %eax, %cr3
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $MSR_EFER, %ecx
	rdmsr
	orl $EFER_LME, %eax
	wrmsr
	movl $CR0_PG_WP_PE, %eax
	movl %eax, %cr0
	lgdt gdt_pointer
	ljmp $0x08, $start64

	.code64
start64:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %ss
	xorl %eax, %eax
	movl %eax, %fs
	movl %eax, %gs
	movl $stack_end, %esp
	movl %esi, %edi
	call guest_start
3:	cli
	hlt
	jmp 3b

/*
 * One stub for each vector, 16 bytes apart. Those without an error code push a zero:
 *	rsp -> r15 ... rax, vector, error, rip, cs, rflags, rsp, ss	(struct trap_frame)
 */
	.globl trap_stubs
	.balign 16
trap_stubs:
	.set vector, 0
	.rept 256
	.balign 16
	.if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
	.else
	pushq $0
	.endif
	pushq $vector
	jmp trap_common
	.set vector, vector + 1
	.endr

trap_common:
	pushq %rax
	pushq %rcx
	pushq %rdx
	pushq %rbx
	pushq %rbp
	pushq %rsi
	pushq %rdi
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, %rdi
	movq %rsp, %rbp
	andq $~15, %rsp
	cld
	call trap_handle
	movq %rbp, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rdi
	popq %rsi
	popq %rbp
	popq %rbx
	popq %rdx
	popq %rcx
	popq %rax
	addq $16, %rsp
	iretq

	.data
	.balign 8
	.globl gdt, page_tables
gdt:
	.quad 0
	.quad 0x00af9b000000ffff
	.quad 0x00cf93000000ffff
gdt_end:
gdt_pointer:
	.short gdt_end - gdt - 1
	.quad gdt

	.bss
	.balign 4096
page_tables:
	.skip 6 * 4096
	.skip 16384
stack_end:

	.section .note.GNU-stack, "", @progbits
