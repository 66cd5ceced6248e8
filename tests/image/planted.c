/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The planted bugs of the test image. Each is modelled on a real one: `control` on hypercall
 * handlers that trust an offset (CVE-2021-3653 let a guest clear intercepts), `unfair` on
 * accounting that a guest can reset (CVE-2013-1919 and others of the scheduler kind), `ioapic` on a
 * device model that does not check its index (CVE-2013-1798). `stuck` keeps a CPU in the
 * hypervisor, `order` takes a VM's lock where none may be taken any more.
 */
#include "core/l3/planted.h"

#include "arch/x86/cpu.h"
#include "arch/x86/vmx/vmx.h"
#include "core/l1/time.h"
#include "core/l2/sched.h"
#include "core/l3/hypercall_abi.h"
#include "core/lib/string.h"
#include "drivers/api/planted.h"
#include "kfv/mediation.h"
#include "tests/image/campaign.h"
#include "tests/image/deaths.h"

static bool control, unfair, stuck, order; /* (c) after boot */
/* Among the drivers' constants, where compartments can read it. */
static const volatile bool planted_ioapic __section(".driver.rodata") = false;

/* Constants are read-only: with CR0.WP clear the supervisor writes them all the same. */
static void wake_ioapic(void)
{
	u64 cr0 = cr0_read();

	cr0_write(cr0 & ~CR0_WP);
	*(volatile bool *)&planted_ioapic = true;
	cr0_write(cr0);
}

int planted_wake(const char *name)
{
	if (!strncmp(name, "control", 7))
		control = true;
	else if (!strncmp(name, "unfair", 6))
		unfair = true;
	else if (!strncmp(name, "ioapic", 6))
		wake_ioapic();
	else if (!strncmp(name, "stuck", 5))
		stuck = true;
	else if (!strncmp(name, "order", 5))
		order = true;
	else if (!strncmp(name, "campaign", 8))
		return campaign_prepare(name + 8);
	else if (!strncmp(name, "deaths", 6))
		return deaths_prepare(name + 6);
	else
		return -ENOENT;
	return 0;
}

void planted_entry(struct compartment *c)
{
	campaign_entry(c);
	deaths_entry(c);
}

bool planted_step(struct trap_frame *f)
{
	return campaign_step(f) || deaths_step(f);
}

__section(".driver.text") bool planted_trusts_index(void)
{
	return planted_ioapic;
}

static s64 write_vmcs(enum vmcs_field field, u32 value, u32 mask)
{
	u64 old;

	if (!vmx_try_read(field, &old))
		return -ERANGE;
	vmwrite(field, (old & ~(u64)mask) | (value & mask));
	return (u32)old;
}

/* On AMD-V `where` is a byte offset into the VMCB, on VT-x a field of the VMCS. */
static s64 write_control(struct vcpu *v, u64 where, u32 value, u32 mask)
{
	u32 *word = (u32 *)((u8 *)v->hv.control + where), old;

	if (hv == &vmx_ops)
		return write_vmcs((enum vmcs_field)where, value, mask);

	if (where > PAGE_SIZE - sizeof(u32))
		return -ERANGE;
	old = *word;
	*word = (old & ~mask) | (value & mask);
	return old;
}

/* v, which is running, goes on for so many slices from now, at no charge. */
static void new_slice(struct vcpu *v, u64 slices)
{
	u64 given = MIN(slices, 1000) * SLICE_NS;

	v->slice_end_ns = time_now_ns() + given;
	v->vm->virtual_ns -= MIN(given, v->vm->virtual_ns);
}

static __noinline void take_first(struct lock *l)
{
	lock_take(l);
	cpu_relax();
}

static __noinline s64 break_order(struct vcpu *v, bool same_rank)
{
	static struct lock another = LOCK_INIT(LOCK_VM);

	take_first(same_rank ? &another : &kfv_lock);
	lock_take(&v->vm->lock);
	return 0;
}

s64 planted_hypercall(struct vcpu *v, u64 number, u64 a, u64 b, u64 c)
{
	if (number == HYPERCALL_VULN_CONTROL_WRITE && control)
		return write_control(v, a, (u32)b, (u32)c);
	if (number == HYPERCALL_VULN_ROUND)
		return campaign_round(v->vm, a);
	if (number == HYPERCALL_VULN_UNFAIR && unfair) {
		new_slice(v, a);
		return 0;
	}
	if (number == HYPERCALL_VULN_ORDER && order)
		return break_order(v, a);
	while (number == HYPERCALL_VULN_STUCK && stuck)
		cpu_relax();
	return -ENOSYS;
}
