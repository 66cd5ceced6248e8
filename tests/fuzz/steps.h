/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the fuzzers of physical devices' drivers have in common: the input is a list of steps, after
 * each of which some time passes, or none, in which the driver is not called without end. To be
 * included behind what declares `pc`.
 */
#pragma once

#include "tests/fuzz/holds.h"

#include <string.h>

#define STEPS_MAX 512

struct step {
	u8 op, a, b, c; /* op: bit 7: at once; bit 6: 12 ms, else 1, until the next */
};
ASSERT_SIZE(struct step, 4);

/* `calls`: of the driver's timer, at most, in one step's time. */
static inline void steps(const u8 *data, size_t size, void (*run)(const struct step *s), u32 calls)
{
	size = MIN(size, STEPS_MAX * sizeof(struct step));
	for (size_t at = 0; at + sizeof(struct step) <= size; at += sizeof(struct step)) {
		u32 before = pc.timer_calls;
		struct step s;

		memcpy(&s, data + at, sizeof(s));
		run(&s);
		if (!(s.op & 0x80))
			pc_advance((s.op & 0x40 ? 12 : 1) * 1000000ull);
		HOLDS(pc.timer_calls - before < calls);
	}
}
