/* SPDX-License-Identifier: BSD-2-Clause */
/* The campaign of random faults, and where it reaches into the nucleus of the test image. */
#pragma once

#include "core/l2/vm.h"

/* ",SEED,FIRST,COUNT". -EINVAL. */
int __must_check campaign_prepare(const char *text);
/* A round of the VM's chores is over. Negative: it was the last. */
s64 campaign_round(struct vm *vm, u64 wrong);
