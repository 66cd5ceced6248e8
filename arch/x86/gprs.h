/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For both world switches: the general registers and where struct hv_vcpu keeps them (enum gpr),
 * all but RAX and RSP, which each back end moves in its own way.
 */
#pragma once

#ifdef __ASSEMBLER__

/* clang-format off */
	/* \base: RAX or RSI; RSI comes last. */
	.macro load_gprs base
	movq 8*1(\base), %rcx
	movq 8*2(\base), %rdx
	movq 8*3(\base), %rbx
	movq 8*5(\base), %rbp
	movq 8*7(\base), %rdi
	.irp n, 8, 9, 10, 11, 12, 13, 14, 15
	movq 8*\n(\base), %r\n
	.endr
	movq 8*6(\base), %rsi
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
