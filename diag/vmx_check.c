/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checks that the CPU makes before it enters a guest, in software, so that a refused entry has
 * a reason (SDM volume 3, "Checks on VMX Controls", "Checks on Host Control Registers and MSRs",
 * "Checks on Host Segment and Descriptor-Table Registers", "Checks on the Guest State Area"). Those
 * on virtual-8086 mode, SMM and features that we never switch on are left out.
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"

#define RIGHTS_TYPE	0xfu
#define RIGHTS_S	BIT(4)
#define RIGHTS_DPL(r)	(((r) >> 5) & 3)
#define RIGHTS_P	BIT(7)
#define RIGHTS_L	BIT(13)
#define RIGHTS_DB	BIT(14)
#define RIGHTS_G	BIT(15)
#define RIGHTS_RESERVED 0xfffe0f00ull

#define SELECTOR_TI	 4u
#define SELECTOR_LOW	 7u /* TI and RPL */
#define EFER_KNOWN	 (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
#define DEBUGCTL_KNOWN	 0xffc3ull
#define RFLAGS_KNOWN	 0x3f7fd7ull
#define PENDING_KNOWN	 0x1500full
#define PENDING_BS	 BIT(14)
#define EPTP_RESERVED	 0xf80ull
#define MISC_ACTIVITY(n) BIT(5 + (n))
#define MISC_CR3_TARGETS ((vmx_caps.misc >> 16) & 0x1ff)

#define BASIC_ANY_ERROR BIT(56)

#define r(field) vmread(field)

static bool bad_controls(enum vmx_cap cap, enum vmcs_field field)
{
	u64 value = r(field);

	return (~value & vmx_caps.must[cap]) || (value & ~(u64)vmx_caps.may[cap]);
}

static bool control(enum vmcs_field field, u64 bits)
{
	return r(field) & bits;
}

static bool beyond_memory(u64 address)
{
	return address >> cpu_features.physical_bits;
}

static bool bad_page(enum vmcs_field field)
{
	return (r(field) & ~PAGE_MASK) || beyond_memory(r(field));
}

static bool bad_area(enum vmcs_field count, enum vmcs_field field)
{
	return r(count) && ((r(field) & 15) || beyond_memory(r(field) + r(count) * 16 - 1));
}

static bool not_canonical(u64 address)
{
	return (u64)((s64)(address << 16) >> 16) != address;
}

static bool bad_pat(u64 pat)
{
	for (u32 i = 0; i < 8; i++) {
		u8 type = (u8)(pat >> (8 * i));

		if (type > 7 || type == 2 || type == 3)
			return true;
	}
	return false;
}

static bool bad_fixed(u64 value, u64 must, u64 may)
{
	return (~value & must) || (value & ~may);
}

static u64 event(void)
{
	return r(ENTRY_INTR_INFO) & INTR_VALID ? r(ENTRY_INTR_INFO) : 0;
}

static bool event_is(u32 type)
{
	return event() && INTR_TYPE(event()) == type;
}

static bool bad_event_type(void)
{
	u64 vector = event() & 0xff;

	return event() && (INTR_TYPE(event()) == 1 || INTR_TYPE(event()) == 7 ||
				  (event_is(INTR_NMI) && vector != VECTOR_NMI) ||
				  (event_is(INTR_EXCEPTION) && vector > 31));
}

/* Newer CPUs leave it to us which exceptions of protected mode have one. */
static bool bad_event_error(void)
{
	bool has = event() & INTR_ERROR_VALID;

	if (!event())
		return false;
	if (!event_is(INTR_EXCEPTION) || !(r(GUEST_CR0) & CR0_PE))
		return has;
	return !(vmx_caps.basic & BASIC_ANY_ERROR) &&
	       has != !!(VECTORS_WITH_ERROR & BIT(event() & 31));
}

static bool bad_event_len(void)
{
	return event() && INTR_TYPE(event()) >= INTR_SOFT &&
	       (!r(ENTRY_INSN_LEN) || r(ENTRY_INSN_LEN) > 15);
}

