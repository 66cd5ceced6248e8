/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 with 64 bits of output: the short keyed hash behind integrity scans and canaries.
 * J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF".
 */
#pragma once

#include "core/lib/types.h"

u64 siphash24(const u8 key[16], const void *data, size_t len);
