/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bounded copies. Pure.
 */
#include "core/lib/text.h"

bool text_copy(char *to, size_t size, const char *from)
{
	size_t i = 0;

	for (; i + 1 < size && from[i]; i++)
		to[i] = from[i];
	to[i] = 0;
	return !from[i];
}