/* The guest's mode, as the entry controls and CR0 say it. */
static bool guest_64(void)
{
	return control(ENTRY_CONTROLS, ENTRY_GUEST_64);
}

static bool guest_code_64(void)
{
	return guest_64() && (r(GUEST_CS_RIGHTS) & RIGHTS_L);
}

static bool guest_pae(void)
{
	return (r(GUEST_CR0) & CR0_PG) && (r(GUEST_CR4) & CR4_PAE) && !guest_64();
}

static bool virtual_8086(void)
{
	return r(GUEST_RFLAGS) & RFLAGS_VM;
}

static bool bad_guest_cr0(void)
{
	return bad_fixed(
		r(GUEST_CR0), vmx_caps.cr0_must & ~(u64)(CR0_PE | CR0_PG), vmx_caps.cr0_may);
}

static bool bad_guest_lma(void)
{
	u64 efer = r(GUEST_EFER);

	return vmx_caps.has[VMX_EFER] &&
	       (!!(efer & EFER_LMA) != guest_64() ||
		       ((r(GUEST_CR0) & CR0_PG) && !(efer & EFER_LMA) != !(efer & EFER_LME)));
}

static bool usable(enum hv_segment seg)
{
	return !(r(SEGMENT_RIGHTS(seg)) & RIGHTS_UNUSABLE);
}

static u32 type_of(enum hv_segment seg)
{
	return r(SEGMENT_RIGHTS(seg)) & RIGHTS_TYPE;
}

/* Data segments that are unusable, and all of them in virtual-8086 mode, escape most checks. */
static bool checked(enum hv_segment seg)
{
	return !virtual_8086() && (seg == SEG_CS || seg == SEG_TR || usable(seg));
}

/* Calls fn for the code and data segments that are checked; true when one is bad. */
static bool any_segment(bool (*bad)(enum hv_segment seg))
{
	for (u32 seg = SEG_ES; seg <= SEG_GS; seg++) {
		if (checked(seg) && bad(seg))
			return true;
	}
	return false;
}

static bool bad_code_type(void)
{
	u32 type = type_of(SEG_CS);

	return checked(SEG_CS) && type != 3 && !((type & 9) == 9);
}

static bool bad_data_type(enum hv_segment seg)
{
	u32 type = type_of(seg);

	return seg != SEG_CS && seg != SEG_SS && (!(type & 1) || (type & 0xa) == 8);
}

static bool is_system(enum hv_segment seg)
{
	return !(r(SEGMENT_RIGHTS(seg)) & RIGHTS_S);
}

static bool not_present(enum hv_segment seg)
{
	return !(r(SEGMENT_RIGHTS(seg)) & RIGHTS_P);
}

static bool reserved_rights(enum hv_segment seg)
{
	return r(SEGMENT_RIGHTS(seg)) & RIGHTS_RESERVED;
}

static bool bad_granularity(enum hv_segment seg)
{
	u64 limit = r(SEGMENT_LIMIT(seg)), granular = r(SEGMENT_RIGHTS(seg)) & RIGHTS_G;

	return granular ? (limit & 0xfff) != 0xfff : limit >> 20;
}

static bool bad_code_dpl(void)
{
	u64 dpl = RIGHTS_DPL(r(GUEST_CS_RIGHTS)), cpl = RIGHTS_DPL(r(GUEST_SS_RIGHTS));
	u32 type = type_of(SEG_CS);

	if (!checked(SEG_CS))
		return false;
	return type == 3 ? dpl : type & 4 ? dpl > cpl : dpl != cpl;
}

static bool bad_stack_dpl(void)
{
	return checked(SEG_CS) && (type_of(SEG_CS) == 3 || !(r(GUEST_CR0) & CR0_PE)) &&
	       RIGHTS_DPL(r(GUEST_SS_RIGHTS));
}

static bool bad_data_bases(void)
{
	return r(GUEST_CS_BASE) >> 32 || (usable(SEG_SS) && r(GUEST_SS_BASE) >> 32) ||
	       (usable(SEG_DS) && r(GUEST_DS_BASE) >> 32) ||
	       (usable(SEG_ES) && r(GUEST_ES_BASE) >> 32);
}

