/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's other CPUs: started while the nucleus boots, running once it is sealed. */
#pragma once

#include "config.h"
#include "core/lib/types.h"

struct boot_info;

/*
 * Starts what the MADT lists, at most `max` CPUs in all. One that does not answer is left out with
 * a warning that says which. Needs page tables, local APIC, clock and the back end.
 */
void ap_start(const struct boot_info *info, u32 max);
/* Lets those that wait go to the scheduler. */
void ap_release(void);
#if CONFIG_TEST
/* All CPUs do this, the one that calls as well; returns when they have done it. Not once released.
 */
void ap_errand(void (*fn)(void));
#endif
