/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bugs on purpose, for attacks that must have something to attack. They exist in the test image
 * only (CONFIG_TEST) and sleep until the boot option vuln=NAME wakes them; a test proves that the
 * release image knows none of them.
 */
#pragma once

#include "config.h"
#include "core/l2/vm.h"

#if CONFIG_TEST

/* Wakes the bug of this name; -ENOENT when there is none. */
int __must_check planted_wake(const char *name);
/* -ENOSYS unless a bug that is awake serves this number. */
s64 planted_hypercall(struct vcpu *v, u64 number, u64 a, u64 b, u64 c);

#else
#define planted_wake(name)		      ((void)(name), -ENOENT)
#define planted_hypercall(v, number, a, b, c) ((void)(a), (void)(b), (void)(c), -ENOSYS)
#endif
