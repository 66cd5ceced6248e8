/* SPDX-License-Identifier: BSD-2-Clause */
/* A16: a flood of hypercalls, for some time; then polite calls, to see whether we may go on. */
#include "tests/guests/attack/attack.h"

#define SLICES	     10
#define POLITE_CALLS 8
#define POLITE_MS    100
#define HELD_MS	     10 /* a call that took so long was held back: a turn of another is 5 */

struct flood {
	u64 calls, refused, worst;
	u64 held_at; /* the first call that was held back, 0: none */
	u64 held;
};

static s64 call_once(bool unfair, u64 number)
{
	if (unfair)
		return hypercall(HYPERCALL_VULN_UNFAIR, SLICES, 0, 0);
	return hypercall(number & 1 ? HYPERCALL_NOP : HYPERCALL_TIME_NS, 0, 0, 0);
}

static void spin(u64 turns)
{
	if (turns)
		asm volatile("1: decq %0; jnz 1b" : "+r"(turns));
}

static void flood(struct flood *f, u64 ms, u64 turns, bool unfair)
{
	u64 now = rdtsc(), end = now + ms * tsc_hz / 1000, before;

	do {
		before = now;
		spin(turns);
		if (call_once(unfair, ++f->calls) < 0)
			f->refused++;
		now = rdtsc();
		if (now - before > f->worst)
			f->worst = now - before;
		if (now - before < HELD_MS * tsc_hz / 1000)
			continue;
		f->held++;
		if (!f->held_at)
			f->held_at = f->calls;
	} while (now < end);
}

static u32 polite(void)
{
	u32 answered = 0;

	for (u32 i = 0; i < POLITE_CALLS; i++) {
		rest_ms(POLITE_MS);
		answered += hypercall(HYPERCALL_NOP, 0, 0, 0) == HYPERCALL_VERSION;
	}
	return answered;
}

u32 attack_a16(void)
{
	struct flood f = { 0 };
	u64 start_ns = (u64)hypercall(HYPERCALL_TIME_NS, 0, 0, 0), start = rdtsc(), end;

	flood(&f, argument_number("ms", 1000), argument_number("spin", 0),
		argument_number("unfair", 0));
	end = rdtsc();
	print("ATTACK A16 step flood of %lu calls tsc %lu to %lu from %lu ns\n", f.calls, start,
		end, start_ns);
	print("ATTACK A16 step refused %lu held %lu first at call %lu longest %lu us\n", f.refused,
		f.held, f.held_at, f.worst * 1000 / (tsc_hz / 1000));
	print("ATTACK A16 step polite calls answered %u of %u\n", polite(), POLITE_CALLS);
	print("ATTACK A16 outcome %s\n", f.held ? "held back" : "never held back");
	return 0;
}
