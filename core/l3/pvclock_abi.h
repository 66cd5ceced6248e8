/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock that guests and hypervisor share: the part of KVM's interface that is implemented here
 * (Linux documentation, "KVM-specific MSRs" and "KVM CPUID bits"). A guest writes an MSR with the
 * guest physical address of a record; the hypervisor keeps the record true. `version` is odd while
 * a record changes.
 */
#pragma once

#include "core/lib/types.h"

/* Guests look for the signature at each 0x100 from 0x40000000 on. */
#define PVCLOCK_CPUID_LEAF 0x40000100
#define PVCLOCK_SIGNATURE  "KVMKVMKVM\0\0" /* twelve bytes with the NULs */
/* CLOCKSOURCE2: the MSRs below; STEAL_TIME; CLOCKSOURCE_STABLE_BIT: PVCLOCK_TSC_STABLE counts. */
#define PVCLOCK_FEATURES (BIT(3) | BIT(5) | BIT(24))

#define MSR_KVM_WALL_CLOCK_NEW	0x4b564d00 /* the address; written once, at once */
#define MSR_KVM_SYSTEM_TIME_NEW 0x4b564d01 /* the address, PVCLOCK_ENABLE */
#define MSR_KVM_STEAL_TIME	0x4b564d03 /* the same */
#define PVCLOCK_ENABLE		BIT(0)

/* Nanoseconds: system_time + (((tsc - tsc_timestamp) << shift) * mul >> 32). */
struct pvclock_time {
	u32 version, reserved;
	u64 tsc_timestamp, system_time;
	u32 mul;
	s8 shift;
	u8 flags, reserved2[2];
};
ASSERT_SIZE(struct pvclock_time, 32);
#define PVCLOCK_TSC_STABLE BIT(0) /* the records of all vCPUs say the same at any moment */

/* UTC since 1970 when the system time was 0. */
struct pvclock_wall {
	u32 version, sec, nsec;
};
ASSERT_SIZE(struct pvclock_wall, 12);

/* For how long the vCPU could have run and did not, in nanoseconds since it registered. */
struct pvclock_steal {
	u64 steal;
	u32 version, flags;
	u8 preempted, reserved[47];
};
ASSERT_SIZE(struct pvclock_steal, 64);