static bool bad_pdptes(void)
{
	u64 reserved = ~(PAGE_MASK & (BIT(cpu_features.physical_bits) - 1)) & ~0xe18ull & ~BIT(0);

	if (!guest_pae())
		return false;
	for (u32 i = 0; i < 4; i++) {
		u64 entry = r(GUEST_PDPTE0 + 2 * i);

		if ((entry & BIT(0)) && (entry & reserved))
			return true;
	}
	return false;
}

static bool bad_single_step(void)
{
	bool shadow = control(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI | BLOCKED_BY_MOV_SS);
	bool stepping = (r(GUEST_RFLAGS) & RFLAGS_TF) && !(r(GUEST_DEBUGCTL) & BIT(1));

	return shadow && stepping != !!(r(GUEST_PENDING_DEBUG) & PENDING_BS);
}

static bool bad_rip(void)
{
	return guest_code_64() ? not_canonical(r(GUEST_RIP)) : r(GUEST_RIP) >> 32;
}

/* X(name, field, the rule, broken) */
#define CONTROL_RULES(X)                                                                           \
	X(pin, PIN_CONTROLS, "bits must be as the capability MSR allows",                          \
		bad_controls(CAP_PIN, PIN_CONTROLS))                                               \
	X(proc, PROC_CONTROLS, "bits must be as the capability MSR allows",                        \
		bad_controls(CAP_PROC, PROC_CONTROLS))                                             \
	X(proc2, PROC2_CONTROLS, "bits must be as the capability MSR allows",                      \
		bad_controls(CAP_PROC2, PROC2_CONTROLS))                                           \
	X(exit, EXIT_CONTROLS, "bits must be as the capability MSR allows",                        \
		bad_controls(CAP_EXIT, EXIT_CONTROLS))                                             \
	X(entry, ENTRY_CONTROLS, "bits must be as the capability MSR allows",                      \
		bad_controls(CAP_ENTRY, ENTRY_CONTROLS))                                           \
	X(cr3_targets, CR3_TARGET_COUNT, "no more targets than the CPU has",                       \
		r(CR3_TARGET_COUNT) > MISC_CR3_TARGETS)                                            \
	X(io_a, IO_BITMAP_A, "must be a page in physical memory",                                  \
		control(PROC_CONTROLS, PROC_IO_BITMAPS) && bad_page(IO_BITMAP_A))                  \
	X(io_b, IO_BITMAP_B, "must be a page in physical memory",                                  \
		control(PROC_CONTROLS, PROC_IO_BITMAPS) && bad_page(IO_BITMAP_B))                  \
	X(msr_bitmap, MSR_BITMAP, "must be a page in physical memory",                             \
		control(PROC_CONTROLS, PROC_MSR_BITMAPS) && bad_page(MSR_BITMAP))                  \
	X(virtual_nmi, PIN_CONTROLS, "virtual NMIs need NMI exiting",                              \
		control(PIN_CONTROLS, PIN_VIRTUAL_NMI) && !control(PIN_CONTROLS, PIN_NMI))         \
	X(nmi_window, PROC_CONTROLS, "NMI-window exiting needs virtual NMIs",                      \
		control(PROC_CONTROLS, PROC_NMI_WINDOW) &&                                         \
			!control(PIN_CONTROLS, PIN_VIRTUAL_NMI))                                   \
	X(vpid, VPID, "must not be 0", control(PROC2_CONTROLS, PROC2_VPID) && !r(VPID))            \
	X(unrestricted, PROC2_CONTROLS, "unrestricted guest needs EPT",                            \
		control(PROC2_CONTROLS, PROC2_UNRESTRICTED) &&                                     \
			!control(PROC2_CONTROLS, PROC2_EPT))                                       \
	X(eptp_type, EPT_POINTER, "memory type must be write-back or uncached",                    \
		(r(EPT_POINTER) & 7) != EPT_WRITE_BACK && (r(EPT_POINTER) & 7))                    \
	X(eptp_walk, EPT_POINTER, "page walk must have 4 levels",                                  \
		(r(EPT_POINTER) & (7 << 3)) != EPTP_WALK_4)                                        \
	X(eptp_reserved, EPT_POINTER, "reserved bits must be 0, the table in physical memory",     \
		(r(EPT_POINTER) & EPTP_RESERVED) || beyond_memory(r(EPT_POINTER)) ||               \
			(!vmx_caps.has[VMX_EPT_AD] && (r(EPT_POINTER) & EPTP_AD)))                 \
	X(save_timer, EXIT_CONTROLS, "saving the preemption timer needs the timer on",             \
		control(EXIT_CONTROLS, EXIT_SAVE_PREEMPTION) &&                                    \
			!control(PIN_CONTROLS, PIN_PREEMPTION_TIMER))                              \
	X(exit_store, EXIT_MSR_STORE_ADDRESS, "the area must be aligned and in physical memory",   \
		bad_area(EXIT_MSR_STORE_COUNT, EXIT_MSR_STORE_ADDRESS))                            \
	X(exit_load, EXIT_MSR_LOAD_ADDRESS, "the area must be aligned and in physical memory",     \
		bad_area(EXIT_MSR_LOAD_COUNT, EXIT_MSR_LOAD_ADDRESS))                              \
	X(entry_load, ENTRY_MSR_LOAD_ADDRESS, "the area must be aligned and in physical memory",   \
		bad_area(ENTRY_MSR_LOAD_COUNT, ENTRY_MSR_LOAD_ADDRESS))                            \
	X(event_type, ENTRY_INTR_INFO, "must hold a valid type and vector", bad_event_type())      \
	X(event_error, ENTRY_INTR_INFO, "an error code exactly for exceptions that push one",      \
		bad_event_error())                                                                 \
	X(event_reserved, ENTRY_INTR_INFO, "reserved bits must be 0", event() & 0x7ffff000)        \
	X(event_code, ENTRY_ERROR_CODE, "bits 31:16 must be 0",                                    \
		(event() & INTR_ERROR_VALID) && r(ENTRY_ERROR_CODE) >> 16)                         \
	X(event_len, ENTRY_INSN_LEN, "must be 1 to 15 for what instructions raise",                \
		bad_event_len())                                                                   \
	X(smm, ENTRY_CONTROLS, "entry to SMM is for SMM only",                                     \
		control(ENTRY_CONTROLS, ENTRY_TO_SMM | ENTRY_DUAL_SMM))

