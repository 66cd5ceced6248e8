/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VT-x: how to break each of the SDM's entry checks. The guest is in real mode as after INIT. What
 * the back end copies in at each entry (RIP, RFLAGS) is poked where it copies from.
 */
#include "tests/image/entry_checks.h"

#include "arch/x86/cpu.h"
#include "arch/x86/vmx/vmx.h"

#define VPID_POKE   1 /* VPID's own encoding is 0 */
#define ALL	    (~0ull)
#define HIGH	    BIT(60) /* not canonical, beyond physical memory, and bits 63:32 */
#define EVENT(t, v) (INTR_VALID | (t) << 8 | (v))
#define PROTECTED                                                                                  \
	{                                                                                          \
		GUEST_CR0, 0, CR0_PE                                                               \
	}
#define CAPABILITY "bits must be as the capability MSR allows"
#define FIXED	   "fixed bits must be as VMX wants them"
#define PAGE	   "must be a page in physical memory"
#define AREA	   "the area must be aligned and in physical memory"
#define CANONICAL  "must be canonical"
#define LOW	   "bits 31:16 must be 0"
#define RESERVED   "reserved bits must be 0"

static const struct entry_break breaks[] = {
	{ "PIN_CONTROLS", CAPABILITY, { { PIN_CONTROLS, BIT(1), 0 } } },
	{ "PROC_CONTROLS", CAPABILITY, { { PROC_CONTROLS, BIT(1), 0 } } },
	{ "PROC2_CONTROLS", CAPABILITY, { { PROC2_CONTROLS, 0, BIT(31) } } },
	{ "EXIT_CONTROLS", CAPABILITY, { { EXIT_CONTROLS, BIT(0), 0 } } },
	{ "ENTRY_CONTROLS", CAPABILITY, { { ENTRY_CONTROLS, BIT(0), 0 } } },
	{ "CR3_TARGET_COUNT", "no more targets than the CPU has",
		{ { CR3_TARGET_COUNT, 0, 0x1ff } } },
	{ "IO_BITMAP_A", PAGE, { { IO_BITMAP_A, 0, 1 } } },
	{ "IO_BITMAP_B", PAGE, { { IO_BITMAP_B, 0, HIGH } } },
	{ "MSR_BITMAP", PAGE, { { MSR_BITMAP, 0, 0x800 } } },
	{ "PIN_CONTROLS", "virtual NMIs need NMI exiting", { { PIN_CONTROLS, PIN_NMI, 0 } } },
	{ "PROC_CONTROLS", "NMI-window exiting needs virtual NMIs",
		{ { PROC_CONTROLS, 0, PROC_NMI_WINDOW }, { PIN_CONTROLS, PIN_VIRTUAL_NMI, 0 } } },
	{ "VPID", "must not be 0", { { VPID_POKE, ALL, 0 } } },
	{ "PROC2_CONTROLS", "unrestricted guest needs EPT", { { PROC2_CONTROLS, PROC2_EPT, 0 } } },
	{ "EPT_POINTER", "memory type must be write-back or uncached", { { EPT_POINTER, 7, 3 } } },
	{ "EPT_POINTER", "page walk must have 4 levels", { { EPT_POINTER, 7 << 3, 0 } } },
	{ "EPT_POINTER", "reserved bits must be 0, the table in physical memory",
		{ { EPT_POINTER, 0, BIT(11) } } },
	{ "EXIT_CONTROLS", "saving the preemption timer needs the timer on",
		{ { EXIT_CONTROLS, 0, EXIT_SAVE_PREEMPTION },
			{ PIN_CONTROLS, PIN_PREEMPTION_TIMER, 0 } } },
	{ "EXIT_MSR_STORE_ADDRESS", AREA,
		{ { EXIT_MSR_STORE_COUNT, ALL, 1 }, { EXIT_MSR_STORE_ADDRESS, 0, 1 } } },
	{ "EXIT_MSR_LOAD_ADDRESS", AREA,
		{ { EXIT_MSR_LOAD_COUNT, ALL, 1 }, { EXIT_MSR_LOAD_ADDRESS, 0, HIGH } } },
	{ "ENTRY_MSR_LOAD_ADDRESS", AREA,
		{ { ENTRY_MSR_LOAD_COUNT, ALL, 1 }, { ENTRY_MSR_LOAD_ADDRESS, 0, 8 } } },
	{ "ENTRY_INTR_INFO", "must hold a valid type and vector",
		{ { ENTRY_INTR_INFO, ALL, EVENT(1, 32) } } },
	{ "ENTRY_INTR_INFO", "must hold a valid type and vector",
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_NMI, 3) } } },
	{ "ENTRY_INTR_INFO", RESERVED,
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_EXCEPTION, VECTOR_UD) | BIT(20) } } },
	{ "ENTRY_ERROR_CODE", LOW,
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_EXCEPTION, VECTOR_GP) | INTR_ERROR_VALID },
			{ ENTRY_ERROR_CODE, ALL, BIT(16) }, PROTECTED } },
	{ "ENTRY_INSN_LEN", "must be 1 to 15 for what instructions raise",
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_SOFT, 32) }, { ENTRY_INSN_LEN, ALL, 16 } } },
	{ "ENTRY_CONTROLS", "entry to SMM is for SMM only",
		{ { ENTRY_CONTROLS, 0, ENTRY_TO_SMM } } },

	{ "HOST_CR0", FIXED, { { HOST_CR0, CR0_NE, 0 } } },
	{ "HOST_CR4", FIXED, { { HOST_CR4, CR4_VMXE, 0 } } },
	{ "HOST_CR4", "PAE must be 1 for a 64-bit host", { { HOST_CR4, CR4_PAE, 0 } } },
	{ "HOST_CR3", "must lie in physical memory", { { HOST_CR3, 0, HIGH } } },
	{ "HOST_SYSENTER_ESP", CANONICAL, { { HOST_SYSENTER_ESP, 0, HIGH } } },
	{ "HOST_SYSENTER_EIP", CANONICAL, { { HOST_SYSENTER_EIP, 0, HIGH } } },
	{ "HOST_PAT", "must hold memory types", { { HOST_PAT, 0xff, 2 } } },
	{ "HOST_EFER", "reserved bits must be 0, LMA and LME 1", { { HOST_EFER, 0, BIT(1) } } },
	{ "HOST_EFER", "reserved bits must be 0, LMA and LME 1", { { HOST_EFER, EFER_LMA, 0 } } },
	{ "EXIT_CONTROLS", "the host's address space must be 64-bit",
		{ { EXIT_CONTROLS, EXIT_HOST_64, 0 } } },
	{ "HOST_CS_SELECTOR", "TI and RPL of the host's selectors must be 0",
		{ { HOST_DS_SELECTOR, 0, 3 } } },
	{ "HOST_CS_SELECTOR", "must not be 0", { { HOST_CS_SELECTOR, ALL, 0 } } },
	{ "HOST_TR_SELECTOR", "must not be 0", { { HOST_TR_SELECTOR, ALL, 0 } } },
	{ "HOST_FS_BASE", CANONICAL, { { HOST_FS_BASE, 0, HIGH } } },
	{ "HOST_GS_BASE", CANONICAL, { { HOST_GS_BASE, HIGH, 0 } } },
	{ "HOST_TR_BASE", CANONICAL, { { HOST_TR_BASE, HIGH, 0 } } },
	{ "HOST_GDTR_BASE", CANONICAL, { { HOST_GDTR_BASE, HIGH, 0 } } },
	{ "HOST_IDTR_BASE", CANONICAL, { { HOST_IDTR_BASE, HIGH, 0 } } },
	{ "HOST_RIP", CANONICAL, { { HOST_RIP, HIGH, 0 } } },

	{ "GUEST_CR0", FIXED, { { GUEST_CR0, CR0_NE, 0 } } },
	{ "GUEST_CR0", "PG needs PE", { { GUEST_CR0, 0, CR0_PG } } },
	{ "GUEST_CR4", FIXED, { { GUEST_CR4, CR4_VMXE, 0 } } },
	{ "ENTRY_CONTROLS", "a 64-bit guest needs CR0.PG and CR4.PAE",
		{ { ENTRY_CONTROLS, 0, ENTRY_GUEST_64 }, { GUEST_EFER, 0, EFER_LMA | EFER_LME } } },
	{ "GUEST_CR4", "PCIDE needs a 64-bit guest", { { GUEST_CR4, 0, CR4_PCIDE } } },
	{ "GUEST_CR3", "must lie in physical memory", { { GUEST_CR3, 0, HIGH } } },
	{ "GUEST_DR7", "bits 63:32 must be 0", { { GUEST_DR7, 0, BIT(32) } } },
	{ "GUEST_SYSENTER_ESP", CANONICAL, { { GUEST_SYSENTER_ESP, 0, HIGH } } },
	{ "GUEST_SYSENTER_EIP", CANONICAL, { { GUEST_SYSENTER_EIP, 0, HIGH } } },
	{ "GUEST_PAT", "must hold memory types", { { GUEST_PAT, 0xff00, 0x0800 } } },
	{ "GUEST_EFER", RESERVED, { { GUEST_EFER, 0, BIT(9) } } },
	{ "GUEST_EFER", "LMA must be as the entry control says, and LME with it",
		{ { GUEST_EFER, 0, EFER_LMA } } },
	{ "GUEST_PDPTE0", "reserved bits of present PDPTEs must be 0",
		{ { GUEST_CR0, 0, CR0_PE | CR0_PG }, { GUEST_CR4, 0, CR4_PAE },
			{ GUEST_PDPTE2, ALL, BIT(0) | BIT(1) } } },

	{ "GUEST_TR_SELECTOR", "TI must be 0", { { GUEST_TR_SELECTOR, 0, 4 } } },
	{ "GUEST_LDTR_SELECTOR", "TI must be 0", { { GUEST_LDTR_SELECTOR, 0, 4 } } },
	{ "GUEST_CS_RIGHTS", "must be accessed code, or data type 3",
		{ { GUEST_CS_RIGHTS, 15, 8 } } },
	{ "GUEST_SS_RIGHTS", "must be writable, accessed data", { { GUEST_SS_RIGHTS, 15, 1 } } },
	{ "GUEST_DS_RIGHTS", "DS, ES, FS, GS must be accessed and readable",
		{ { GUEST_FS_RIGHTS, 15, 9 } } },
	{ "GUEST_CS_RIGHTS", "S must be 1 in code and data", { { GUEST_GS_RIGHTS, BIT(4), 0 } } },
	{ "GUEST_CS_RIGHTS", "DPL must fit the CPL", { { GUEST_CS_RIGHTS, 0, 3 << 5 } } },
	{ "GUEST_SS_RIGHTS", "DPL must be 0 in real mode",
		{ { GUEST_SS_RIGHTS, 0, 3 << 5 }, { GUEST_CS_RIGHTS, 0, 3 << 5 } } },
	{ "GUEST_CS_RIGHTS", "usable segments must be present",
		{ { GUEST_ES_RIGHTS, BIT(7), 0 } } },
	{ "GUEST_CS_RIGHTS", RESERVED, { { GUEST_DS_RIGHTS, 0, BIT(9) } } },
	{ "GUEST_CS_RIGHTS", "D must be 0 when L is 1",
		{ { ENTRY_CONTROLS, 0, ENTRY_GUEST_64 }, { GUEST_EFER, 0, EFER_LMA | EFER_LME },
			{ GUEST_CR0, 0, CR0_PE | CR0_PG }, { GUEST_CR4, 0, CR4_PAE },
			{ GUEST_CS_RIGHTS, 0, BIT(13) | BIT(14) } } },
	{ "GUEST_CS_LIMIT", "limit and G must fit", { { GUEST_CS_LIMIT, 0, BIT(20) } } },
	{ "GUEST_TR_RIGHTS", "must be a busy TSS", { { GUEST_TR_RIGHTS, 15, 9 } } },
	{ "GUEST_TR_RIGHTS", "must be a usable, present system segment",
		{ { GUEST_TR_RIGHTS, 0, RIGHTS_UNUSABLE } } },
	{ "GUEST_LDTR_RIGHTS", "must be a present LDT", { { GUEST_LDTR_RIGHTS, 15, 3 } } },
	{ "GUEST_CS_BASE", "bits 63:32 of CS, SS, DS, ES must be 0",
		{ { GUEST_CS_BASE, 0, BIT(32) } } },
	{ "GUEST_FS_BASE", CANONICAL, { { GUEST_FS_BASE, 0, HIGH } } },
	{ "GUEST_GS_BASE", CANONICAL, { { GUEST_GS_BASE, 0, HIGH } } },
	{ "GUEST_TR_BASE", CANONICAL, { { GUEST_TR_BASE, 0, HIGH } } },
	{ "GUEST_GDTR_BASE", CANONICAL, { { GUEST_GDTR_BASE, 0, HIGH } } },
	{ "GUEST_IDTR_BASE", CANONICAL, { { GUEST_IDTR_BASE, 0, HIGH } } },
	{ "GUEST_GDTR_LIMIT", LOW, { { GUEST_GDTR_LIMIT, 0, BIT(16) } } },
	{ "GUEST_IDTR_LIMIT", LOW, { { GUEST_IDTR_LIMIT, 0, BIT(31) } } },

	{ "GUEST_RIP", "must be canonical, or below 4 GiB outside 64-bit mode",
		{ { GUEST_RIP, 0, BIT(32) } } },
	{ "GUEST_RFLAGS", "bit 1 must be 1, reserved bits 0",
		{ { GUEST_RFLAGS, RFLAGS_FIXED, 0 } } },
	{ "GUEST_RFLAGS", "VM needs protected mode and no 64-bit guest",
		{ { GUEST_RFLAGS, 0, RFLAGS_VM } } },
	{ "GUEST_RFLAGS", "IF must be 1 to inject an interrupt",
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_EXTERNAL, 32) } } },
	{ "GUEST_ACTIVITY", "must be a state that the CPU supports", { { GUEST_ACTIVITY, 0, 4 } } },
	{ "GUEST_INTERRUPTIBILITY", RESERVED, { { GUEST_INTERRUPTIBILITY, 0, BIT(7) } } },
	{ "GUEST_INTERRUPTIBILITY", "not both blocked by STI and by MOV SS",
		{ { GUEST_INTERRUPTIBILITY, 0, 3 }, { GUEST_RFLAGS, 0, RFLAGS_IF } } },
	{ "GUEST_INTERRUPTIBILITY", "blocked by STI needs IF",
		{ { GUEST_INTERRUPTIBILITY, 0, BLOCKED_BY_STI } } },
	{ "GUEST_INTERRUPTIBILITY", "no interrupt is injected into a shadow",
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_EXTERNAL, 32) },
			{ GUEST_INTERRUPTIBILITY, 0, BLOCKED_BY_STI },
			{ GUEST_RFLAGS, 0, RFLAGS_IF } } },
	{ "GUEST_INTERRUPTIBILITY", "no NMI is injected while NMIs are blocked",
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_NMI, VECTOR_NMI) },
			{ GUEST_INTERRUPTIBILITY, 0, BLOCKED_BY_MOV_SS } } },
	{ "GUEST_PENDING_DEBUG", RESERVED, { { GUEST_PENDING_DEBUG, 0, BIT(5) } } },
	{ "VMCS_LINK_POINTER", "must be all ones", { { VMCS_LINK_POINTER, 0xfff, 0x123 } } },
};

