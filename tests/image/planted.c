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

s64 planted_hypercall(struct vcpu *v, u64 number, u64 a, u64 b)
{
	if (number == HC_VULN_CONTROL && control) {
		if (a > PAGE_SIZE - sizeof(u32))
			return -ERANGE;
		*(u32 *)((u8 *)v->hv.control + a) = (u32)b;
		return 0;
	}
	if (number == HC_VULN_UNFAIR && unfair) {
		sched_new_slice(v);
		return 0;
	}
	return -ENOSYS;
}