#define HOST_RULES(X)                                                                              \
	X(host_cr0, HOST_CR0, "fixed bits must be as VMX wants them",                              \
		bad_fixed(r(HOST_CR0), vmx_caps.cr0_must, vmx_caps.cr0_may))                       \
	X(host_cr4, HOST_CR4, "fixed bits must be as VMX wants them",                              \
		bad_fixed(r(HOST_CR4), vmx_caps.cr4_must, vmx_caps.cr4_may))                       \
	X(host_pae, HOST_CR4, "PAE must be 1 for a 64-bit host", !(r(HOST_CR4) & CR4_PAE))         \
	X(host_cr3, HOST_CR3, "must lie in physical memory", beyond_memory(r(HOST_CR3)))           \
	X(host_esp, HOST_SYSENTER_ESP, "must be canonical", not_canonical(r(HOST_SYSENTER_ESP)))   \
	X(host_eip, HOST_SYSENTER_EIP, "must be canonical", not_canonical(r(HOST_SYSENTER_EIP)))   \
	X(host_pat, HOST_PAT, "must hold memory types",                                            \
		control(EXIT_CONTROLS, EXIT_LOAD_PAT) && bad_pat(r(HOST_PAT)))                     \
	X(host_efer, HOST_EFER, "reserved bits must be 0, LMA and LME 1",                          \
		control(EXIT_CONTROLS, EXIT_LOAD_EFER) &&                                          \
			((r(HOST_EFER) & ~(u64)EFER_KNOWN) ||                                      \
				(~r(HOST_EFER) & (EFER_LMA | EFER_LME))))                          \
	X(host_64, EXIT_CONTROLS, "the host's address space must be 64-bit",                       \
		!control(EXIT_CONTROLS, EXIT_HOST_64))                                             \
	X(host_selectors, HOST_CS_SELECTOR, "TI and RPL of the host's selectors must be 0",        \
		(r(HOST_CS_SELECTOR) | r(HOST_SS_SELECTOR) | r(HOST_DS_SELECTOR) |                 \
			r(HOST_ES_SELECTOR) | r(HOST_FS_SELECTOR) | r(HOST_GS_SELECTOR) |          \
			r(HOST_TR_SELECTOR)) &                                                     \
			SELECTOR_LOW)                                                              \
	X(host_cs, HOST_CS_SELECTOR, "must not be 0", !r(HOST_CS_SELECTOR))                        \
	X(host_tr, HOST_TR_SELECTOR, "must not be 0", !r(HOST_TR_SELECTOR))                        \
	X(host_fs, HOST_FS_BASE, "must be canonical", not_canonical(r(HOST_FS_BASE)))              \
	X(host_gs, HOST_GS_BASE, "must be canonical", not_canonical(r(HOST_GS_BASE)))              \
	X(host_tr_base, HOST_TR_BASE, "must be canonical", not_canonical(r(HOST_TR_BASE)))         \
	X(host_gdtr, HOST_GDTR_BASE, "must be canonical", not_canonical(r(HOST_GDTR_BASE)))        \
	X(host_idtr, HOST_IDTR_BASE, "must be canonical", not_canonical(r(HOST_IDTR_BASE)))        \
	X(host_rip, HOST_RIP, "must be canonical", not_canonical(r(HOST_RIP)))

