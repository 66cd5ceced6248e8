/* SPDX-License-Identifier: BSD-2-Clause */
/* Calling the hypervisor, where there is one. */
#pragma once

#include "core/l3/hypercall_abi.h"
#include "core/lib/types.h"

/* True under KungFuVisor, false on any other machine. */
bool hypervisor_present(void);
/* Only where hypervisor_present(). */
s64 hypercall(u64 number, u64 rbx, u64 rcx, u64 rdx);
bool cpu_is_amd(void);
