/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers that die in the middle of what they do: see deaths.c. */
#pragma once

#include "arch/x86/compartment.h"
#include "arch/x86/trap.h"
#include "core/hrsc.h"

/* ",SEED,MS" of vuln=deaths. -EINVAL. */
int __must_check deaths_prepare(const char *text);
/* The next n entries into the driver behind h end at their first instruction. */
void deaths_next(const struct hrsc *h, u32 n);
/* An entry into the running driver's compartment begins; true: an exception there is ours. */
void deaths_entry(struct compartment *c);
bool deaths_step(struct trap_frame *f);
