/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for interrupts, with an end. */
#pragma once

#include "tests/guests/kit/kit.h"

/* True as soon as *count reaches target, false after so many milliseconds. Interrupts off outside.
 */
static inline bool wait_count(const volatile u32 *count, u32 target, u32 ms)
{
	u64 start = rdtsc();

	interrupts_on();
	while (*count < target && rdtsc() - start < tsc_hz / 1000 * ms)
		pause();
	interrupts_off();
	return *count >= target;
}
