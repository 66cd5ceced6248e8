/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the fake machine share: the drivers' instances. */
#pragma once

#include "drivers/api/driver.h"

#define INSTANCES 16
#define MESSAGES  96

struct grant {
	u64 handle;
	struct bus_piece piece[BUS_PIECES_MOST];
	u32 n, rights;
	const struct instance *to;
};

struct instance {
	const struct driver *driver;
	void *state, *memory; /* the latter of a physical driver */
	u64 deadline;
	u32 slot;
	u32 head, tail;
	struct bus_message message[MESSAGES];
	struct grant grant[BUS_GRANTS];
};

extern struct instance instances[INSTANCES];
extern u32 ninstances;
extern struct instance *current; /* the one that runs */

/* The function in a slot. */
struct instance *pc_instance(u32 slot);
/* NULL: there is none. */
struct instance *by_name(const char *name);
/* RAM that is all there, or NULL; counted. */
u8 *ram(u64 gpa, u32 len);
