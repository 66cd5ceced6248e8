/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The debug-exit port 0xf4: what a test kernel writes there ends its VM, and the value is told
 * apart from a power-off. Reads as zero.
 */
#include "drivers/api/driver.h"

#define EXIT_PORT 0xf4

struct exitport {
	u64 last; /* value written */
};

static void exitport_start(void *state, const struct driver_setup *setup)
{
	struct exitport *e = state;

	(void)setup;
	e->last = 0;
}

static u64 exitport_read(void *state, u32 region, u32 offset, u32 width)
{
	(void)state, (void)region, (void)offset, (void)width;
	return 0;
}

static void exitport_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	struct exitport *e = state;

	(void)region, (void)width;
	if (offset)
		return;
	e->last = value;
	l2_call(PEER_VM, BUS_POWER, POWER_DEBUG_EXIT, value);
}

/* BUS_INFO: 0 the last value written. */
static u64 exitport_call(void *state, u32 fn, u64 a, u64 b)
{
	struct exitport *e = state;

	(void)b;
	if (fn == BUS_INFO && a == 0)
		return e->last;
	if (fn != BUS_RESET)
		return BUS_NO_PEER;
	e->last = 0;
	return 0;
}

static const struct driver exitport_driver = {
	.name = "exitport",
	.role = PEER_COUNT,
	.state_size = sizeof(struct exitport),
	.grants = GRANT_PEER(PEER_VM),
	.regions = { { REGION_PORT, EXIT_PORT, 4 } },
	.start = exitport_start,
	.read = exitport_read,
	.write = exitport_write,
	.call = exitport_call,
};
DRIVER_REGISTER(exitport_driver);
