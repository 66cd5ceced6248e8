/* SPDX-License-Identifier: BSD-2-Clause */
/* The planted bug of the test image that lies in a driver: see core/l3/planted.h. */
#pragma once

#include "config.h"
#include "core/lib/types.h"

#if CONFIG_TEST
/* vuln=ioapic: an index behind the last register is not checked. */
bool planted_trusts_index(void);
#else
static inline bool planted_trusts_index(void)
{
	return false;
}
#endif
