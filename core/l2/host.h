/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical drivers among the other hRSCs. They are the drivers of host_vm, which never runs: under
 * its lock a CPU is in one of them, called by who is at a port or because its timer is due.
 */
#pragma once

#include "core/l1/device.h"
#include "core/l2/vm.h"

extern struct vm host_vm; /* its lock: LOCK_DEVICE */

/* In one of d's ports `now` takes the place of `before`; NULL is nobody. The port, or -ENOSPC. */
int __must_check host_seat(struct device *d, const struct hrsc *before, struct hrsc *now);
/* `from`, who is at that port, calls d's driver. */
u64 host_call(struct device *d, struct hrsc *from, u32 port, u32 fn, u64 a, u64 b);
/* Calls timer() of a VM's driver, if there is one, before the VM runs on, or out of HLT. */
void host_wake(struct hrsc *to);
