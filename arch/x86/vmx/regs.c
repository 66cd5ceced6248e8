/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's registers by their neutral names. Most are fields of the VMCS's guest-state area (SDM
 * volume 3, "Guest Register State"). CR0 and CR4 have bits that VMX wants fixed and bits that are
 * ours: the guest reads those from a shadow ("Guest/Host Masks and Read Shadows for CR0 and CR4").
 * The SYSCALL MSRs and DR6 are in no VMCS: a loaded vCPU's are in the CPU.
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"

/* Cache control is ours: with the guest's own CD the whole CPU would go uncached. */
#define CR0_OURS (CR0_NE | CR0_NW | CR0_CD)
/* What the guest may change without an exit; a change of any other bit exits. */
#define CR4_GUEST                                                                                  \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |  \
		CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP |   \
		CR4_SMAP)

const u32 vmx_syscall_msrs[SYSCALL_MSRS] = { MSR_KERNEL_GS_BASE, MSR_STAR, MSR_LSTAR, MSR_CSTAR,
	MSR_SFMASK };

/* 0: the register is kept elsewhere. */
static const u16 reg_field[HV_REGS] = {
	[REG_CR3] = GUEST_CR3,
	[REG_DR7] = GUEST_DR7,
	[REG_FS_BASE] = GUEST_FS_BASE,
	[REG_GS_BASE] = GUEST_GS_BASE,
	[REG_SYSENTER_CS] = GUEST_SYSENTER_CS,
	[REG_SYSENTER_ESP] = GUEST_SYSENTER_ESP,
	[REG_SYSENTER_EIP] = GUEST_SYSENTER_EIP,
	[REG_TSC_OFFSET] = TSC_OFFSET,
	[REG_DEBUGCTL] = GUEST_DEBUGCTL,
	[REG_SHADOW] = GUEST_INTERRUPTIBILITY,
	[REG_PENDING_DEBUG] = GUEST_PENDING_DEBUG,
	[REG_PDPTE0] = GUEST_PDPTE0,
	[REG_PDPTE1] = GUEST_PDPTE1,
	[REG_PDPTE2] = GUEST_PDPTE2,
	[REG_PDPTE3] = GUEST_PDPTE3,
};

/* Where it is among vmx_syscall_msrs, or SYSCALL_MSRS or more. */
static u32 syscall_slot(enum hv_reg reg)
{
	return (u32)reg - REG_KERNEL_GS_BASE;
}
static_assert(REG_SFMASK - REG_KERNEL_GS_BASE == SYSCALL_MSRS - 1, "they are in a row");

void vmx_masks_init(void)
{
	vmwrite(CR0_MASK, CR0_OURS | (vmx_caps.cr0_must & ~(u64)(CR0_PE | CR0_PG)));
	vmwrite(CR4_MASK, ~(u64)CR4_GUEST | vmx_caps.cr4_must);
}

/* Unrestricted guest: PE and PG are the two fixed bits that a guest may have clear. */
static u64 real_cr0(u64 value)
{
	value |= vmx_caps.cr0_must & ~(u64)(CR0_PE | CR0_PG);
	return value & vmx_caps.cr0_may & ~(u64)(CR0_NW | CR0_CD);
}

static u64 real_cr4(u64 value)
{
	return (value | vmx_caps.cr4_must) & vmx_caps.cr4_may;
}

static u64 read_masked(enum vmcs_field real, enum vmcs_field shadow, enum vmcs_field mask_field)
{
	u64 mask = vmread(mask_field);

	return (vmread(real) & ~mask) | (vmread(shadow) & mask);
}

/* EFER or PAT in the MSR areas; NULL: it has a field of its own. */
static u64 *switched(const struct hv_vcpu *v, u32 msr)
{
	struct vmx_state *s = vmx_state(v);

	for (u32 i = 0; i < s->nswitched; i++) {
		if (s->guest_msr[i].index == msr)
			return &s->guest_msr[i].value;
	}
	return NULL;
}

static u64 read_switched(const struct hv_vcpu *v, enum vmcs_field field, u32 msr)
{
	const u64 *slot = switched(v, msr);

	return slot ? *slot : vmread(field);
}

static void write_switched(struct hv_vcpu *v, enum vmcs_field field, u32 msr, u64 value)
{
	u64 *slot = switched(v, msr);

	if (slot)
		*slot = value;
	else
		vmwrite(field, value);
}

u64 vmx_reg_read(const struct hv_vcpu *v, enum hv_reg reg)
{
	u32 slot = syscall_slot(reg);

	vmx_focus(v);
	if (reg_field[reg])
		return vmread(reg_field[reg]);
	if (slot < SYSCALL_MSRS)
		return this_cpu(hv_loaded) == v ? rdmsr(vmx_syscall_msrs[slot])
						: vmx_state(v)->syscall[slot];
	switch (reg) {
	case REG_CR0:
		return read_masked(GUEST_CR0, CR0_SHADOW, CR0_MASK);
	case REG_CR2:
		return v->cr2;
	case REG_CR4:
		return read_masked(GUEST_CR4, CR4_SHADOW, CR4_MASK);
	case REG_DR6:
		return this_cpu(hv_loaded) == v ? dr6_read() : vmx_state(v)->dr6;
	case REG_EFER:
		return read_switched(v, GUEST_EFER, MSR_EFER);
	case REG_PAT:
		return read_switched(v, GUEST_PAT, MSR_PAT);
	default:
		return 0;
	}
}