#define REGISTER_RULES(X)                                                                          \
	X(cr0, GUEST_CR0, "fixed bits must be as VMX wants them", bad_guest_cr0())                 \
	X(cr0_pg, GUEST_CR0, "PG needs PE", (r(GUEST_CR0) & CR0_PG) && !(r(GUEST_CR0) & CR0_PE))   \
	X(cr4, GUEST_CR4, "fixed bits must be as VMX wants them",                                  \
		bad_fixed(r(GUEST_CR4), vmx_caps.cr4_must, vmx_caps.cr4_may))                      \
	X(long_pg, ENTRY_CONTROLS, "a 64-bit guest needs CR0.PG and CR4.PAE",                      \
		guest_64() && (!(r(GUEST_CR0) & CR0_PG) || !(r(GUEST_CR4) & CR4_PAE)))             \
	X(pcide, GUEST_CR4, "PCIDE needs a 64-bit guest",                                          \
		!guest_64() && (r(GUEST_CR4) & CR4_PCIDE))                                         \
	X(cr3, GUEST_CR3, "must lie in physical memory", beyond_memory(r(GUEST_CR3)))              \
	X(debugctl, GUEST_DEBUGCTL, "reserved bits must be 0",                                     \
		control(ENTRY_CONTROLS, ENTRY_LOAD_DEBUG) &&                                       \
			(r(GUEST_DEBUGCTL) & ~DEBUGCTL_KNOWN))                                     \
	X(dr7, GUEST_DR7, "bits 63:32 must be 0",                                                  \
		control(ENTRY_CONTROLS, ENTRY_LOAD_DEBUG) && r(GUEST_DR7) >> 32)                   \
	X(sysenter_esp, GUEST_SYSENTER_ESP, "must be canonical",                                   \
		not_canonical(r(GUEST_SYSENTER_ESP)))                                              \
	X(sysenter_eip, GUEST_SYSENTER_EIP, "must be canonical",                                   \
		not_canonical(r(GUEST_SYSENTER_EIP)))                                              \
	X(pat, GUEST_PAT, "must hold memory types",                                                \
		control(ENTRY_CONTROLS, ENTRY_LOAD_PAT) && bad_pat(r(GUEST_PAT)))                  \
	X(efer, GUEST_EFER, "reserved bits must be 0",                                             \
		control(ENTRY_CONTROLS, ENTRY_LOAD_EFER) && (r(GUEST_EFER) & ~(u64)EFER_KNOWN))    \
	X(lma, GUEST_EFER, "LMA must be as the entry control says, and LME with it",               \
		bad_guest_lma())                                                                   \
	X(pdptes, GUEST_PDPTE0, "reserved bits of present PDPTEs must be 0", bad_pdptes())

