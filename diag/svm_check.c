/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why the CPU refused a VMCB: the manual's consistency checks in software (APM volume 2, "VMRUN
 * Instruction: Canonicalization and Consistency Checks"), and a dump.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/svm/svm.h"
#include "core/l1/log.h"

struct rule {
	const char *field, *rule;
	bool (*broken)(const struct vmcb *c);
	u16 at;
};

static bool no_svme(const struct vmcb *c)
{
	return !(c->efer & EFER_SVME);
}
static bool nw_without_cd(const struct vmcb *c)
{
	return (c->cr0 & CR0_NW) && !(c->cr0 & CR0_CD);
}
static bool cr0_high(const struct vmcb *c)
{
	return c->cr0 >> 32;
}
static bool cr4_reserved(const struct vmcb *c)
{
	return c->cr4 >> 32;
}
static bool dr6_high(const struct vmcb *c)
{
	return c->dr6 >> 32;
}
static bool dr7_high(const struct vmcb *c)
{
	return c->dr7 >> 32;
}
static bool efer_reserved(const struct vmcb *c)
{
	return c->efer & ~(u64)(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE | EFER_SVME | EFER_LMSLE |
				 EFER_FFXSR | BIT(15) | BIT(17) | BIT(18) | BIT(20) | BIT(21));
}
static bool long_mode_without_pae(const struct vmcb *c)
{
	return (c->efer & EFER_LME) && (c->cr0 & CR0_PG) && !(c->cr4 & CR4_PAE);
}
static bool long_mode_without_pe(const struct vmcb *c)
{
	return (c->efer & EFER_LME) && (c->cr0 & CR0_PG) && !(c->cr0 & CR0_PE);
}
static bool l_and_d(const struct vmcb *c)
{
	return (c->efer & EFER_LME) && (c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) &&
	       (c->cs.attrib & SEG_ATTR_L) && (c->cs.attrib & SEG_ATTR_DB);
}
static bool no_vmrun_intercept(const struct vmcb *c)
{
	return !(c->misc2 & INTERCEPT_VMRUN);
}
static bool asid_zero(const struct vmcb *c)
{
	return !c->asid;
}
static bool asid_too_large(const struct vmcb *c)
{
	return c->asid >= svm_caps.asids;
}
static bool table_out_of_range(u64 base)
{
	return base >> cpu_features.physical_bits;
}
static bool iopm_range(const struct vmcb *c)
{
	return table_out_of_range(c->iopm_base + 3 * PAGE_SIZE - 1);
}
static bool msrpm_range(const struct vmcb *c)
{
	return table_out_of_range(c->msrpm_base + 2 * PAGE_SIZE - 1);
}
static bool ncr3_range(const struct vmcb *c)
{
	return c->np_enable && table_out_of_range(c->n_cr3);
}
static bool bad_event(const struct vmcb *c)
{
	u64 type = c->eventinj & EVENTINJ_TYPE_MASK;

	return (c->eventinj & EVENTINJ_VALID) &&
	       (type == (1ull << 8) || type > EVENTINJ_TYPE_SOFT ||
		       (type == EVENTINJ_TYPE_EXCEPTION &&
			       ((c->eventinj & 0xff) > 31 || (c->eventinj & 0xff) == VECTOR_NMI)));
}

#define RULE(name, text, fn)                                                                       \
	{                                                                                          \
#name, text, fn, offsetof(struct vmcb, name)                                       \
	}

static const struct rule rules[] = {
	RULE(efer, "EFER.SVME must be 1", no_svme),
	RULE(cr0, "CR0.NW must be 0 when CR0.CD is 0", nw_without_cd),
	RULE(cr0, "CR0 bits 63:32 must be 0", cr0_high),
	RULE(cr4, "CR4 bits 63:32 must be 0", cr4_reserved),
	RULE(dr6, "DR6 bits 63:32 must be 0", dr6_high),
	RULE(dr7, "DR7 bits 63:32 must be 0", dr7_high),
	RULE(efer, "EFER reserved bits must be 0", efer_reserved),
	RULE(cr4, "EFER.LME and CR0.PG need CR4.PAE", long_mode_without_pae),
	RULE(cr0, "EFER.LME and CR0.PG need CR0.PE", long_mode_without_pe),
	RULE(cs.attrib, "CS.L and CS.D must not both be 1 in long mode", l_and_d),
	RULE(misc2, "the VMRUN intercept must be set", no_vmrun_intercept),
	RULE(asid, "the ASID must not be 0", asid_zero),
	RULE(asid, "the ASID must be below the CPU's number of ASIDs", asid_too_large),
	RULE(iopm_base, "the I/O permission map must lie in physical memory", iopm_range),
	RULE(msrpm_base, "the MSR permission map must lie in physical memory", msrpm_range),
	RULE(n_cr3, "nCR3 must lie in physical memory", ncr3_range),
	RULE(eventinj, "EVENTINJ must hold a valid type and vector", bad_event),
};

int svm_audit(const struct hv_vcpu *v, struct hv_audit *out, int max)
{
	int n = 0;

	for (u32 i = 0; i < ARRAY_LEN(rules) && n < max; i++) {
		if (rules[i].broken(v->control))
			out[n++] = (struct hv_audit){ rules[i].field, rules[i].rule,
				*(const u32 *)((const u8 *)v->control + rules[i].at) };
	}
	return n;
}

static void dump_segment(const char *name, const struct vmcb_segment *s)
{
	out("  %s %04x attrib %03x limit %08x base %016lx\n", name, s->selector, s->attrib,
		s->limit, s->base);
}

void svm_dump(const struct hv_vcpu *v)
{
	const struct vmcb *c = v->control;

	out("VMCB at %lx, ASID %u\n", v->control_hpa.v, c->asid);
	out("  exit %lx info1 %lx info2 %lx intinfo %lx eventinj %lx\n", c->exitcode, c->exitinfo1,
		c->exitinfo2, c->exitintinfo, c->eventinj);
	out("  intercepts misc1 %08x misc2 %08x exceptions %08x v_intr %lx shadow %lx\n", c->misc1,
		c->misc2, c->exceptions, c->v_intr, c->interrupt_shadow);
	out("  cr0 %lx cr2 %lx cr3 %lx cr4 %lx efer %lx ncr3 %lx\n", c->cr0, c->cr2, c->cr3, c->cr4,
		c->efer, c->n_cr3);
	dump_segment("cs", &c->cs);
	dump_segment("ss", &c->ss);
	dump_segment("tr", &c->tr);
	dump_segment("gdtr", &c->gdtr);
	dump_segment("idtr", &c->idtr);
}
