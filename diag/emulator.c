/* SPDX-License-Identifier: BSD-2-Clause */
/* An emulator is told how it ended: by QEMU's isa-debug-exit or Bochs's ports. */
#include "core/l1/power.h"

#include "arch/x86/io.h"
#include "arch/x86/seal.h"
#include "core/l1/log.h"

#define QEMU_DEBUG_EXIT 0xf4
#define BOCHS_SHUTDOWN	0x8900
#define BOCHS_DEBUGGER	0x8a00

static bool in_emulator __sealed;

void machine_in_emulator(void)
{
	in_emulator = true;
}

void machine_exit(u8 code)
{
	log_flush();
	out8(QEMU_DEBUG_EXIT, code);
	if (code) {
		for (const char *p = "Shutdown"; *p; p++)
			out8(BOCHS_SHUTDOWN, (u8)*p);
	} else {
		out16(BOCHS_DEBUGGER, 0x8a00);
		out16(BOCHS_DEBUGGER, 0x8ae0);
	}
	machine_power_off();
}

void machine_stop_after_panic(void)
{
	if (in_emulator)
		machine_exit(EXIT_PANIC);
	machine_halt();
}
