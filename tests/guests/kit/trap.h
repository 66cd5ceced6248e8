/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts and exceptions of the test guests: see kit.h for what guests call. */
#pragma once

#include "core/lib/types.h"

/* As start.S pushes it. */
struct trap_frame {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error;
	u64 rip, cs, rflags, rsp, ss;
};

void trap_init(void);
void trap_handle(struct trap_frame *frame);
