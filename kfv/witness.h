/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "core/lib/types.h"

/* How many crossings of this kind the witness has seen while attached. */
u64 witness_seen(u16 op);
