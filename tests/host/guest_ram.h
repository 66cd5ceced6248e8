/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's RAM for tests on the host: a plain array behind the two functions that the loaders
 * know. A write outside of it is counted and refused.
 */
#pragma once

#include "drivers/api/load.h"

#include <stdlib.h>
#include <string.h>

struct guest_ram {
	u8 *bytes;
	u64 size;
	u32 writes, stray;
	struct guest_memory memory;
};

static inline bool guest_ram_holds(struct guest_ram *ram, gpa_t gpa, u64 len)
{
	ram->writes++;
	if (gpa.v <= ram->size && len <= ram->size - gpa.v)
		return true;
	ram->stray++;
	return false;
}

static inline int guest_ram_write(void *ctx, gpa_t gpa, const void *from, u64 len)
{
	struct guest_ram *ram = ctx;

	if (!guest_ram_holds(ram, gpa, len))
		return -EFAULT;
	if (len)
		memcpy(ram->bytes + gpa.v, from, len);
	return 0;
}

static inline int guest_ram_zero(void *ctx, gpa_t gpa, u64 len)
{
	struct guest_ram *ram = ctx;

	if (!guest_ram_holds(ram, gpa, len))
		return -EFAULT;
	memset(ram->bytes + gpa.v, 0, len);
	return 0;
}

static inline void guest_ram_make(struct guest_ram *ram, u64 size)
{
	*ram = (struct guest_ram){ .bytes = calloc(1, size), .size = size };
	if (!ram->bytes)
		abort();
	ram->memory = (struct guest_memory){ ram, size, 0, guest_ram_write, guest_ram_zero };
}

static inline void guest_ram_free(struct guest_ram *ram)
{
	free(ram->bytes);
}

static inline u64 guest_ram_number(const struct guest_ram *ram, u64 gpa, u32 width)
{
	u64 value = 0;

	memcpy(&value, ram->bytes + gpa, width);
	return value;
}
