/* SPDX-License-Identifier: BSD-2-Clause */
/* AMD-V: how to break each of the APM's consistency checks, by offsets into the VMCB. */
#include "tests/image/entry_checks.h"

#include "arch/x86/cpu.h"
#include "arch/x86/svm/svm.h"
#include "core/lib/string.h"

#define AT(field) offsetof(struct vmcb, field)
#define ALL32	  0xffffffffull
#define HIGH	  BIT(60) /* beyond physical memory */
#define LONG_MODE                                                                                  \
	{ AT(efer), 0, EFER_LME },                                                                 \
	{                                                                                          \
		AT(cr0), 0, CR0_PE | CR0_PG                                                        \
	}

static const struct entry_break breaks[] = {
	{ "efer", "EFER.SVME must be 1", { { AT(efer), EFER_SVME, 0 } } },
	{ "cr0", "CR0.NW must be 0 when CR0.CD is 0", { { AT(cr0), CR0_CD, CR0_NW } } },
	{ "cr0", "CR0 bits 63:32 must be 0", { { AT(cr0), 0, BIT(32) } } },
	{ "cr4", "CR4 bits 63:32 must be 0", { { AT(cr4), 0, BIT(32) } } },
	{ "dr6", "DR6 bits 63:32 must be 0", { { AT(dr6), 0, BIT(32) } } },
	{ "dr7", "DR7 bits 63:32 must be 0", { { AT(dr7), 0, BIT(63) } } },
	{ "efer", "EFER reserved bits must be 0", { { AT(efer), 0, BIT(40) } } },
	{ "cr4", "EFER.LME and CR0.PG need CR4.PAE", { LONG_MODE } },
	/* Bochs would enter and give itself up: no ASID is in the way. */
	{ "cr0", "EFER.LME and CR0.PG need CR0.PE",
		{ { AT(asid), ALL32, 0 }, { AT(efer), 0, EFER_LME }, { AT(cr0), CR0_PE, CR0_PG },
			{ AT(cr4), 0, CR4_PAE } } },
	{ "cs.attrib", "CS.L and CS.D must not both be 1 in long mode",
		{ LONG_MODE, { AT(cr4), 0, CR4_PAE },
			{ AT(cs.attrib), 0, SEG_ATTR_L | SEG_ATTR_DB } } },
	{ "misc2", "the VMRUN intercept must be set", { { AT(misc2), INTERCEPT_VMRUN, 0 } } },
	{ "asid", "the ASID must not be 0", { { AT(asid), ALL32, 0 } } },
	{ "iopm_base", "the I/O permission map must lie in physical memory",
		{ { AT(iopm_base), 0, HIGH } } },
	{ "msrpm_base", "the MSR permission map must lie in physical memory",
		{ { AT(msrpm_base), 0, HIGH } } },
	/* A KVM below that puts the entry off forgets events whose type it does not know. */
	{ "eventinj", "EVENTINJ must hold a valid type and vector",
		{ { AT(eventinj), 0, EVENTINJ_VALID | EVENTINJ_TYPE_EXCEPTION | 32 } } },
};

/* QEMU's own emulation enters with these. */
static const struct entry_break unchecked[] = {
	{ "asid", "the ASID must be below the CPU's number of ASIDs",
		{ { AT(asid), 0, BIT(31) } } },
	{ "n_cr3", "nCR3 must lie in physical memory", { { AT(n_cr3), 0, HIGH } } },
};

static u64 read(const struct hv_vcpu *v, u16 what)
{
	u64 value;

	memcpy(&value, (const u8 *)v->control + what, sizeof(value));
	return value;
}

static void write(struct hv_vcpu *v, u16 what, u64 value)
{
	memcpy((u8 *)v->control + what, &value, sizeof(value));
}

static const u16 sealed[] = { AT(exceptions), AT(misc1), AT(misc2), AT(iopm_base), AT(msrpm_base),
	AT(asid), AT(np_enable), AT(n_cr3) };

const struct entry_suite svm_entry_suite = {
	.breaks = breaks,
	.count = ARRAY_LEN(breaks),
	.least = 15,
	.unchecked = unchecked,
	.nunchecked = ARRAY_LEN(unchecked),
	.sealed = sealed,
	.nsealed = ARRAY_LEN(sealed),
	.flip = BIT(3),
	.read = read,
	.write = write,
};
