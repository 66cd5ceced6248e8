/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of this machine: off, again, or with a value for whoever started the emulator. */
#pragma once

#include "core/lib/types.h"

void machine_power_off(void) __noreturn; /* ACPI S5, else halts and says so */
void machine_reboot(void) __noreturn;
/* QEMU's isa-debug-exit at 0xf4 (status (code << 1) | 1), Bochs's debugger and shutdown ports. */
void machine_exit(u8 code) __noreturn;
