/* SPDX-License-Identifier: BSD-2-Clause */
/* The guests' clock by agreement: see core/l3/pvclock_abi.h. */
#pragma once

#include "core/l2/vm.h"

/* The MSRs. -EPERM: the VM has no such clock; -EINVAL, -EFAULT: no place for a record. */
int __must_check pvclock_read(struct vcpu *v, u32 index, u64 *value);
int __must_check pvclock_write(struct vcpu *v, u32 index, u64 value);
/* Brings the records of v, the CPU's current vCPU, up to date: a turn begins, or its TSC moved. */
void pvclock_update(struct vcpu *v);
