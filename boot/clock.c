/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frequencies of the TSC and of the local APIC's timer, measured against the PIT, whose
 * frequency is the same on every PC, and the time of day from the RTC (MC146818).
 */
#include "boot/clock.h"

#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "arch/x86/trap.h"
#include "core/l1/time.h"

#define APIC_TIMER_CURRENT 0x390

#define PIT_HZ	     1193182u
#define CALIBRATE_MS 5
#define CALIBRATIONS 20
#define LOOKS	     8
#define LOOKS_MAX    100000u
#define PIT_COUNT    (PIT_HZ * CALIBRATE_MS / 1000)
#define PIT_START    0xffffu
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PIT_LATCH2   0x80
#define PIT_MODE0    0xb0 /* channel 2, both bytes, mode 0: OUT2 rises at the end of the count */
#define PORT_SPEAKER 0x61
#define SPEAKER_GATE BIT(0)
#define SPEAKER_OUT2 BIT(5)
#define POLL_LIMIT   1000000u
#define RTC_INDEX    0x70
#define RTC_DATA     0x71

/* The PIT's count, which falls from PIT_START, and the two clocks at the same moment. */
struct moment {
	u64 tsc;
	u32 pit, apic;
};

static u32 pit_latched(void)
{
	u32 low = in8(PIT_CHANNEL2);

	return low | (u32)in8(PIT_CHANNEL2) << 8;
}

/*
 * Firmware or a busy emulator may hold this CPU up at any point, for milliseconds: the reading that
 * took the shortest time is the one that can be believed.
 */
static void look(struct moment *m)
{
	u64 shortest = ~0ull;

	for (u32 i = 0; i < LOOKS; i++) {
		u64 start = rdtsc(), took;
		u32 apic, pit;

		out8(PIT_COMMAND, PIT_LATCH2);
		apic = apic_read(APIC_TIMER_CURRENT);
		took = rdtsc() - start;
		pit = pit_latched();
		if (took < shortest) {
			shortest = took;
			*m = (struct moment){ start + took / 2, pit, apic };
		}
	}
}

static void pit_start(void)
{
	out8(PORT_SPEAKER, (in8(PORT_SPEAKER) & ~3) | SPEAKER_GATE);
	out8(PIT_COMMAND, PIT_MODE0);
	out8(PIT_CHANNEL2, PIT_START & 0xff);
	out8(PIT_CHANNEL2, PIT_START >> 8);
}

/*
 * Two moments CALIBRATE_MS or a little more apart. -EAGAIN: held up until the count had run out;
 * -ETIMEDOUT: it does not fall.
 */
static int measure(struct moment *from, struct moment *to)
{
	u32 polls = 0;

	pit_start();
	apic_timer_start(~0u);
	look(from);
	do
		look(to);
	while (from->pit - to->pit < PIT_COUNT && ++polls < LOOKS_MAX);
	apic_timer_start(0);
	if (polls == LOOKS_MAX)
		return -ETIMEDOUT;
	return in8(PORT_SPEAKER) & SPEAKER_OUT2 ? -EAGAIN : 0;
}

static u8 rtc_read(u8 index)
{
	out8(RTC_INDEX, index);
	return in8(RTC_DATA);
}

static u32 rtc_number(u8 index, bool binary)
{
	u8 v = rtc_read(index);

	return binary ? v : (v >> 4) * 10u + (v & 15);
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar; month and day from 1. */
static s64 days_of(s64 year, u32 month, u32 day)
{
	static const u16 before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	s64 y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162 + before[(month - 1) % 12] +
	       (leap && month > 2) + day - 1;
}

static s64 rtc_time(void)
{
	bool binary;
	s64 days;

	for (u32 i = 0; (rtc_read(0x0a) & 0x80) && i < POLL_LIMIT; i++)
		cpu_relax();
	binary = rtc_read(0x0b) & BIT(2);
	days = days_of(2000 + rtc_number(9, binary), rtc_number(8, binary), rtc_number(7, binary));
	return days * 86400 + rtc_number(4, binary) * 3600 + rtc_number(2, binary) * 60 +
	       rtc_number(0, binary);
}

/* From now on time passes. Frequencies in Hz; seconds since 1970. */
static void start(u64 tsc_hz, u64 apic_hz, s64 wall_clock_s)
{
	u64 ns_per_tick_32 = (1000000000ull << 32) / tsc_hz;

	for (; ns_per_tick_32 >> 32; ns_per_tick_32 >>= 1)
		time_scale.shift++;
	time_scale.mul = (u32)ns_per_tick_32;
	time_scale.tsc_start = rdtsc();
	time_clock.tsc_khz = tsc_hz / 1000;
	time_clock.apic_per_ns_32 = (apic_hz << 32) / 1000000000;
	time_clock.wall_at_start = wall_clock_s;
	trap_set_handler(VECTOR_TIMER, time_fired);
}

int clock_start(void)
{
	struct moment from, to;
	u64 ns, ticks;
	int err = -EAGAIN;

	for (u32 i = 0; i < CALIBRATIONS && err == -EAGAIN; i++)
		err = measure(&from, &to);
	if (err)
		return err == -EAGAIN ? -ETIMEDOUT : err;
	ns = (u64)(from.pit - to.pit) * 1000000000 / PIT_HZ;
	ticks = to.tsc - from.tsc;
	if (!ticks || to.apic >= from.apic)
		return -EIO;
	start(ticks * 1000000000 / ns, (u64)(from.apic - to.apic) * 1000000000 / ns, rtc_time());
	return 0;
}
