/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock is the TSC; the local APIC's timer gives the interrupts. boot/clock.c has measured
 * both.
 */
#include "core/l1/time.h"

#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"

struct time_scale time_scale;
struct time_clock time_clock;

u64 time_now_ns(void)
{
	u64 ticks = (rdtsc() - time_scale.tsc_start) << time_scale.shift;

	return (u64)((unsigned __int128)ticks * time_scale.mul >> 32);
}

u64 time_tsc_khz(void)
{
	return time_clock.tsc_khz;
}

s64 time_wall_at_boot(void)
{
	return time_clock.wall_at_start;
}

void time_fired(u8 vector)
{
	(void)vector;
	this_cpu(timer_deadline_ns) = 0;
	apic_eoi();
}

void time_arm(u64 deadline_ns)
{
	u64 now, ticks;

	if (deadline_ns == this_cpu(timer_deadline_ns))
		return;
	this_cpu(timer_deadline_ns) = deadline_ns;
	if (!deadline_ns) {
		apic_timer_start(0);
		return;
	}
	now = time_now_ns();
	ticks = deadline_ns > now ? deadline_ns - now : 1;
	ticks = (MIN(ticks, 1000000000ull) * time_clock.apic_per_ns_32 >> 32) + 1;
	apic_timer_start((u32)MIN(ticks, 0xffffffffull));
}
