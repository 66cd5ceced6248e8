/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls of drivers/api/driver.h by number: what a compartment may ask of the nucleus. Each has
 * a stub (driver_calls.S) and a function call_NAME (driver_calls.c).
 */
#pragma once

/* In the order of their numbers, from 1 on; 0 is the way back. */
/* clang-format off */
#define DRIVER_CALLS(X) \
	X(l1_now_ns) X(l1_timer_arm) X(l1_random) X(l2_call) X(l2_wake) X(l2_disk) X(l3_raise_irq) \
	X(l3_msi) X(l3_intr) X(l3_memory_read) X(l3_memory_write) X(l1_reg_read) X(l1_reg_write) \
	X(l1_reg_block) X(l1_bus_master) X(l2_send) X(l2_receive) X(l2_grant) X(l2_revoke) \
	X(l2_copy) X(l3_memory_publish)
/* clang-format on */

#ifndef __ASSEMBLER__

#include "core/lib/types.h"

struct bus_message;
struct bus_piece;

u64 call_l1_now_ns(void);
u64 call_l1_timer_arm(u64 deadline_ns);
u64 call_l1_random(u64 *out);
u64 call_l2_call(u64 peer, u64 fn, u64 a, u64 b);
s64 call_l2_disk(u64 op, u64 at, u64 gpa, u64 len);
u64 call_l3_raise_irq(u64 gsi, u64 level);
u64 call_l3_msi(u64 address, u64 data);
u64 call_l3_intr(u64 level);
s64 call_l3_memory_read(u64 gpa, void *to, u64 len);
s64 call_l3_memory_write(u64 gpa, void *from, u64 len);
s64 call_l3_memory_publish(u64 gpa, void *from, u64 len);
u64 call_l1_reg_read(u64 reg, u64 width);
u64 call_l1_reg_write(u64 reg, u64 width, u64 value);
u64 call_l1_reg_block(u64 reg, u64 out, void *data, u64 count);
u64 call_l1_bus_master(u64 on);
s64 call_l2_send(u64 peer, u64 fn, u64 a, u64 b);
u64 call_l2_receive(struct bus_message *out);
s64 call_l2_grant(u64 peer, struct bus_piece *piece, u64 n, u64 rights);
s64 call_l2_revoke(u64 handle);
s64 call_l2_copy(u64 to, u64 from, void *own, u64 lengths);

extern const void *const driver_calls[];
extern const u32 driver_call_count;

#endif
