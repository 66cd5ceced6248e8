/* SPDX-License-Identifier: BSD-2-Clause */
/* The L2 gate: every call from one hRSC to another, and every change of a hypervisor resource. */
#pragma once

#include "core/hrsc.h"
#include "drivers/api/driver.h"
#include "kfv/hook.h"

/* `from` calls `to` on the bus. BUS_NO_PEER: `to` is NULL, serves no calls, or it was denied. */
u64 l2_gate_call(struct hrsc *from, struct hrsc *to, u32 fn, u64 a, u64 b);
/* A vCPU is about to enter with this control structure; false: it must not. */
static inline bool l2_gate_enter(struct hrsc *vcpu, const void *control)
{
	return HOOK(vcpu->armed, HOOK_L2_ENTER, vcpu->id, vcpu->id, (u64)control, 0, 0, 0) ==
	       HOOK_ALLOW;
}
/* A driver is about to move data between its disk and its VM's RAM; op: enum disk_op. */
static inline bool l2_gate_disk(struct hrsc *driver, u32 op, u64 at, u64 gpa, u32 len)
{
	return HOOK(driver->armed, HOOK_L2_DISK, driver->id, driver->id, op, at, gpa, len) ==
	       HOOK_ALLOW;
}
/* `from` is about to send to `to`; false: it must not. */
static inline bool l2_gate_send(struct hrsc *from, const struct hrsc *to, u32 fn, u64 a, u64 b)
{
	if (unlikely(fn == BUS_FRAME_REFUSED)) /* it is `to` who has done something */
		return HOOK(to->armed, HOOK_L2_REFUSED, to->id, from->id, a, b, 0, 0) == HOOK_ALLOW;
	return HOOK(to->armed, HOOK_L2_SEND, from->id, to->id, fn, a, b, 0) == HOOK_ALLOW;
}
/* `from` is about to grant memory to `to`. */
static inline bool l2_gate_grant(
	struct hrsc *from, const struct hrsc *to, u32 rights, u32 n, u64 at, u32 len)
{
	return HOOK(from->armed, HOOK_L2_GRANT, from->id, to->id, rights, n, at, len) == HOOK_ALLOW;
}
/* h is about to have bytes copied between memory that was granted to it, and who granted it told.
 */
static inline bool l2_gate_copy(struct hrsc *h, u64 to, u64 from, u64 lengths)
{
	return HOOK(h->armed, HOOK_L2_COPY, h->id, h->id, to, from, lengths, 0) == HOOK_ALLOW;
}
/* A stage-2 leaf is about to be made; false: it must not. */
bool l2_gate_map(struct hrsc *vm, u64 gpa, u64 hpa, u64 len, u32 prot);
/* A VM goes from one enum vm_state to another; why: enum vm_end. */
void l2_gate_life(struct hrsc *vm, u32 from, u32 to, u32 why);
