/* SPDX-License-Identifier: BSD-2-Clause */
/* The L2 gate: every call from one hRSC to another, and every change of a hypervisor resource. */
#pragma once

#include "core/hrsc.h"
#include "drivers/api/driver.h"

/* `from` calls `to` on the bus. BUS_NO_PEER: `to` is NULL, serves no calls, or it was denied. */
u64 l2_gate_call(struct hrsc *from, struct hrsc *to, u32 fn, u64 a, u64 b);
