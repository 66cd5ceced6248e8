/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver's calls are linked to: in ring 3 the way out of its compartment, in ring 0 a plain
 * jump. This text is the drivers', as they are the same bytes in both placements.
 */
#include "core/driver_calls.h"

	.section .driver.text, "ax"
	.set number, 1

	.macro stub name
	.balign 16
	.globl \name
\name:
	movl %cs, %eax
	testb $3, %al
	jz call_\name
	movl $number, %r10d
	int $0x80		/* VECTOR_CALL */
	ret
	.set number, number + 1
	.endm

#define X(name) stub name;
	DRIVER_CALLS(X)

	.section .note.GNU-stack, "", @progbits