#define SEGMENT_RULES(X)                                                                           \
	X(tr_ti, GUEST_TR_SELECTOR, "TI must be 0", r(GUEST_TR_SELECTOR) & SELECTOR_TI)            \
	X(ldtr_ti, GUEST_LDTR_SELECTOR, "TI must be 0",                                            \
		usable(SEG_LDTR) && (r(GUEST_LDTR_SELECTOR) & SELECTOR_TI))                        \
	X(code_type, GUEST_CS_RIGHTS, "must be accessed code, or data type 3", bad_code_type())    \
	X(stack_type, GUEST_SS_RIGHTS, "must be writable, accessed data",                          \
		checked(SEG_SS) && (type_of(SEG_SS) & 0xb) != 3)                                   \
	X(data_type, GUEST_DS_RIGHTS, "DS, ES, FS, GS must be accessed and readable",              \
		any_segment(bad_data_type))                                                        \
	X(system, GUEST_CS_RIGHTS, "S must be 1 in code and data", any_segment(is_system))         \
	X(code_dpl, GUEST_CS_RIGHTS, "DPL must fit the CPL", bad_code_dpl())                       \
	X(stack_dpl, GUEST_SS_RIGHTS, "DPL must be 0 in real mode", bad_stack_dpl())               \
	X(present, GUEST_CS_RIGHTS, "usable segments must be present", any_segment(not_present))   \
	X(rights, GUEST_CS_RIGHTS, "reserved bits must be 0", any_segment(reserved_rights))        \
	X(l_and_d, GUEST_CS_RIGHTS, "D must be 0 when L is 1",                                     \
		guest_code_64() && (r(GUEST_CS_RIGHTS) & RIGHTS_DB))                               \
	X(granularity, GUEST_CS_LIMIT, "limit and G must fit", any_segment(bad_granularity))       \
	X(tr_type, GUEST_TR_RIGHTS, "must be a busy TSS",                                          \
		type_of(SEG_TR) != 11 && (guest_64() || type_of(SEG_TR) != 3))                     \
	X(tr_present, GUEST_TR_RIGHTS, "must be a usable, present system segment",                 \
		!usable(SEG_TR) || not_present(SEG_TR) || !is_system(SEG_TR))                      \
	X(ldtr_type, GUEST_LDTR_RIGHTS, "must be a present LDT",                                   \
		usable(SEG_LDTR) &&                                                                \
			(type_of(SEG_LDTR) != 2 || not_present(SEG_LDTR) || !is_system(SEG_LDTR))) \
	X(bases, GUEST_CS_BASE, "bits 63:32 of CS, SS, DS, ES must be 0", bad_data_bases())        \
	X(fs_base, GUEST_FS_BASE, "must be canonical", not_canonical(r(GUEST_FS_BASE)))            \
	X(gs_base, GUEST_GS_BASE, "must be canonical", not_canonical(r(GUEST_GS_BASE)))            \
	X(tr_base, GUEST_TR_BASE, "must be canonical", not_canonical(r(GUEST_TR_BASE)))            \
	X(gdtr_base, GUEST_GDTR_BASE, "must be canonical", not_canonical(r(GUEST_GDTR_BASE)))      \
	X(idtr_base, GUEST_IDTR_BASE, "must be canonical", not_canonical(r(GUEST_IDTR_BASE)))      \
	X(gdtr_limit, GUEST_GDTR_LIMIT, "bits 31:16 must be 0", r(GUEST_GDTR_LIMIT) >> 16)         \
	X(idtr_limit, GUEST_IDTR_LIMIT, "bits 31:16 must be 0", r(GUEST_IDTR_LIMIT) >> 16)

