/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers that come from outside as text: what the configuration, a command or an option says.
 */
#pragma once

#include "core/lib/types.h"

/*
 * Reads all `len` bytes as one unsigned number, decimal or, after 0x, hexadecimal. -EINVAL when
 * they are not one, -ERANGE when it exceeds 64 bits; *out is written only on success.
 */
int __must_check text_parse_u64(const char *text, size_t len, u64 *out);
/* The address of one card, 52:54:00:12:34:56, its first byte in bits 47-40. -EINVAL. */
int __must_check text_parse_mac(const char *text, size_t len, u64 *out);
/* An IPv4 address, 10.0.0.2, its first byte in bits 31-24; one that a machine may have. -EINVAL. */
int __must_check text_parse_ipv4(const char *text, size_t len, u32 *out);
