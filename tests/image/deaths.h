/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers that die in the middle of what they do: see deaths.c. */
#pragma once

#include "arch/x86/compartment.h"
#include "arch/x86/trap.h"

/* ",SEED,MS" of vuln=deaths. -EINVAL. */
int __must_check deaths_prepare(const char *text);
/* An entry into the running driver's compartment begins; true: an exception there is ours. */
void deaths_entry(struct compartment *c);
bool deaths_step(struct trap_frame *f);
