/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The planted bugs of the test image. Each is modelled on a real one: `control` on hypercall
 * handlers that trust an offset (CVE-2021-3653 let a guest clear intercepts), `unfair` on
 * accounting that a guest can reset (CVE-2013-1919 and others of the scheduler kind).
 */
#include "core/l3/planted.h"

#include "core/l2/sched.h"
#include "core/l3/hypercall_abi.h"
#include "core/lib/string.h"

static bool control, unfair;

int planted_wake(const char *name)
{
	if (!strncmp(name, "control", 7))
		control = true;
	else if (!strncmp(name, "unfair", 6))
		unfair = true;
	else
		return -ENOENT;
	return 0;
}

/* On AMD-V `where` is a byte offset into the VMCB. */
static s64 write_control(struct vcpu *v, u64 where, u32 value, u32 mask)
{
	u32 *word = (u32 *)((u8 *)v->hv.control + where);

	if (where > PAGE_SIZE - sizeof(u32))
		return -ERANGE;
	*word = (*word & ~mask) | (value & mask);
	return 0;
}

s64 planted_hypercall(struct vcpu *v, u64 number, u64 a, u64 b, u64 c)
{
	if (number == HYPERCALL_VULN_CONTROL_WRITE && control)
		return write_control(v, a, (u32)b, (u32)c);
	if (number == HYPERCALL_VULN_UNFAIR && unfair) {
		sched_new_slice(v, a);
		return 0;
	}
	return -ENOSYS;
}
