/* SPDX-License-Identifier: BSD-2-Clause */
/* What a VM's block devices reach: see disk.c. */
#pragma once

#include "core/l2/vm.h"

/* Copies the modules of the disks of this mode, DISK_COW or DISK_RW, to their blocks. */
void disks_fill(struct vm *vm, enum config_disk_mode mode);
/* As l2_disk() of drivers/api/driver.h. */
int __must_check disk_move(
	struct vm *vm, const struct guest_disk *d, enum disk_op op, u64 at, gpa_t gpa, u32 len);

/* Gives h its disk's attention, if that is a physical one, and takes it away. -ENOSPC. */
int disk_attach(struct hrsc *h, bool on);
/* h calls its physical disk: BUS_DISK_..., b without the target. */
u64 disk_call(struct hrsc *h, u32 fn, u64 a, u32 b);
