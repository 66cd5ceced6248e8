/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The victim whose life is watched: a beat at a steady rate from its own timer, counted by the
 * hypervisor too, and memory that nobody but this guest may change, digested at every beat.
 *
 * Command line: period_ms=100, beats=0 (0: for ever).
 */
#include "tests/guests/kit/kit.h"

#define STATIC_BYTES 65536

static u64 memory[STATIC_BYTES / 8];
static volatile u64 ticks;
static u64 last, worst;

static void tick(void)
{
	ticks++;
	apic_write(APIC_EOI, 0);
}

static void fill(void)
{
	u64 x = 0x9e3779b97f4a7c15;

	for (u32 i = 0; i < ARRAY_LEN(memory); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memory[i] = x;
	}
}

/* FNV-1a, eight bytes at a time. */
static u64 digest(void)
{
	u64 hash = 0xcbf29ce484222325;

	for (u32 i = 0; i < ARRAY_LEN(memory); i++)
		hash = (hash ^ memory[i]) * 0x100000001b3;
	return hash;
}

static void note_gap(void)
{
	u64 now = rdtsc();

	if (last && now - last > worst)
		worst = now - last;
	last = now;
}

/* A beat for each tick of the timer, also for those that came while this guest did not run. */
static void beat(u64 number, u64 *known)
{
	u64 found = digest();

	note_gap();
	print("beat %lu tsc %lu\n", number, last);
	if (hypervisor_present())
		hypercall(HYPERCALL_BEAT, number, 0, 0);
	if (found != *known)
		print("DIGEST CHANGED from %016lx to %016lx\n", *known, found);
	*known = found;
}

u32 guest_main(void)
{
	u64 period_ms = argument_number("period_ms", 100), beats = argument_number("beats", 0);
	u64 known, done = 0;

	fill();
	known = digest();
	timer_calibrate();
	interrupt_handle(VECTOR_TIMER, tick);
	print("heartbeat every %lu ms, tsc %lu Hz, apic %lu Hz\n", period_ms, tsc_hz, apic_hz);
	print("digest %016lx\n", known);
	timer_periodic(period_ms * 1000);
	while (!beats || done < beats) {
		while (ticks == done)
			wait_interrupt();
		beat(++done, &known);
	}
	print("beats %lu worst gap %lu us\n", done, worst * 1000000 / tsc_hz);
	return 0;
}
