/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small helpers on text that comes from outside: bounded copies, strict numbers.
 */
#pragma once

#include "core/lib/types.h"

/*
 * Copies at most size - 1 bytes of `from`, up to its NUL, and terminates. Returns false when it had
 * to cut. size is at least 1.
 */
bool text_copy(char *to, size_t size, const char *from);

/*
 * Reads all `len` bytes as one unsigned number, decimal or, after 0x, hexadecimal. -EINVAL when
 * they are not one, -ERANGE when it exceeds 64 bits; *out is written only on success.
 */
int __must_check text_parse_u64(const char *text, size_t len, u64 *out);
