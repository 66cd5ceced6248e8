/* SPDX-License-Identifier: BSD-2-Clause */
/* What the VMs at a disk driver's ports ask of it. */
#pragma once

#include "drivers/host/disk.h"
#include "tests/host/fake_gate.h"

#define DISK_ALL(unit) ((u64)DISK_TARGET(unit, 0) << 32)

static inline u64 disk_ask(const char *driver, u32 port, u32 fn, u64 a, u64 b)
{
	return pc_call(driver, port << BUS_PORT_SHIFT | fn, a, b);
}

/* The result, when there is one. */
static inline u64 disk_end(const char *driver, u32 port)
{
	u64 result = DISK_PENDING;

	for (u32 i = 0; result == DISK_PENDING && i < 1000; i++) {
		pc_advance(20000000);
		result = disk_ask(driver, port, BUS_DISK_RESULT, 0, 0);
	}
	return result;
}

static inline u64 disk_do(const char *driver, u32 port, u32 fn, u64 a, u64 b)
{
	u64 taken = disk_ask(driver, port, fn, a, b);

	return taken == DISK_PENDING ? disk_end(driver, port) : taken;
}

static inline u8 *disk_window(u32 port)
{
	return ((struct disk *)pc_state(1))->memory + port * BUS_WINDOW;
}
