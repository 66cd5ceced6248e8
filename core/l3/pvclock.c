/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time for guests that know KVM's clock (Linux documentation, "KVM-specific MSRs"). The record is
 * the hypervisor's own conversion from TSC to nanoseconds, moved by the vCPU's TSC offset: guest
 * and host compute the same number from the same tick, a vCPU that did not run for a while reads
 * the right time at once, and the record changes only when a guest sets a TSC.
 *
 * PVCLOCK_TSC_STABLE lets a guest use one vCPU's record on all of them. It is said only where the
 * CPU promises a TSC that neither stops nor changes its rate, where the TSCs of all CPUs were found
 * alike at boot, and while no vCPU of a VM with several has set its own. Elsewhere guests guard
 * against steps backwards themselves.
 *
 * Where a record may lie is checked when its MSR is written: inside one page, aligned, and RAM, by
 * writing it. Every later write goes through the same check of vm_write(), and never reads what
 * the guest made of the record.
 */
#include "core/l3/pvclock.h"

#include "arch/x86/cpu.h"
#include "core/l1/time.h"
#include "core/l3/pvclock_abi.h"
#include "drivers/api/config.h"

enum { WALL, CLOCK, STEAL = 3 }; /* as their MSRs are numbered */

static const struct {
	u8 enable; /* the bit of the MSR that is not the address */
	u8 alignment, len, version_at;
} records[PVCLOCK_MSRS] = {
	[WALL] = { .alignment = 4, .len = sizeof(struct pvclock_wall) },
	[CLOCK] = { PVCLOCK_ENABLE, 4, sizeof(struct pvclock_time), 0 },
	[STEAL] = { PVCLOCK_ENABLE, 64, sizeof(struct pvclock_steal),
		offsetof(struct pvclock_steal, version) },
};

union record {
	struct pvclock_wall wall;
	struct pvclock_time time;
	struct pvclock_steal steal;
	u8 bytes[64];
};

static void fill(struct vcpu *v, u32 which, union record *r)
{
	bool alike = v->vm->nvcpus == 1 || !v->vm->tsc_moves;

	if (which == WALL) {
		r->wall.sec = (u32)time_wall_at_boot();
	} else if (which == STEAL) {
		v->pv.steal_seen = v->stolen_ns;
		r->steal.steal = v->stolen_ns - v->pv.steal_from;
	} else {
		v->pv.tsc_moves = v->vm->tsc_moves;
		r->time.tsc_timestamp = time_scale.tsc_start + hv->reg_read(&v->hv, REG_TSC_OFFSET);
		r->time.system_time = -v->vm->clock_behind_ns;
		r->time.mul = time_scale.mul;
		r->time.shift = (s8)time_scale.shift;
		r->time.flags = cpu_features.invariant_tsc && alike ? PVCLOCK_TSC_STABLE : 0;
	}
}

/* All of it or nothing, as it lies in one page. Its version is odd in between. */
static int publish(struct vcpu *v, u32 which, u64 value)
{
	gpa_t gpa = GPA(value & ~(u64)records[which].enable);
	gpa_t at = GPA(gpa.v + records[which].version_at);
	union record r = { .bytes = { 0 } };
	u32 *version = (u32 *)(r.bytes + records[which].version_at);
	int err;

	fill(v, which, &r);
	*version = v->pv.version + 1;
	v->pv.version += 2;
	err = vm_write(v->vm, at, version, sizeof(*version));
	if (!err)
		err = vm_write(v->vm, gpa, &r, records[which].len);
	++*version;
	return err ?: vm_write(v->vm, at, version, sizeof(*version));
}

int pvclock_read(struct vcpu *v, u32 index, u64 *value)
{
	*value = v->pv.msr[index - MSR_KVM_WALL_CLOCK_NEW];
	return v->vm->config->pvclock == PVCLOCK_ON ? 0 : -EPERM;
}

int pvclock_write(struct vcpu *v, u32 index, u64 value)
{
	u32 which = index - MSR_KVM_WALL_CLOCK_NEW;
	u64 enable = records[which].enable, gpa = value & ~enable;
	int err = -EINVAL;

	if (v->vm->config->pvclock != PVCLOCK_ON)
		return -EPERM;
	if (which == STEAL && !v->pv.msr[STEAL])
		v->pv.steal_from = v->stolen_ns;
	if (enable && !(value & enable))
		value = err = 0;
	else if (!(gpa & (records[which].alignment - 1)) &&
		 (gpa & ~PAGE_MASK) + records[which].len <= PAGE_SIZE)
		err = publish(v, which, value);
	if (!err)
		v->pv.msr[which] = value;
	return err;
}

void pvclock_update(struct vcpu *v)
{
	struct pvclock *pv = &v->pv;

	/* What was RAM when it was registered still is. */
	if (pv->msr[STEAL] && pv->steal_seen != v->stolen_ns)
		(void)publish(v, STEAL, pv->msr[STEAL]);
	if (pv->msr[CLOCK] && pv->tsc_moves != v->vm->tsc_moves)
		(void)publish(v, CLOCK, pv->msr[CLOCK]);
}
