/* SPDX-License-Identifier: BSD-2-Clause */
/* A fault that is foreseen. */
#pragma once

/* Runs an undefined instruction for which there is a fix-up: goes on behind it. */
static inline void fault_on_purpose(void)
{
	asm volatile("1:	ud2\n"
		     "2:	.pushsection kfv_fixups, \"a\"\n"
		     "	.quad 1b, 2b\n"
		     "	.popsection" ::
			     : "memory");
}
