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
