/* SPDX-License-Identifier: BSD-2-Clause */
/* The campaign of random faults, and where it reaches into the nucleus of the test image. */
#pragma once

#include "arch/x86/compartment.h"
#include "core/l2/vm.h"

/* ",SEED,FIRST,COUNT". -EINVAL. */
int __must_check campaign_prepare(const char *text);
/* A comma and a number, of which *text is behind then. */
bool campaign_number(const char **text, u64 *out);
/* An entry into a compartment begins; true: an exception inside is the campaign's own. */
void campaign_entry(struct compartment *c);
bool campaign_step(struct trap_frame *f);
/* A round of the VM's chores is over. Negative: it was the last. */
s64 campaign_round(struct vm *vm, u64 wrong);
