/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of this machine: off, again, or with a value for whoever started the emulator. */
#pragma once

#include "core/lib/types.h"

/* What machine_exit() tells the emulator after a panic. */
#define EXIT_PANIC 0x7e

void machine_halt(void) __noreturn;	 /* this CPU, for ever */
void machine_power_off(void) __noreturn; /* ACPI S5, else halts and says so */
void machine_reboot(void) __noreturn;
/* QEMU's isa-debug-exit at 0xf4 (status (code << 1) | 1), Bochs's debugger and shutdown ports. */
void machine_exit(u8 code) __noreturn;
/* The command line says that this is an emulator: panics end it, too. Before sealing. */
void machine_in_emulator(void);
/* After panic() has said everything. */
void machine_stop_after_panic(void) __noreturn;
