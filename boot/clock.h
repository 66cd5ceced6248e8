/* SPDX-License-Identifier: BSD-2-Clause */
/* Calibration of the clock, once at boot. */
#pragma once

#include "core/lib/types.h"

/*
 * Measures and starts core/l1/time.h. Needs the local APIC. -ETIMEDOUT: the PIT does not count;
 * -EIO: TSC or APIC timer stands still.
 */
int __must_check clock_start(void);
