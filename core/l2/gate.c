/* SPDX-License-Identifier: BSD-2-Clause */
/* The L2 gate: hRSCs among themselves. */
#include "core/l2/gate.h"

#include "kfv/hook.h"

u64 l2_gate_call(struct hrsc *from, struct hrsc *to, u32 fn, u64 a, u64 b)
{
	u16 op = (u16)fn == BUS_FRAME ? HOOK_L2_FRAME : HOOK_L2_CALL;

	if (!to || !to->l2 || to->state != HRSC_LIVE)
		return BUS_NO_PEER;
	if (HOOK(to->armed, op, from->id, to->id, fn, a, b, 0) != HOOK_ALLOW)
		return BUS_NO_PEER;
	return to->l2->call(to, fn, a, b);
}

bool l2_gate_map(struct hrsc *vm, u64 gpa, u64 hpa, u64 len, u32 prot)
{
	return HOOK(vm->armed, HOOK_L2_MAP, vm->id, vm->id, gpa, hpa, len, prot) == HOOK_ALLOW;
}

void l2_gate_life(struct hrsc *vm, u32 from, u32 to, u32 why)
{
	(void)HOOK(vm->armed, HOOK_L2_LIFE, vm->id, vm->id, from, to, why, 0);
}