/* Bochs enters with these, or does with its newest CPU. */
static const struct entry_break unchecked[] = {
	{ "ENTRY_INTR_INFO", "an error code exactly for exceptions that push one",
		{ { ENTRY_INTR_INFO, ALL, EVENT(INTR_EXCEPTION, VECTOR_UD) | INTR_ERROR_VALID } } },
	{ "GUEST_DEBUGCTL", RESERVED, { { GUEST_DEBUGCTL, 0, BIT(40) } } },
	{ "GUEST_PENDING_DEBUG", "in a shadow BS must be as TF and BTF say",
		{ { GUEST_INTERRUPTIBILITY, 0, BLOCKED_BY_MOV_SS },
			{ GUEST_RFLAGS, 0, RFLAGS_TF } } },
};

static u64 read(const struct hv_vcpu *v, u16 what)
{
	vmx_focus(v);
	if (what == GUEST_RIP)
		return v->rip;
	if (what == GUEST_RFLAGS)
		return v->rflags;
	return vmread(what == VPID_POKE ? VPID : what);
}

/* RIP and RFLAGS go to the VMCS too: the audit looks there. */
static void write(struct hv_vcpu *v, u16 what, u64 value)
{
	vmx_focus(v);
	if (what == GUEST_RIP)
		v->rip = value;
	if (what == GUEST_RFLAGS)
		v->rflags = value;
	vmwrite(what == VPID_POKE ? VPID : what, value);
}

static const u16 sealed[] = { PIN_CONTROLS, PROC_CONTROLS, PROC2_CONTROLS, EXIT_CONTROLS,
	EXCEPTION_BITMAP, IO_BITMAP_A, MSR_BITMAP, VPID_POKE, EPT_POINTER, CR0_MASK, CR4_MASK,
	HOST_RIP, HOST_CR0, HOST_CR3, HOST_CR4, HOST_GS_BASE, HOST_TR_BASE, HOST_IDTR_BASE };

const struct entry_suite vmx_entry_suite = {
	.breaks = breaks,
	.count = ARRAY_LEN(breaks),
	.least = 80,
	.unchecked = unchecked,
	.nunchecked = ARRAY_LEN(unchecked),
	.sealed = sealed,
	.nsealed = ARRAY_LEN(sealed),
	.flip = BIT(3),
	.read = read,
	.write = write,
};
