/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counts, and knows when it was tampered with: every word of its memory, a vector register and its
 * timer hold the count or go with it. For snapshots: what comes back must be of one moment.
 *
 * Command line: period_ms=50, counts=0 (0: for ever). Each line has the count and the microseconds
 * of its TSC since the one before.
 */
#include "tests/guests/kit/kit.h"

#define WORDS (MIB(3) / 8)

static u64 memory[WORDS];
static volatile u64 ticks;

static void tick(void)
{
	ticks++;
	apic_write(APIC_EOI, 0);
}

static void sse_on(void)
{
	u64 cr0, cr4;

	asm volatile("mov %%cr0, %0; mov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
	asm volatile("mov %0, %%cr0; mov %1, %%cr4" ::"r"((cr0 & ~BIT(2)) | BIT(1)),
		"r"(cr4 | BIT(9) | BIT(10)));
}

static bool holds(u64 count)
{
	u64 vector;

	asm volatile("movq %%xmm7, %0" : "=r"(vector));
	for (u32 i = 0; i < WORDS; i += 64) {
		if (memory[i] != count)
			return false;
	}
	return vector == count;
}

static void become(u64 count)
{
	for (u32 i = 0; i < WORDS; i += 64)
		memory[i] = count;
	asm volatile("movq %0, %%xmm7" ::"r"(count));
}

u32 guest_main(void)
{
	u64 counts = argument_number("counts", 0), last, now;

	sse_on();
	become(0);
	timer_calibrate();
	interrupt_handle(VECTOR_TIMER, tick);
	timer_periodic(argument_number("period_ms", 50) * 1000);
	last = rdtsc();
	for (u64 count = 0; !counts || count < counts;) {
		u64 from = ticks;

		while (ticks == from)
			wait_interrupt();
		if (!holds(count)) {
			print("COUNT %lu IS NOT WHOLE\n", count);
			return 1;
		}
		become(++count);
		now = rdtsc();
		print("count %lu after %lu us\n", count, (now - last) * 1000000 / tsc_hz);
		last = now;
	}
	return 0;
}
