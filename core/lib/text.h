/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small helpers on text that comes from outside: bounded copies.
 */
#pragma once

#include "core/lib/types.h"

/*
 * Copies at most size - 1 bytes of `from`, up to its NUL, and terminates. Returns false when it had
 * to cut. size is at least 1.
 */
bool text_copy(char *to, size_t size, const char *from);
