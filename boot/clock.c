/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frequencies of the TSC and of the local APIC's timer, measured against the PIT, whose
 * frequency is the same on every PC, and the time of day from the RTC (MC146818).
 */
#include "boot/clock.h"

#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/io.h"
#include "core/l1/time.h"

#define PIT_HZ	     1193182u
#define CALIBRATE_MS 5
#define CALIBRATIONS 16
#define PIT_COUNT    (PIT_HZ * CALIBRATE_MS / 1000)
#define PIT_CHANNEL2 0x42
#define PIT_COMMAND  0x43
#define PORT_SPEAKER 0x61
#define SPEAKER_GATE BIT(0)
#define SPEAKER_OUT2 BIT(5)
#define POLL_LIMIT   50000000u
#define RTC_INDEX    0x70
#define RTC_DATA     0x71

/* Waits CALIBRATE_MS by PIT channel 2. -ETIMEDOUT when its output never rises. */
static int pit_wait(void)
{
	u32 polls = 0;

	out8(PORT_SPEAKER, (in8(PORT_SPEAKER) & ~3) | SPEAKER_GATE);
	out8(PIT_COMMAND, 0xb0); /* channel 2, both bytes, mode 0 */
	out8(PIT_CHANNEL2, PIT_COUNT & 0xff);
	out8(PIT_CHANNEL2, PIT_COUNT >> 8);
	while (!(in8(PORT_SPEAKER) & SPEAKER_OUT2)) {
		if (++polls == POLL_LIMIT)
			return -ETIMEDOUT;
	}
	return 0;
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

	for (u32 i = 0; (rtc_read(0x0a) & 0x80) && i < POLL_LIMIT / 100; i++)
		cpu_relax();
	binary = rtc_read(0x0b) & BIT(2);
	days = days_of(2000 + rtc_number(9, binary), rtc_number(8, binary), rtc_number(7, binary));
	return days * 86400 + rtc_number(4, binary) * 3600 + rtc_number(2, binary) * 60 +
	       rtc_number(0, binary);
}

/* Ticks of the TSC and of the APIC's timer in CALIBRATE_MS. */
static int measure(u64 *ticks, u64 *apic_ticks)
{
	u64 start;

	apic_timer_start(~0u);
	start = rdtsc();
	if (pit_wait() < 0)
		return -ETIMEDOUT;
	*ticks = rdtsc() - start;
	*apic_ticks = ~0u - apic_timer_left();
	apic_timer_start(0);
	return *ticks && *apic_ticks ? 0 : -EIO;
}

/*
 * The PIT's end is seen late when firmware or a busy emulator holds this CPU up, and never early:
 * the shortest measurement is the best, and good when the third or a later one is within 1/4096.
 */
static int calibrate(u64 *ticks, u64 *apic_ticks)
{
	u64 t, a, gap;
	int err = measure(ticks, apic_ticks);

	for (u32 i = 1; i < CALIBRATIONS && !err; i++) {
		err = measure(&t, &a);
		gap = t > *ticks ? t - *ticks : *ticks - t;
		if (t < *ticks) {
			*ticks = t;
			*apic_ticks = a;
		}
		if (i >= 2 && gap <= t >> 12)
			break;
	}
	return err;
}

int clock_start(void)
{
	u64 ticks, apic_ticks;
	int err = calibrate(&ticks, &apic_ticks);

	if (err)
		return err;
	time_start(ticks * 1000 / CALIBRATE_MS, apic_ticks * 1000 / CALIBRATE_MS, rtc_time());
	return 0;
}
