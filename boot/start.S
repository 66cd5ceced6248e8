/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions. GRUB enters here in 32-bit protected mode without paging (Multiboot2
 * Specification, "I386 machine state"), with the image at its link address or moved as a whole:
 * until paging is on, everything is addressed relative to `start32`, whose address %ebp holds.
 *
 * Builds page tables that already keep W^X (text executable and read-only, constants read-only, the
 * rest not executable), enters long mode and calls boot_main(info, image) at the linked address.
 */
#include "boot/layout.h"
#include "boot/reason.h"

#define MB2_HEADER_MAGIC 0xe85250d6
#define MB2_LOADER_MAGIC 0x36d76289

#define PTE_P	 0x001
#define PTE_W	 0x002
#define PTE_NX_HI 0x80000000

	.section .boot.header, "a"
	.balign 8
header:
	.long MB2_HEADER_MAGIC, 0, header_end - header
	.long -(MB2_HEADER_MAGIC + (header_end - header))
	/* The image may be put anywhere below 4 GiB; the lowest place is preferred. */
	.balign 8
	.short 10, 1
	.long 24, 0x200000, 0xffffffff, 0x200000, 1
	/* Modules on page boundaries. */
	.balign 8
	.short 6, 1
	.long 8
	/* No framebuffer tag: a BIOS stays in text mode, where `fail` can write; UEFI gives one. */
	.balign 8
	.short 0, 0
	.long 8
header_end:

#define REL(symbol) (symbol - start32)(%ebp)

	.section .boot.text, "ax"
	.code32
	.globl start32
start32:
	cli
	cld
	cmpl $MB2_LOADER_MAGIC, %eax
	jne not_multiboot2
	/* No stack yet: borrow the reserved word of the boot information for one return address. */
	leal 8(%ebx), %esp
	call 1f
1:	popl %ebp
	subl $(1b - start32), %ebp
	leal REL(boot_stack_end), %esp
	movl %ebx, REL(boot_info)
	leal REL(image_start), %eax
	movl %eax, REL(boot_image)

	movl $0x80000000, %eax
	cpuid
	movl $REASON_NO_LONG_MODE, %esi
	cmpl $0x80000001, %eax
	jb fail
	movl $0x80000001, %eax
	cpuid
	btl $29, %edx
	jnc fail
	movl $REASON_NO_NX, %esi
	btl $20, %edx
	jnc fail
	rdtsc				/* when it all began */
	movl %eax, REL(boot_began)
	movl %edx, REL(boot_began + 4)

	/* The image's pages: %ecx runs over the offsets; text, then constants, then data. */
	leal REL(boot_pt_image), %edi
	xorl %ecx, %ecx
map_page:
	movl REL(boot_image), %eax
	leal PTE_P(%eax, %ecx), %eax
	xorl %edx, %edx
	cmpl $text_size, %ecx
	jb 2f
	movl $PTE_NX_HI, %edx
	cmpl $text_rodata_size, %ecx
	jb 2f
	orl $PTE_W, %eax
2:	movl %eax, (%edi)
	movl %edx, 4(%edi)
	addl $8, %edi
	addl $4096, %ecx
	cmpl $image_size, %ecx
	jb map_page

	/* PML4[511], PDPT[510], PD: [1..] image, [511] early window; PML4[256]: the pool. */
	.macro link from, index, to
	leal REL(\to), %eax
	orl $(PTE_P | PTE_W), %eax
	movl %eax, REL(\from + 8 * \index)
	.endm
	link boot_pml4, 511, boot_pdpt_high
	link boot_pml4, 256, boot_pdpt_direct
	link boot_pdpt_high, 510, boot_pd_high
	link boot_pd_high, 1, boot_pt_image
	link boot_pd_high, 2, boot_pt_image + 4096
	link boot_pd_high, 511, boot_pt_early

	/* The crossing page, executable where it stands; boot_main() takes it away. */
	leal REL(crossing), %esi
	link boot_pml4, 0, boot_pdpt_low
	leal REL(boot_pd_low), %eax
	orl $(PTE_P | PTE_W), %eax
	movl %esi, %edx
	shrl $30, %edx
	leal REL(boot_pdpt_low), %edi
	movl %eax, (%edi, %edx, 8)
	leal REL(boot_pt_low), %eax
	orl $(PTE_P | PTE_W), %eax
	movl %esi, %edx
	shrl $21, %edx
	andl $511, %edx
	leal REL(boot_pd_low), %edi
	movl %eax, (%edi, %edx, 8)
	movl %esi, %edx
	shrl $12, %edx
	andl $511, %edx
	leal REL(boot_pt_low), %edi
	leal PTE_P(%esi), %eax
	movl %eax, (%edi, %edx, 8)

	leal REL(crossing_gdt), %eax
	movl %eax, REL(crossing_gdtr + 2)
	leal REL(long_mode), %eax
	movl %eax, REL(crossing_target)
	leal REL(boot_pml4), %eax
	movl %eax, %cr3
	movl $0x20, %eax		/* CR4.PAE */
	movl %eax, %cr4
	movl $0xc0000080, %ecx		/* EFER: LME, NXE */
	rdmsr
	orl $0x900, %eax
	wrmsr
	movl REL(boot_info), %edi
	movl REL(boot_image), %esi
	leal REL(crossing), %ebx
	jmp crossing

