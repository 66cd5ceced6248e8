/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MOV to and from control registers, CLTS, LMSW and XSETBV (SDM volume 3, "Control Registers";
 * volume 2, "XSETBV"). What the architecture forbids is a #GP.
 */
#include "core/l3/control.h"

#include "arch/x86/cpu.h"
#include "core/l3/exit.h"
#include "core/l3/fetch.h"
#include "core/l3/gate.h"
#include "core/l3/inject.h"

#define GATE_XCR0 0x20

#define XCR0_X87    BIT(0)
#define XCR0_SSE    BIT(1)
#define XCR0_AVX    BIT(2)
#define XCR0_AVX512 (BIT(5) | BIT(6) | BIT(7))
#define CR4_OFFERED                                                                                \
	(CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |  \
		CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP |   \
		CR4_SMAP)

/* Entering or leaving long mode: LMA follows LME and PG. */
static void update_lma(struct vcpu *v, u64 cr0)
{
	u64 efer = hv->reg_read(&v->hv, REG_EFER);

	efer = (efer & EFER_LME) && (cr0 & CR0_PG) ? efer | EFER_LMA : efer & ~EFER_LMA;
	hv->reg_write(&v->hv, REG_EFER, efer);
}

/*
 * PAE paging that comes on or whose mode changes loads the four entries that CR3 points to (SDM
 * volume 3, "PDPTE Registers"); where the CPU has not seen the instruction we do it.
 */
static int load_pdptes(struct vcpu *v, u64 cr0, u64 cr4)
{
	u64 reserved = ~(BIT(cpu_features.physical_bits) - BIT(12)) & ~0xe19ull, pdptes[4];
	u64 cr3 = hv->reg_read(&v->hv, REG_CR3) & 0xffffffe0;

	if (!hv->set_pdptes || !(cr0 & CR0_PG) || !(cr4 & CR4_PAE) ||
		(hv->reg_read(&v->hv, REG_EFER) & EFER_LME))
		return 0;
	if (vm_read(v->vm, GPA(cr3), pdptes, sizeof(pdptes)) < 0)
		return -EPERM;
	for (u32 i = 0; i < ARRAY_LEN(pdptes); i++) {
		if ((pdptes[i] & BIT(0)) && (pdptes[i] & reserved))
			return -EPERM;
	}
	hv->set_pdptes(&v->hv, pdptes);
	return 0;
}

static int write_cr0(struct vcpu *v, u64 value)
{
	u64 efer = hv->reg_read(&v->hv, REG_EFER), cr4 = hv->reg_read(&v->hv, REG_CR4);

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) ||
		((value & CR0_NW) && !(value & CR0_CD)))
		return -EPERM;
	if ((value & CR0_PG) && (efer & EFER_LME) && !(cr4 & CR4_PAE))
		return -EPERM;
	if (load_pdptes(v, value, cr4) < 0)
		return -EPERM;
	update_lma(v, value);
	hv->reg_write(&v->hv, REG_CR0, value | CR0_ET);
	v->hv.flush = true;
	return 0;
}

static int write_cr4(struct vcpu *v, u64 value)
{
	if (value & ~(u64)CR4_OFFERED)
		return -EPERM;
	if (!(value & CR4_PAE) && (hv->reg_read(&v->hv, REG_EFER) & EFER_LMA))
		return -EPERM;
	if (load_pdptes(v, hv->reg_read(&v->hv, REG_CR0), value) < 0)
		return -EPERM;
	hv->reg_write(&v->hv, REG_CR4, value);
	v->hv.flush = true;
	return 0;
}

/* CR8 is bits 7:4 of the local APIC's task priority. */
static int write_cr8(struct vcpu *v, u64 value)
{
	if (value > 15)
		return -EPERM;
	v->apic.tpr = (u32)value << 4;
	vcpu_hazard(v, HAZARD_EVENT);
	return 0;
}

static int write_cr(struct vcpu *v, u8 number, u64 value)
{
	if (!l3_gate_control(&v->hrsc, number, value))
		return -EPERM;
	switch (number) {
	case 0:
		return write_cr0(v, value);
	case 4:
		return write_cr4(v, value);
	case 8:
		return write_cr8(v, value);
	default:
		return -EPERM;
	}
}

static u64 read_cr(struct vcpu *v, u8 number)
{
	switch (number) {
	case 0:
		return hv->reg_read(&v->hv, REG_CR0);
	case 4:
		return hv->reg_read(&v->hv, REG_CR4);
	case 8:
		return v->apic.tpr >> 4;
	default:
		return 0;
	}
}

/* Which general register: from the exit, or from the instruction itself. */
static int find_gpr(struct vcpu *v, const struct exit *exit, u8 *gpr, u8 *len)
{
	struct insn insn;

	*gpr = exit->cr.gpr;
	*len = exit->insn_len;
	if (exit->cr.gpr_known)
		return 0;
	if (guest_fetch(v, &insn) < 0)
		return -EFAULT;
	if (insn.op != (exit->cr.write ? INSN_MOV_TO_CR : INSN_MOV_FROM_CR) ||
		insn.rm == INSN_NO_REG)
		return guest_retry(v); /* no longer the instruction that exited: let it run */
	*gpr = insn.rm;
	*len = insn.len;
	return 0;
}

void control_handle_cr(struct vcpu *v, const struct exit *exit)
{
	u64 cr0 = hv->reg_read(&v->hv, REG_CR0);
	u8 gpr, len;
	int err = 0;

	if (exit->cr.clts || exit->cr.lmsw) {
		u64 value = exit->cr.clts ? cr0 & ~CR0_TS
					  : (cr0 & ~0xeull) | (exit->cr.lmsw_value & 0xf);

		err = write_cr(v, 0, value);
		len = exit->insn_len;
	} else {
		if (find_gpr(v, exit, &gpr, &len) < 0)
			return;
		if (exit->cr.write)
			err = write_cr(v, exit->cr.number, v->hv.gpr[gpr]);
		else
			v->hv.gpr[gpr] = read_cr(v, exit->cr.number);
	}
	if (err)
		vcpu_inject_gp(v);
	else
		vcpu_advance(v, len);
}

/* SDM volume 1, "XSAVE-Supported Features and State-Component Bitmaps". */
static bool valid_xcr0(u64 value)
{
	if (!(value & XCR0_X87) || (value & ~cpu_features.xcr0_supported))
		return false;
	if ((value & XCR0_AVX) && !(value & XCR0_SSE))
		return false;
	return !(value & XCR0_AVX512) ||
	       ((value & XCR0_AVX512) == XCR0_AVX512 && (value & XCR0_AVX));
}

void control_handle_xsetbv(struct vcpu *v, const struct exit *exit)
{
	u64 value = (u32)v->hv.gpr[RAX] | v->hv.gpr[RDX] << 32;

	if ((u32)v->hv.gpr[RCX] || hv->cpl(&v->hv) || !valid_xcr0(value) ||
		!l3_gate_control(&v->hrsc, GATE_XCR0, value)) {
		vcpu_inject_gp(v);
		return;
	}
	v->xcr0 = value;
	xsetbv(0, value);
	vcpu_skip(v, exit);
}
