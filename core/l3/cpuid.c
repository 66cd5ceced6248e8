/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own answers, cut down by a table (SDM volume 2, "CPUID"; APM volume 3, appendix E).
 * A leaf without an entry reads as zeros.
 */
#include "core/l3/cpuid.h"

#include "arch/x86/cpu.h"
#include "core/l3/exit.h"
#include "core/l3/gate.h"
#include "core/l3/hypercall_abi.h"
#include "core/l3/pvclock_abi.h"
#include "core/lib/string.h"
#include "drivers/api/config.h"

#define LEAF_EXTENDED 0x80000000u
#define MAX_BASIC     0xdu
#define MAX_EXTENDED  0x80000008u
#define ALL	      0xffffffffu

#define ECX1_OSXSAVE	 BIT(27)
#define ECX1_NEEDS_XSAVE (BIT(12) | BIT(26) | BIT(28) | BIT(29)) /* FMA, itself, AVX, F16C */
#define ECX1_HYPERVISOR	 BIT(31)
#define EDX1_APIC	 BIT(9)

struct mask {
	u32 eax, ebx, ecx, edx;
};

/* Leaf 1 without MONITOR, VMX, SMX, x2APIC, TSC deadline, PCID; MCE, MCA, PSN, DS, thermal. */
static const struct mask leaf1 = { ALL, 0x0000ff00, 0x76d83203, 0x078bbb7f };
/* Leaf 7: FSGSBASE, BMI, AVX2, SMEP, ERMS, AVX-512, RDSEED, ADX, SMAP, CLFLUSHOPT, CLWB, SHA; UMIP,
 * vector AES and the later AVX-512 sets; FSRM. */
static const struct mask leaf7 = { 0, 0xf1bf03a9, 0x00005f46, BIT(4) };
/* XSAVE subleaf 1: XSAVEOPT, XSAVEC, XGETBV(1); no XSAVES. */
static const struct mask leaf_d1 = { 7, ALL, 0, 0 };
/* Extended leaf 1: LAHF, ABM, SSE4A, misaligned SSE, prefetch; SYSCALL, NX, 1 GiB pages, RDTSCP,
 * LM. */
static const struct mask extended1 = { ALL, 0, 0x000001e1, 0x2dd3bb7f };
static const struct mask whole = { ALL, ALL, ALL, ALL };
static const struct mask invariant_tsc = { 0, 0, 0, BIT(8) };
static const struct mask address_sizes = { 0xffff, 0, 0, 0 };

static const struct mask *const basic[MAX_BASIC + 1] = {
	[0] = &whole,
	[2] = &whole,
	[7] = &leaf7,
};

static const struct mask *const extended[MAX_EXTENDED - LEAF_EXTENDED + 1] = {
	[0] = &whole,
	[1] = &extended1,
	[2] = &whole,
	[3] = &whole,
	[4] = &whole,
	[5] = &whole,
	[6] = &whole,
	[7] = &invariant_tsc,
	[8] = &address_sizes,
};

static struct cpuid masked(u32 leaf, u32 subleaf, const struct mask *m)
{
	struct cpuid c = { 0 };

	if (!m)
		return c;
	c = cpuid(leaf, subleaf);
	c.eax &= m->eax;
	c.ebx &= m->ebx;
	c.ecx &= m->ecx;
	c.edx &= m->edx;
	return c;
}

static struct cpuid leaf_1(struct vcpu *v)
{
	struct cpuid c = masked(1, 0, &leaf1);

	c.ebx |= v->index << 24 | v->vm->nvcpus << 16;
	c.ecx |= ECX1_HYPERVISOR;
	if (!cpu_features.xsave)
		c.ecx &= ~(u32)ECX1_NEEDS_XSAVE;
	if ((c.ecx & BIT(26)) && (hv->reg_read(&v->hv, REG_CR4) & CR4_OSXSAVE))
		c.ecx |= ECX1_OSXSAVE;
	if (!(v->apic.base_msr & BIT(11)))
		c.edx &= ~(u32)EDX1_APIC;
	if (v->vm->nvcpus > 1)
		c.edx |= BIT(28);
	return c;
}

