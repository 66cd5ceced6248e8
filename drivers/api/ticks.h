/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters that run at a constant rate, from nanoseconds and back. `hz` is a constant, so that each
 * conversion is one multiplication; neither wraps within the 584 years that nanoseconds last.
 */
#pragma once

#include "core/lib/types.h"

#define TICKS_NS_PER_SEC 1000000000ull

/* How many ticks have passed in `ns`; hz below TICKS_NS_PER_SEC. */
static __always_inline u64 ticks_from_ns(u64 ns, u64 hz)
{
	u64 ratio = ((unsigned __int128)hz << 64) / TICKS_NS_PER_SEC;

	return (unsigned __int128)ns * ratio >> 64;
}

/* A moment at which ticks_from_ns() has reached `ticks`: 2 ns late, which makes up for rounding. */
static __always_inline u64 ticks_to_ns(u64 ticks, u64 hz)
{
	u64 ratio = ((unsigned __int128)TICKS_NS_PER_SEC << 52) / hz;

	return (u64)((unsigned __int128)ticks * ratio >> 52) + 2;
}
