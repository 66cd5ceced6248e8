/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time for the test guests: PIT channel 2 polled through port 0x61 as the reference (Intel 8254
 * data sheet; its clock is 1193182 Hz), the local APIC's timer for interrupts.
 */
#include "tests/guests/kit/kit.h"

#define PIT_HZ	      1193182ull
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define SPEAKER	      0x61
#define GATE_2	      BIT(0)
#define SPEAKER_ON    BIT(1)
#define OUT_2	      BIT(5)
#define DIVIDE_BY_1   0xb
#define CALIBRATE_US  4000
#define CALIBRATIONS  8

u64 apic_hz, tsc_hz;

/* Returns what to write to SPEAKER for the count to begin. */
static u8 pit_load(u32 us)
{
	u32 count = us * PIT_HZ / 1000000;
	u8 speaker = in8(SPEAKER) & ~(SPEAKER_ON | GATE_2);

	out8(SPEAKER, speaker);
	out8(PIT_COMMAND, 0xb0); /* channel 2, low then high byte, mode 0 */
	out8(PIT_CHANNEL_2, count);
	out8(PIT_CHANNEL_2, count >> 8);
	return speaker | GATE_2;
}

static void pit_run(u8 speaker)
{
	out8(SPEAKER, speaker);
	while (!(in8(SPEAKER) & OUT_2))
		pause();
}

void pit_wait(u32 us)
{
	pit_run(pit_load(us));
}

static void pic_init(void)
{
	static const struct {
		u16 port;
		u8 value;
	} words[] = {
		{ 0x20, 0x11 },
		{ 0x21, VECTOR_PIC },
		{ 0x21, 4 },
		{ 0x21, 1 },
		{ 0xa0, 0x11 },
		{ 0xa1, VECTOR_PIC + 8 },
		{ 0xa1, 2 },
		{ 0xa1, 1 },
		{ 0x21, 0xff },
		{ 0xa1, 0xff },
	};

	for (u32 i = 0; i < ARRAY_LEN(words); i++)
		out8(words[i].port, words[i].value);
}

/* Spurious interrupts need no end of interrupt. */
static void ignore(void)
{
}

/* Under two hypervisors a port access takes long: nothing but the count may be measured. */
static void calibrate_once(void)
{
	u8 speaker = pit_load(CALIBRATE_US);
	u64 tsc, apic;

	apic_write(APIC_TIMER_START, ~0u);
	tsc = rdtsc();
	pit_run(speaker);
	tsc = rdtsc() - tsc;
	apic = ~0u - apic_read(APIC_TIMER_NOW);
	tsc_hz = MIN(tsc_hz, tsc * 1000000 / CALIBRATE_US);
	apic_hz = MIN(apic_hz, apic * 1000000 / CALIBRATE_US);
}

/* Another guest's turn in the middle makes a measurement longer, never shorter: the least counts.
 */
void timer_calibrate(void)
{
	pic_init();
	interrupt_handle(VECTOR_SPURIOUS, ignore);
	interrupt_handle(VECTOR_PIC + 7, ignore);
	apic_write(APIC_SVR, 0x100 | VECTOR_SPURIOUS);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_TIMER_DIV, DIVIDE_BY_1);
	apic_write(APIC_LVT_TIMER, APIC_MASKED);
	tsc_hz = apic_hz = ~0ull;
	for (u32 i = 0; i < CALIBRATIONS; i++)
		calibrate_once();
	apic_write(APIC_TIMER_START, 0);
}

void timer_periodic(u64 period_us)
{
	u64 count = apic_hz * period_us / 1000000;

	if (!period_us) {
		apic_write(APIC_LVT_TIMER, APIC_MASKED);
		apic_write(APIC_TIMER_START, 0);
		return;
	}
	apic_write(APIC_LVT_TIMER, APIC_PERIODIC | VECTOR_TIMER);
	apic_write(APIC_TIMER_START, MIN(count, 0xffffffffull));
}