/* XSAVE: the guest's XCR0 is in the CPU while its exit is handled, so sizes come out right. */
static struct cpuid leaf_d(u32 subleaf)
{
	struct cpuid c = { 0 };

	if (!cpu_features.xsave)
		return c;
	if (subleaf == 0) {
		c = cpuid(0xd, 0);
		c.eax &= (u32)cpu_features.xcr0_supported;
		c.edx &= (u32)(cpu_features.xcr0_supported >> 32);
	} else if (subleaf == 1) {
		c = masked(0xd, 1, &leaf_d1);
	} else if (subleaf < 63 && (cpu_features.xcr0_supported & BIT(subleaf))) {
		c = cpuid(0xd, subleaf);
	}
	return c;
}

/* Two leaves for each interface: the last leaf and a signature, then what it offers. */
static struct cpuid interface_leaf(u32 leaf, const char signature[12], u32 offers)
{
	struct cpuid c = { .eax = leaf | 1 };

	if (leaf & 1)
		return (struct cpuid){ .eax = offers };
	memcpy(&c.ebx, signature + 0, 4);
	memcpy(&c.ecx, signature + 4, 4);
	memcpy(&c.edx, signature + 8, 4);
	return c;
}

static struct cpuid hypervisor_leaf(struct vcpu *v, u32 leaf)
{
	static const char ours[12] = HYPERCALL_SIGNATURE, clock[12] = PVCLOCK_SIGNATURE;

	if ((leaf & ~1u) == HYPERCALL_CPUID_LEAF)
		return interface_leaf(leaf, ours, HYPERCALL_VERSION);
	if ((leaf & ~1u) == PVCLOCK_CPUID_LEAF && v->vm->config->pvclock == PVCLOCK_ON)
		return interface_leaf(leaf, clock, PVCLOCK_FEATURES);
	return (struct cpuid){ 0 };
}

static struct cpuid answer(struct vcpu *v, u32 leaf, u32 subleaf)
{
	struct cpuid c = { 0 };

	if (leaf == 1)
		return leaf_1(v);
	if (leaf == 0xd)
		return leaf_d(subleaf);
	if (leaf <= MAX_BASIC) {
		if (leaf == 7 && subleaf)
			return c;
		c = masked(leaf, subleaf, basic[leaf]);
		if (leaf == 0)
			c.eax = MIN(c.eax, MAX_BASIC);
	} else if (leaf >= LEAF_EXTENDED && leaf <= MAX_EXTENDED) {
		c = masked(leaf, 0, extended[leaf - LEAF_EXTENDED]);
		if (leaf == LEAF_EXTENDED + 7 && !cpu_features.invariant_tsc)
			c.edx = 0;
		if (leaf == LEAF_EXTENDED + 1 && !cpu_features.rdtscp)
			c.edx &= ~(u32)BIT(27);
		if (leaf == LEAF_EXTENDED)
			c.eax = MIN(c.eax, MAX_EXTENDED);
	} else if ((leaf & 0xffff0000) == HYPERCALL_CPUID_LEAF) {
		c = hypervisor_leaf(v, leaf);
	}
	return c;
}

void cpuid_handle(struct vcpu *v, const struct exit *exit)
{
	u64 *gpr = v->hv.gpr;
	u32 leaf = (u32)gpr[RAX], subleaf = (u32)gpr[RCX];
	struct cpuid c = { 0 };

	if (likely(l3_gate_cpuid(&v->hrsc, leaf, subleaf)))
		c = answer(v, leaf, subleaf);
	gpr[RAX] = c.eax;
	gpr[RBX] = c.ebx;
	gpr[RCX] = c.ecx;
	gpr[RDX] = c.edx;
	vcpu_skip(v, exit);
}
