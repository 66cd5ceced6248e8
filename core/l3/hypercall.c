/* SPDX-License-Identifier: BSD-2-Clause */
/* The services that a guest may ask for by number. Arguments are copied once and then checked. */
#include "core/l3/hypercall.h"

#include "core/l1/time.h"
#include "core/l2/console.h"
#include "core/l2/sched.h"
#include "core/l3/exit.h"
#include "core/l3/gate.h"
#include "core/l3/hypercall_abi.h"
#include "core/l3/planted.h"

#define HYPERCALL_COUNT 5

typedef s64 (*hypercall_fn)(struct vcpu *v, u64 a, u64 b, u64 c);

static s64 hc_version(__unused struct vcpu *v, __unused u64 a, __unused u64 b, __unused u64 c)
{
	return HYPERCALL_VERSION;
}

static s64 hc_yield(struct vcpu *v, __unused u64 a, __unused u64 b, __unused u64 c)
{
	vcpu_hazard(v, HAZARD_RESCHED);
	return 0;
}

static s64 hc_beat(struct vcpu *v, u64 beats, __unused u64 b, __unused u64 c)
{
	v->vm->beats = beats;
	return 0;
}

static s64 hc_time(__unused struct vcpu *v, __unused u64 a, __unused u64 b, __unused u64 c)
{
	return (s64)time_now_ns();
}

/* Stops short when the serial line has no room: returns how many bytes it took. */
static s64 hc_write(struct vcpu *v, u64 gpa, u64 len, u64 c)
{
	u8 text[HYPERCALL_CONSOLE_MAX];
	u64 done = 0;

	(void)c;
	if (len > HYPERCALL_CONSOLE_MAX)
		return -E2BIG;
	if (vm_read(v->vm, GPA(gpa), text, len) < 0)
		return -EFAULT;
	while (done < len && console_vm_room(v->vm->id) > 1) /* one is left for its UART */
		(void)console_vm_write(v->vm->id, text[done++]);
	return (s64)done;
}

static const hypercall_fn hypercalls[HYPERCALL_COUNT] = {
	[HYPERCALL_NOP] = hc_version,
	[HYPERCALL_YIELD] = hc_yield,
	[HYPERCALL_BEAT] = hc_beat,
	[HYPERCALL_TIME_NS] = hc_time,
	[HYPERCALL_CONSOLE_WRITE] = hc_write,
};

static s64 call(struct vcpu *v, u64 number, u64 a, u64 b, u64 c)
{
	if (hv->cpl(&v->hv) != 0)
		return -EPERM;
	if (!l3_gate_hypercall(&v->hrsc, number, a, b, c))
		return -EPERM;
	if (number < HYPERCALL_COUNT)
		return hypercalls[number](v, a, b, c);
	return planted_hypercall(v, number, a, b, c);
}

void hypercall_handle(struct vcpu *v, const struct exit *exit)
{
	u64 *gpr = v->hv.gpr;
	s64 result = call(v, gpr[RAX], gpr[RBX], gpr[RCX], gpr[RDX]);

	gpr[RAX] = (u64)result;
	vcpu_skip(v, exit);
}