#define OTHER_RULES(X)                                                                             \
	X(rip, GUEST_RIP, "must be canonical, or below 4 GiB outside 64-bit mode", bad_rip())      \
	X(rflags, GUEST_RFLAGS, "bit 1 must be 1, reserved bits 0",                                \
		(r(GUEST_RFLAGS) & ~RFLAGS_KNOWN) || !(r(GUEST_RFLAGS) & RFLAGS_FIXED))            \
	X(rflags_vm, GUEST_RFLAGS, "VM needs protected mode and no 64-bit guest",                  \
		virtual_8086() && (guest_64() || !(r(GUEST_CR0) & CR0_PE)))                        \
	X(rflags_if, GUEST_RFLAGS, "IF must be 1 to inject an interrupt",                          \
		event_is(INTR_EXTERNAL) && !(r(GUEST_RFLAGS) & RFLAGS_IF))                         \
	X(activity, GUEST_ACTIVITY, "must be a state that the CPU supports",                       \
		r(GUEST_ACTIVITY) > 3 ||                                                           \
			(r(GUEST_ACTIVITY) &&                                                      \
				!(vmx_caps.misc & MISC_ACTIVITY(r(GUEST_ACTIVITY)))))              \
	X(shadow_reserved, GUEST_INTERRUPTIBILITY, "reserved bits must be 0",                      \
		r(GUEST_INTERRUPTIBILITY) >> 5)                                                    \
	X(shadow_both, GUEST_INTERRUPTIBILITY, "not both blocked by STI and by MOV SS",            \
		(r(GUEST_INTERRUPTIBILITY) & 3) == 3)                                              \
	X(shadow_if, GUEST_INTERRUPTIBILITY, "blocked by STI needs IF",                            \
		control(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI) && !(r(GUEST_RFLAGS) & RFLAGS_IF)) \
	X(shadow_event, GUEST_INTERRUPTIBILITY, "no interrupt is injected into a shadow",          \
		event_is(INTR_EXTERNAL) &&                                                         \
			control(GUEST_INTERRUPTIBILITY, BLOCKED_BY_STI | BLOCKED_BY_MOV_SS))       \
	X(shadow_nmi, GUEST_INTERRUPTIBILITY, "no NMI is injected while NMIs are blocked",         \
		event_is(INTR_NMI) &&                                                              \
			control(GUEST_INTERRUPTIBILITY, BLOCKED_BY_MOV_SS | BLOCKED_BY_NMI))       \
	X(pending_reserved, GUEST_PENDING_DEBUG, "reserved bits must be 0",                        \
		r(GUEST_PENDING_DEBUG) & ~PENDING_KNOWN)                                           \
	X(pending_step, GUEST_PENDING_DEBUG, "in a shadow BS must be as TF and BTF say",           \
		bad_single_step())                                                                 \
	X(link, VMCS_LINK_POINTER, "must be all ones", r(VMCS_LINK_POINTER) != ~0ull)

#define RULES(X)                                                                                   \
	CONTROL_RULES(X)                                                                           \
	HOST_RULES(X)                                                                              \
	REGISTER_RULES(X)                                                                          \
	SEGMENT_RULES(X)                                                                           \
	OTHER_RULES(X)

#define X(name, field, text, broken)                                                               \
	static bool broken_##name(void)                                                            \
	{                                                                                          \
		return broken;                                                                     \
	}
RULES(X)
#undef X

static const struct {
	u16 field;
	const char *text;
	bool (*broken)(void);
} rules[] = {
#define X(name, field, text, broken) { field, text, broken_##name },
	RULES(X)
#undef X
};

int vmx_audit(const struct hv_vcpu *v, struct hv_audit *out, int max)
{
	int n = 0;

	vmx_focus(v);
	vmwrite(GUEST_RIP, v->rip); /* as the next entry does */
	vmwrite(GUEST_RFLAGS, v->rflags);
	for (u32 i = 0; i < ARRAY_LEN(rules) && n < max; i++) {
		if (rules[i].broken())
			out[n++] = (struct hv_audit){ vmcs_field_name(rules[i].field),
				rules[i].text, r(rules[i].field) };
	}
	return n;
}
