/* SPDX-License-Identifier: BSD-2-Clause */
/* The firmware's memory map, and the frame records that are made of it. */
#pragma once

#include "core/lib/types.h"

/* One stretch of the map. */
struct memory_range {
	u64 base, len;
	bool usable;
};

/*
 * Sets the nucleus's pool aside and records what is RAM. `reserved` are ranges that are RAM but
 * taken (image, modules, boot information). Returns -ENOMEM when RAM is too small.
 */
int __must_check memory_init(const struct memory_range *map, u32 nmap,
	const struct memory_range *reserved, u32 nreserved);
