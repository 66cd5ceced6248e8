/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's registers in the VMCB's state save area, by their neutral names. */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"

/* Offsets into the VMCB; 0 where the register is kept elsewhere. */
static const u16 reg_offset[HV_REGS] = {
	[REG_CR0] = offsetof(struct vmcb, cr0),
	[REG_CR2] = offsetof(struct vmcb, cr2),
	[REG_CR3] = offsetof(struct vmcb, cr3),
	[REG_CR4] = offsetof(struct vmcb, cr4),
	[REG_EFER] = offsetof(struct vmcb, efer),
	[REG_DR6] = offsetof(struct vmcb, dr6),
	[REG_DR7] = offsetof(struct vmcb, dr7),
	[REG_PAT] = offsetof(struct vmcb, g_pat),
	[REG_FS_BASE] = offsetof(struct vmcb, fs.base),
	[REG_GS_BASE] = offsetof(struct vmcb, gs.base),
	[REG_KERNEL_GS_BASE] = offsetof(struct vmcb, kernel_gs_base),
	[REG_STAR] = offsetof(struct vmcb, star),
	[REG_LSTAR] = offsetof(struct vmcb, lstar),
	[REG_CSTAR] = offsetof(struct vmcb, cstar),
	[REG_SFMASK] = offsetof(struct vmcb, sfmask),
	[REG_SYSENTER_CS] = offsetof(struct vmcb, sysenter_cs),
	[REG_SYSENTER_ESP] = offsetof(struct vmcb, sysenter_esp),
	[REG_SYSENTER_EIP] = offsetof(struct vmcb, sysenter_eip),
	[REG_TSC_OFFSET] = offsetof(struct vmcb, tsc_offset),
	[REG_DEBUGCTL] = offsetof(struct vmcb, dbgctl),
	[REG_SHADOW] = offsetof(struct vmcb, interrupt_shadow),
};

static const u16 segment_offset[HV_SEGMENTS] = {
	[SEG_ES] = offsetof(struct vmcb, es),
	[SEG_CS] = offsetof(struct vmcb, cs),
	[SEG_SS] = offsetof(struct vmcb, ss),
	[SEG_DS] = offsetof(struct vmcb, ds),
	[SEG_FS] = offsetof(struct vmcb, fs),
	[SEG_GS] = offsetof(struct vmcb, gs),
	[SEG_LDTR] = offsetof(struct vmcb, ldtr),
	[SEG_TR] = offsetof(struct vmcb, tr),
	[SEG_GDTR] = offsetof(struct vmcb, gdtr),
	[SEG_IDTR] = offsetof(struct vmcb, idtr),
};

u64 svm_reg_read(const struct hv_vcpu *v, enum hv_reg reg)
{
	u64 value;

	if (!reg_offset[reg])
		return 0;
	value = *(const u64 *)((const u8 *)v->control + reg_offset[reg]);
	/* EFER.SVME is ours: VMRUN needs it set, the guest does not have it. */
	return reg == REG_EFER ? value & ~EFER_SVME : value;
}

void svm_reg_write(struct hv_vcpu *v, enum hv_reg reg, u64 value)
{
	if (!reg_offset[reg])
		return;
	if (reg == REG_EFER)
		value |= EFER_SVME;
	*(u64 *)((u8 *)v->control + reg_offset[reg]) = value;
}

void svm_segment_read(const struct hv_vcpu *v, enum hv_segment seg, struct segment *out)
{
	const struct vmcb_segment *s =
		(const struct vmcb_segment *)((const u8 *)v->control + segment_offset[seg]);

	/* SVM has no "unusable": a data segment that is not present is as good. */
	*out = (struct segment){
		.selector = s->selector,
		.attr = s->attrib | (s->attrib & SEG_ATTR_P ? 0 : SEG_ATTR_UNUSABLE),
		.limit = s->limit,
		.base = s->base,
	};
	if (seg == SEG_SS) /* its DPL is the CPL, which a null selector need not say */
		out->attr = (out->attr & ~0x60) | (u16)(vmcb_of(v)->cpl << 5);
}

void svm_segment_write(struct hv_vcpu *v, enum hv_segment seg, const struct segment *in)
{
	struct vmcb_segment *s = (struct vmcb_segment *)((u8 *)v->control + segment_offset[seg]);

	*s = (struct vmcb_segment){
		.selector = in->selector,
		.attrib = in->attr & SEG_ATTR_UNUSABLE ? 0 : in->attr & 0xfff,
		.limit = in->limit,
		.base = in->base,
	};
	if (seg == SEG_SS)
		vmcb_of(v)->cpl = (in->attr >> 5) & 3;
}
