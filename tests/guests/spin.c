/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worst neighbour: never sleeps, takes no interrupt, and now and then says what time it is for
 * the hypervisor.
 *
 * Command line: period_ms=100.
 */
#include "tests/guests/kit/kit.h"

#define LOOPS 1000000 /* milliseconds, so that nobody takes it for a flood of hypercalls */

u32 guest_main(void)
{
	u64 period_ns = argument_number("period_ms", 100) * 1000000, due = 0;

	for (;;) {
		u64 now = (u64)hypercall(HYPERCALL_TIME_NS, 0, 0, 0);

		if (now >= due) {
			print("spin %lu us\n", now / 1000);
			due = now + period_ns;
		}
		for (u32 i = 0; i < LOOPS; i++)
			asm volatile("");
	}
}
