/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time: nanoseconds since boot, counted by the TSC, which is calibrated against the PIT; and the
 * one physical timer (the local APIC's), which always holds the earliest deadline anyone has.
 */
#pragma once

#include "core/lib/types.h"

/* ns = ((tsc - tsc_start) << shift) * mul >> 32: what guests are told, so that they agree. */
struct time_scale {
	u64 tsc_start;
	u32 mul;
	u8 shift;
};
extern struct time_scale time_scale;
extern struct time_clock {
	u64 tsc_khz, apic_per_ns_32;
	s64 wall_at_start;
} time_clock; /* (c) both are set by boot/clock.c */

u64 time_now_ns(void);
u64 time_tsc_khz(void);
/* Seconds since 1970 (UTC, as the RTC has it) when time_now_ns() was 0. */
s64 time_wall_at_boot(void);
/* An interrupt no later than deadline_ns. 0: nobody waits. */
void time_arm(u64 deadline_ns);
/* The handler of VECTOR_TIMER. */
void time_fired(u8 vector);
