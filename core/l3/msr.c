/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Model-specific registers (SDM volume 4, "Model-Specific Registers"; APM volume 2, appendix A).
 * The machine's own MSRs are never read or written on behalf of a guest; those that the hardware
 * switches do not come here.
 */
#include "core/l3/msr.h"

#include "arch/x86/cpu.h"
#include "core/l3/exit.h"
#include "core/l3/gate.h"
#include "core/l3/inject.h"
#include "core/l3/pvclock.h"
#include "core/l3/pvclock_abi.h"
#include "core/lib/string.h"

struct msr {
	u32 first, last;
	/* NULL: reads as kept, else as zero, or #GP on writes; -EPERM raises #GP. */
	int (*read)(struct vcpu *v, u32 index, u64 *value);
	int (*write)(struct vcpu *v, u32 index, u64 value);
	u32 kept; /* where struct vcpu remembers its value; 0: nowhere */
};

#define KEPT(field) offsetof(struct vcpu, field)

static int ignore_write(__unused struct vcpu *v, __unused u32 index, __unused u64 value)
{
	return 0;
}

static int read_tsc(struct vcpu *v, __unused u32 index, u64 *value)
{
	*value = rdtsc() + hv->reg_read(&v->hv, REG_TSC_OFFSET);
	return 0;
}

static int write_tsc(struct vcpu *v, __unused u32 index, u64 value)
{
	hv->reg_write(&v->hv, REG_TSC_OFFSET, value - rdtsc());
	__atomic_fetch_add(&v->vm->tsc_moves, 1, __ATOMIC_RELAXED);
	pvclock_update(v);
	return 0;
}

/* The page may not move and there is no x2APIC: only the enable bit can change. */
static int write_apic_base(struct vcpu *v, __unused u32 index, u64 value)
{
	if ((value ^ v->apic.base_msr) & ~BIT(11))
		return -EPERM;
	v->apic.base_msr = value;
	return 0;
}

/*
 * Registers that the hardware switches: where the back end lets them through they do not come here,
 * where it does not these serve them.
 */
static const struct switched {
	u32 msr;
	u8 reg;
	bool address; /* must be canonical */
} switched[] = {
	{ MSR_SYSENTER_CS, REG_SYSENTER_CS, false },
	{ MSR_SYSENTER_ESP, REG_SYSENTER_ESP, true },
	{ MSR_SYSENTER_EIP, REG_SYSENTER_EIP, true },
	{ MSR_PAT, REG_PAT, false },
	{ MSR_STAR, REG_STAR, false },
	{ MSR_LSTAR, REG_LSTAR, true },
	{ MSR_CSTAR, REG_CSTAR, true },
	{ MSR_SFMASK, REG_SFMASK, false },
	{ MSR_FS_BASE, REG_FS_BASE, true },
	{ MSR_GS_BASE, REG_GS_BASE, true },
	{ MSR_KERNEL_GS_BASE, REG_KERNEL_GS_BASE, true },
};

static bool canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16) == address;
}

static bool valid_pat(u64 value)
{
	for (u32 i = 0; i < 8; i++) {
		u8 type = (u8)(value >> (8 * i));

		if (type > 7 || type == 2 || type == 3)
			return false;
	}
	return true;
}

/* Its row, or NULL. */
static const struct switched *find_switched(u32 index)
{
	for (u32 i = 0; i < ARRAY_LEN(switched); i++) {
		if (switched[i].msr == index)
			return &switched[i];
	}
	return NULL;
}

static int read_switched(struct vcpu *v, u32 index, u64 *value)
{
	const struct switched *s = find_switched(index);

	if (!s)
		return -EPERM;
	*value = hv->reg_read(&v->hv, s->reg);
	return 0;
}

static int write_switched(struct vcpu *v, u32 index, u64 value)
{
	const struct switched *s = find_switched(index);

	if (!s || (s->address && !canonical(value)) || (index == MSR_PAT && !valid_pat(value)))
		return -EPERM;
	hv->reg_write(&v->hv, s->reg, value);
	return 0;
}

static int read_efer(struct vcpu *v, __unused u32 index, u64 *value)
{
	*value = hv->reg_read(&v->hv, REG_EFER);
	return 0;
}

