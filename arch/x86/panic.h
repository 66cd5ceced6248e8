/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of the hypervisor itself: registers, a symbolised backtrace, the reason, and a halt. */
#pragma once

#include "arch/x86/trap.h"
#include "core/lib/types.h"

/* An exception that nobody expected. */
void panic_exception(const struct trap_frame *f) __noreturn;
/* To the serial port, byte by byte, and to the screen. */
void panic_say(const char *fmt, ...) __printf(1, 2);
/* Prints the callers from a frame pointer on, through the synchronous port. */
void backtrace_print(u64 rip, u64 rbp);

/* diag/panic_dump.c: all registers. */
void panic_dump(const struct trap_frame *f);
/* Name of the function at `address` and the distance from its start; NULL outside the text. */
const char *symbol_find(u64 address, u64 *offset);