not_multiboot2:
	movl $0x7c00, %esp		/* nobody said where memory is: on a PC, here */
	call 1f
1:	popl %ebp
	subl $(1b - start32), %ebp
	movl $REASON_NOT_MULTIBOOT2, %esi
	/* %esi: the reason. Its text goes to COM1 and, white on red, to the text screen. */
fail:
	movw $0x3fb, %dx
	movb $0x03, %al			/* 8N1, divisor latch closed */
	outb %al, %dx
	movl $0xb8000, %edi
	leal REL(early_reasons), %ebx
	movl %esi, %ecx
find_text:
	movb (%ebx), %al
	incl %ebx
	cmpb %cl, %al
	je say
2:	cmpb $0, (%ebx)
	leal 1(%ebx), %ebx
	jne 2b
	jmp find_text
say:
	movb (%ebx), %al
	incl %ebx
	testb %al, %al
	jz stopped
	cmpb $0x20, %al
	jb 3f				/* CR and LF: for the serial line alone */
	movb $0x4f, %ah
	movw %ax, (%edi)
	addl $2, %edi
3:	movb %al, %ah
	movw $0x3fd, %dx
	movl $0x10000, %ecx
4:	inb %dx, %al
	testb $0x20, %al
	loopz 4b
	movw $0x3f8, %dx
	movb %ah, %al
	outb %al, %dx
	jmp say
stopped:
	hlt
	jmp stopped

	/* Number and text of the reasons that are found here. */
#define X(number, name, text, hint)                                                                \
	.if number == REASON_NOT_MULTIBOOT2 || number == REASON_NO_LONG_MODE ||                    \
		number == REASON_NO_NX; .byte number; .ascii "\r\nKFV boot failure ";              \
	.byte 0x30 + number / 10, 0x30 + number % 10; .ascii ": ", text; .asciz "\r\n"; .endif;
early_reasons:
	BOOT_REASONS(X)
#undef X

	/* One page: it must be whole in the identity mapping while paging is switched on. */
	.section .boot.crossing, "ax"
	.balign 4096
	.code32
crossing:
	movl $0x80010033, %eax		/* CR0: PG, WP, NE, ET, MP, PE */
	movl %eax, %cr0
	lgdt (crossing_gdtr - crossing)(%ebx)
	ljmp *(crossing_target - crossing)(%ebx)
	.code64
long_mode:
	movl $SELECTOR_DATA, %eax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	xorl %eax, %eax
	movw %ax, %fs
	movw %ax, %gs
	movabsq $boot_stack_end, %rsp
	xorl %ebp, %ebp
	pushq %rbp
	movabsq $boot_main, %rax
	jmp *%rax
	.balign 8
crossing_gdt:				/* accessed bits set: this page is read-only */
	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
crossing_gdtr:
	.short 23
	.long 0, 0
crossing_target:
	.long 0
	.short SELECTOR_CODE
	.balign 4096

	.section .data.boot, "aw"
	.balign 8
	.globl boot_began
boot_began:
	.quad 0
boot_info:
	.long 0
boot_image:
	.long 0

	.section .bss.boot, "aw", @nobits
	.balign 4096
	.globl boot_pt_early, boot_pd_direct, boot_pdpt_direct, boot_stack_guard
boot_pml4:	  .skip 4096
boot_pdpt_low:	  .skip 4096
boot_pd_low:	  .skip 4096
boot_pt_low:	  .skip 4096
boot_pdpt_high:	  .skip 4096
boot_pd_high:	  .skip 4096
boot_pt_image:	  .skip 4096 * BOOT_IMAGE_TABLES
boot_pt_early:	  .skip 4096
boot_pdpt_direct: .skip 4096
boot_pd_direct:	  .skip 4096
	.globl boot_stack, boot_stack_end
boot_stack_guard: .skip 4096
boot_stack:	  .skip 16384
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
