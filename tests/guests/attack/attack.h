/* SPDX-License-Identifier: BSD-2-Clause */
/* The attacks, each in a file of its own. What they return is given to guest_exit(). */
#pragma once

#include "tests/guests/kit/kit.h"

u32 attack_a02(void);
u32 attack_a10(void);
u32 attack_a16(void);
u32 attack_a18(void);
u32 attack_a19(void);

/* Sleeps; at most 4 seconds at a time. */
void rest_ms(u64 ms);