/* LMA follows LME and paging; LME may not change while paging is on. */
static int write_efer(struct vcpu *v, u32 index, u64 value)
{
	u64 old = hv->reg_read(&v->hv, REG_EFER);

	(void)index;
	if (value & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
		return -EPERM;
	if (((value ^ old) & EFER_LME) && (hv->reg_read(&v->hv, REG_CR0) & CR0_PG))
		return -EPERM;
	hv->reg_write(&v->hv, REG_EFER, (value & ~EFER_LMA) | (old & EFER_LMA));
	v->hv.flush = true;
	return 0;
}

static int write_misc_enable(struct vcpu *v, __unused u32 index, u64 value)
{
	v->misc_enable = value;
	return 0;
}

static int write_mtrr_type(struct vcpu *v, __unused u32 index, u64 value)
{
	if (value & ~0xcffull || (value & 0xff) > 6)
		return -EPERM;
	v->mtrr_def_type = value;
	return 0;
}

static int read_tsc_aux(struct vcpu *v, __unused u32 index, u64 *value)
{
	*value = v->tsc_aux;
	return cpu_features.rdtscp ? 0 : -EPERM;
}

static int write_tsc_aux(struct vcpu *v, __unused u32 index, u64 value)
{
	if (!cpu_features.rdtscp || value >> 32)
		return -EPERM;
	v->tsc_aux = value;
	wrmsr(MSR_TSC_AUX, value); /* v is the CPU's current vCPU */
	return 0;
}

/* Sorted by first; found by bisection. */
static const struct msr msrs[] = {
	{ MSR_TSC, MSR_TSC, read_tsc, write_tsc, 0 },
	{ MSR_APIC_BASE, MSR_APIC_BASE, NULL, write_apic_base, KEPT(apic.base_msr) },
	{ MSR_BIOS_SIGN_ID, MSR_BIOS_SIGN_ID, NULL, ignore_write, 0 },
	{ MSR_MTRRCAP, MSR_MTRRCAP, NULL, NULL, 0 },
	{ MSR_SYSENTER_CS, MSR_SYSENTER_EIP, read_switched, write_switched, 0 },
	{ MSR_MCG_CAP, MSR_MCG_STATUS, NULL, ignore_write, 0 },
	{ MSR_MISC_ENABLE, MSR_MISC_ENABLE, NULL, write_misc_enable, KEPT(misc_enable) },
	{ MSR_DEBUGCTL, MSR_DEBUGCTL, NULL, ignore_write, 0 },
	{ MSR_PAT, MSR_PAT, read_switched, write_switched, 0 },
	{ MSR_MTRR_DEF_TYPE, MSR_MTRR_DEF_TYPE, NULL, write_mtrr_type, KEPT(mtrr_def_type) },
	{ MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW, pvclock_read, pvclock_write, 0 },
	{ MSR_KVM_STEAL_TIME, MSR_KVM_STEAL_TIME, pvclock_read, pvclock_write, 0 },
	{ MSR_EFER, MSR_EFER, read_efer, write_efer, 0 },
	{ MSR_STAR, MSR_SFMASK, read_switched, write_switched, 0 },
	{ MSR_FS_BASE, MSR_KERNEL_GS_BASE, read_switched, write_switched, 0 },
	{ MSR_TSC_AUX, MSR_TSC_AUX, read_tsc_aux, write_tsc_aux, 0 },
	{ MSR_AMD_SYSCFG, MSR_AMD_SYSCFG, NULL, ignore_write, 0 },
	{ MSR_AMD_HWCR, MSR_AMD_HWCR, NULL, ignore_write, 0 },
	{ MSR_AMD_NB_CFG, MSR_AMD_NB_CFG, NULL, ignore_write, 0 },
	{ MSR_AMD_DE_CFG, MSR_AMD_DE_CFG, NULL, ignore_write, 0 },
};

static bool holds(const struct msr *m, u32 index)
{
	return index >= m->first && index <= m->last;
}

static __noinline const struct msr *msr_search(struct vcpu *v, u32 index)
{
	u32 lo = 0, hi = ARRAY_LEN(msrs);

	while (lo + 1 < hi) {
		u32 mid = (lo + hi) / 2;

		*(index < msrs[mid].first ? &hi : &lo) = mid;
	}
	if (!holds(&msrs[lo], index))
		return NULL;
	v->last_msr = &msrs[lo];
	return v->last_msr;
}

/* Guests ask for the same one again and again. */
static const struct msr *msr_find(struct vcpu *v, u32 index)
{
	const struct msr *m = v->last_msr;

	return likely(m && holds(m, index)) ? m : msr_search(v, index);
}

static int msr_read(struct vcpu *v, u32 index)
{
	const struct msr *m = msr_find(v, index);
	u64 value = 0;

	if (m && m->kept)
		memcpy(&value, (const u8 *)v + m->kept, sizeof(value));
	if (!m || !l3_gate_msr_read(&v->hrsc, index) || (m->read && m->read(v, index, &value) < 0))
		return -EPERM;
	v->hv.gpr[RAX] = (u32)value;
	v->hv.gpr[RDX] = value >> 32;
	return 0;
}

static int msr_write(struct vcpu *v, u32 index)
{
	const struct msr *m = msr_find(v, index);
	u64 value = (u32)v->hv.gpr[RAX] | v->hv.gpr[RDX] << 32;

	if (!m || !l3_gate_msr_write(&v->hrsc, index, value) || !m->write)
		return -EPERM;
	return m->write(v, index, value);
}

void msr_handle(struct vcpu *v, const struct exit *exit)
{
	u32 index = (u32)v->hv.gpr[RCX];
	int err = exit->msr.write ? msr_write(v, index) : msr_read(v, index);

	if (err)
		vcpu_inject_gp(v);
	else
		vcpu_skip(v, exit);
}
