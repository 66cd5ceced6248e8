/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Was this memory somebody's? Looks whether all RAM behind itself is zero, then leaves a word in
 * every eighth byte of it for whoever comes next.
 *
 * Command line: reboot=1 resets the machine then, otherwise it waits for ever; wait_ms=0 before.
 */
#include "tests/guests/kit/kit.h"

#define KEYBOARD_COMMAND 0x64
#define PULSE_RESET	 0xfe
#define LEFT_BEHIND	 0x6c65667420686572ull

u32 guest_main(void)
{
	volatile u64 *from = (u64 *)ALIGN_UP((u64)guest_end, PAGE_SIZE), *end = (u64 *)ram_end();
	u64 dirty = 0;

	for (volatile u64 *word = from; word < end; word++) {
		dirty += *word != 0;
		*word = LEFT_BEHIND;
	}
	print("SCRUB %lu KiB, %lu words not zero\n", (u64)(end - from) / 128, dirty);
	for (u64 ms = argument_number("wait_ms", 0); ms; ms--)
		pit_wait(1000);
	while (argument_number("reboot", 0))
		out8(KEYBOARD_COMMAND, PULSE_RESET);
	for (;;)
		asm volatile("sti; hlt");
}
