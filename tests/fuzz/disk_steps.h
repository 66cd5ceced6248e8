/* SPDX-License-Identifier: BSD-2-Clause */
/* What a fuzzer does with a disk's driver, whatever its controller is. */
#pragma once

#include "tests/host/disk_bus.h"

#include "tests/fuzz/steps.h"

#define MS    1000000ull
#define CALLS 128 /* the driver may want to be called so often in a step of time */

static inline void step_call(const char *driver, const struct step *s, u32 unit)
{
	static const u32 fns[] = { BUS_DISK_READ, BUS_DISK_WRITE, BUS_DISK_FLUSH, BUS_DISK_RESULT,
		BUS_DISK_DROP, BUS_DISK_SIZE, BUS_INFO, BUS_RESET };
	u64 target = DISK_ALL(s->c & 0x80 ? s->b % 10u : unit);

	(void)disk_ask(driver, s->a % 12, fns[s->a / 12 % ARRAY_LEN(fns)],
		(u64)s->b << (s->c & 0x30), target | (s->c & 0xf) * 9);
}

/* What a controller writes to the driver's memory: of a window, or of the `len` bytes behind them.
 */
static inline void step_scribble(const struct step *s, u32 len)
{
	u8 *memory = ((struct disk *)pc_state(1))->memory;
	u32 at = s->a << 8 | s->b;

	memory[s->a & 0x80 ? DISK_CLASS_AT + at % len : DISK_OWN_WINDOW + at] = s->c;
}

/* Nothing is under way for good. */
static inline void steps_end(const char *driver)
{
	pc_advance(200000 * MS);
	for (u32 port = 0; port < BUS_PORTS; port++)
		HOLDS(disk_ask(driver, port, BUS_DISK_RESULT, 0, 0) != DISK_PENDING);
}
