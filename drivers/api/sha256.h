/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256 (FIPS 180-4): boot measurement and snapshots.
 */
#pragma once

#include "core/lib/types.h"

#define SHA256_SIZE 32

struct sha256 {
	u32 h[8];
	u64 len;      /* bytes so far */
	u8 block[64]; /* the first len % 64 are waiting */
};

void sha256_init(struct sha256 *s);
void sha256_update(struct sha256 *s, const void *data, size_t len);
/* Writes the digest; s must be initialised again before it is used again. */
void sha256_final(struct sha256 *s, u8 digest[SHA256_SIZE]);
