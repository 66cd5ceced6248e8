/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices of the PC's 8-bit bus: a wider access to their ports reaches them as one cycle for each
 * byte, lowest port first.
 */
#pragma once

#include "core/lib/types.h"

typedef u8 (*byte_reader)(void *state, u32 region, u32 offset);
typedef void (*byte_writer)(void *state, u32 region, u32 offset, u8 value);

static __noinline __unused u64 bytes_read_wide(
	byte_reader read, void *state, u32 region, u32 offset, u32 width)
{
	u64 value = 0;

	for (u32 i = 0; i < width; i++)
		value |= (u64)read(state, region, offset + i) << (8 * i);
	return value;
}

static __always_inline u64 bytes_read(
	byte_reader read, void *state, u32 region, u32 offset, u32 width)
{
	if (likely(width == 1))
		return read(state, region, offset);
	return bytes_read_wide(read, state, region, offset, width);
}

static __always_inline void bytes_write(
	byte_writer write, void *state, u32 region, u32 offset, u32 width, u64 value)
{
	for (u32 i = 0; i < width; i++)
		write(state, region, offset + i, value >> (8 * i));
}
