/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For both world switches: where struct hv_vcpu keeps a guest's registers, and the general ones on
 * their way (enum gpr), all but RAX and RSP, which each back end moves in its own way.
 */
#pragma once

#define HV_RSP	  0x20
#define HV_RIP	  0x80
#define HV_RFLAGS 0x88
#define HV_CR2	  0x90

#ifdef __ASSEMBLER__

/* clang-format off */
	/* What C expects to find again, and the two arguments for what comes behind an exit. */
	.macro save_host
	.irp r, rbp, rbx, r12, r13, r14, r15, rsi, rdi
	pushq %\r
	.endr
	.endm

	.macro restore_host
	.irp r, rdi, rsi, r15, r14, r13, r12, rbx, rbp
	popq %\r
	.endr
	.endm

	/* Through RDI, which comes last. */
	.macro load_gprs
	movq 8*1(%rdi), %rcx
	movq 8*2(%rdi), %rdx
	movq 8*3(%rdi), %rbx
	movq 8*5(%rdi), %rbp
	movq 8*6(%rdi), %rsi
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq 8*\n(%rdi), %r\n
	.endr
	movq 8*7(%rdi), %rdi
	.endm

	/* Through RAX. */
	.macro save_gprs
	movq %rcx, 8*1(%rax)
	movq %rdx, 8*2(%rax)
	movq %rbx, 8*3(%rax)
	movq %rbp, 8*5(%rax)
	movq %rsi, 8*6(%rax)
	movq %rdi, 8*7(%rax)
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq %r\n, 8*\n(%rax)
	.endr
	.endm
/* clang-format on */

#endif