/* SDM, "Checks on Guest Control Registers": the entry control has to say what EFER.LMA says. */
static void write_efer(struct hv_vcpu *v, u64 value)
{
	u64 entry = vmread(ENTRY_CONTROLS);

	write_switched(v, GUEST_EFER, MSR_EFER, value);
	vmwrite(ENTRY_CONTROLS,
		value & EFER_LMA ? entry | ENTRY_GUEST_64 : entry & ~ENTRY_GUEST_64);
}

static void write_syscall_msr(struct hv_vcpu *v, u32 slot, u64 value)
{
	if (this_cpu(hv_loaded) == v)
		wrmsr(vmx_syscall_msrs[slot], value);
	else
		vmx_state(v)->syscall[slot] = value;
}

static void write_special(struct hv_vcpu *v, enum hv_reg reg, u64 value)
{
	switch (reg) {
	case REG_CR0:
		vmwrite(CR0_SHADOW, value);
		vmwrite(GUEST_CR0, real_cr0(value));
		break;
	case REG_CR2:
		v->cr2 = value;
		break;
	case REG_CR4:
		vmwrite(CR4_SHADOW, value);
		vmwrite(GUEST_CR4, real_cr4(value));
		break;
	case REG_DR6:
		vmx_state(v)->dr6 = value;
		if (this_cpu(hv_loaded) == v)
			dr6_write(value);
		break;
	case REG_EFER:
		write_efer(v, value);
		break;
	case REG_PAT:
		write_switched(v, GUEST_PAT, MSR_PAT, value);
		break;
	default:
		break;
	}
}

void vmx_reg_write(struct hv_vcpu *v, enum hv_reg reg, u64 value)
{
	vmx_focus(v);
	if (reg_field[reg])
		vmwrite(reg_field[reg], value);
	else if (syscall_slot(reg) < SYSCALL_MSRS)
		write_syscall_msr(v, syscall_slot(reg), value);
	else
		write_special(v, reg, value);
}

void vmx_set_pdptes(struct hv_vcpu *v, const u64 pdptes[4])
{
	vmx_focus(v);
	for (u32 i = 0; i < 4; i++)
		vmwrite(GUEST_PDPTE0 + 2 * i, pdptes[i]);
}

/* Access rights have the same bits as ours, but for a hole at 11:8. */
void vmx_segment_read(const struct hv_vcpu *v, enum hv_segment seg, struct segment *out)
{
	u32 rights = 0;

	vmx_focus(v);
	*out = (struct segment){ .limit = (u32)vmread(SEGMENT_LIMIT(seg)),
		.base = vmread(SEGMENT_BASE(seg)) };
	if (seg >= SEG_GDTR)
		return;
	rights = (u32)vmread(SEGMENT_RIGHTS(seg));
	out->selector = (u16)vmread(SEGMENT_SELECTOR(seg));
	out->attr = (u16)((rights & 0xff) | ((rights >> 4) & 0x1f00));
}

/* What is not present must be marked unusable: a usable segment has to be present. */
void vmx_segment_write(struct hv_vcpu *v, enum hv_segment seg, const struct segment *in)
{
	u32 rights = (in->attr & 0xff) | (in->attr & 0xf00u) << 4;

	vmx_focus(v);
	vmwrite(SEGMENT_LIMIT(seg), in->limit);
	vmwrite(SEGMENT_BASE(seg), in->base);
	if (seg >= SEG_GDTR)
		return;
	if ((in->attr & SEG_ATTR_UNUSABLE) || !(in->attr & SEG_ATTR_P))
		rights = RIGHTS_UNUSABLE | (rights & 0x60); /* SS keeps its DPL: that is the CPL */
	vmwrite(SEGMENT_SELECTOR(seg), in->selector);
	vmwrite(SEGMENT_RIGHTS(seg), rights);
}

int vmx_cpl(const struct hv_vcpu *v)
{
	vmx_focus(v);
	return (vmread(SEGMENT_RIGHTS(SEG_SS)) >> 5) & 3;
}

u64 vmx_code_space(const struct hv_vcpu *v)
{
	u64 access, mode;

	vmx_focus(v);
	access = vmread(GUEST_CS_RIGHTS);
	mode = !!(access & BIT(14)); /* D/B */
	if ((access & BIT(13)) && (vmread(ENTRY_CONTROLS) & ENTRY_GUEST_64))
		mode = 2;
	return (vmread(GUEST_CR3) & ~(3ull << 62)) | mode << 62;
}
