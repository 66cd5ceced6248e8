/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of the VT-x back end. VMREAD and VMWRITE work on the CPU's current VMCS: who
 * uses them calls vmx_focus() first.
 */
#pragma once

#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/vmx/vmcs.h"

/* The words in which the CPU says what it can do. */
enum vmx_cap {
	CAP_PIN,
	CAP_PROC,
	CAP_PROC2,
	CAP_EXIT,
	CAP_ENTRY,
	CAP_CONTROLS,
	CAP_EPT = CAP_CONTROLS
};

/* What there may or may not be. */
enum vmx_feature {
	VMX_EPT,
	VMX_UNRESTRICTED,
	VMX_VPID,
	VMX_EPT_2M,
	VMX_EPT_1G,
	VMX_EPT_AD,
	VMX_EXEC_ONLY,
	VMX_INVEPT_SINGLE,
	VMX_INVVPID,
	VMX_EFER,
	VMX_PAT,
	VMX_VIRTUAL_NMI,
	VMX_PREEMPTION,
	VMX_MTF,
	VMX_MSR_BITMAPS,
	VMX_IO_BITMAPS,
	VMX_PAUSE_LOOP,
	VMX_FEATURES,
};

struct vmx_caps {
	u64 basic, misc, ept;
	u32 must[CAP_CONTROLS], may[CAP_CONTROLS]; /* bits that have to, and may, be 1 */
	u64 cr0_must, cr0_may, cr4_must, cr4_may;
	bool has[VMX_FEATURES];
};
extern struct vmx_caps vmx_caps; /* (c) after vmx_probe() */

/* A field of controls: what is wanted, as far as the CPU lets it be chosen. */
static inline u32 vmx_controls(enum vmx_cap cap, u64 wanted)
{
	return vmx_caps.must[cap] | ((u32)wanted & vmx_caps.may[cap]);
}

/* An entry of the MSR areas (SDM, "VM-Exit Controls for MSRs"). */
struct msr_slot {
	u32 index, reserved;
	u64 value;
} __aligned(16);
ASSERT_SIZE(struct msr_slot, 16);

#define SYSCALL_MSRS 5
#define SWITCHED_MAX 2
#define VMX_STATE_AT (PAGE_SIZE / 2)

/* What the VMCS has no field for; in the same page as the sealed copy. */
struct vmx_state {
	u64 dr6;
	u64 syscall[SYSCALL_MSRS]; /* while its vCPU is not loaded */
	u32 proc;		   /* PROC_CONTROLS as last written */
	u32 nswitched;
	struct msr_slot guest_msr[SWITCHED_MAX], host_msr[SWITCHED_MAX]; /* EFER and PAT */
};

static inline struct vmx_state *vmx_state(const struct hv_vcpu *v)
{
	return (void *)((u8 *)v->sealed + VMX_STATE_AT);
}

/* The CPU said that there is no such field, or no current VMCS: a mistake of ours. */
void vmx_field_failed(enum vmcs_field field) __noreturn;

static inline bool vmx_try_read(enum vmcs_field field, u64 *value)
{
	bool failed;

	asm volatile("vmread %2, %1" : "=@ccbe"(failed), "=r"(*value) : "r"((u64)field));
	return !failed;
}

static inline u64 vmread(enum vmcs_field field)
{
	u64 value;

	if (unlikely(!vmx_try_read(field, &value)))
		vmx_field_failed(field);
	return value;
}

static inline void vmwrite(enum vmcs_field field, u64 value)
{
	bool failed;

	asm volatile("vmwrite %1, %2" : "=@ccbe"(failed) : "r"(value), "r"((u64)field));
	if (unlikely(failed))
		vmx_field_failed(field);
}

/* The instruction behind STI or MOV SS is done. */
static inline void vmx_end_shadow(void)
{
	u64 state = vmread(GUEST_INTERRUPTIBILITY);

	if (unlikely(state & BLOCKED_BY_SHADOW))
		vmwrite(GUEST_INTERRUPTIBILITY, state & ~BLOCKED_BY_SHADOW);
}

void *vmx_region_alloc(void);
void vmx_make_current(const struct hv_vcpu *v);

static inline void vmx_focus(const struct hv_vcpu *v)
{
	if (unlikely(this_cpu(hv_current) != v))
		vmx_make_current(v);
}

/* entry.S: runs the guest until an exit, and decodes that. */
void vmx_run(struct hv_vcpu *v, struct exit *exit, bool launched);
extern const char vmx_exited[]; /* where exits arrive */

/* boot/vmx_probe.c */
int vmx_probe(struct hv_features *f);
int __must_check vmx_enable(void);
extern u8 *vmx_io_bitmaps, *vmx_msr_bitmap; /* (c) shared by all VMs */

/* ept.c */
extern struct paging_format ept_format; /* (c) after probe */
u64 ept_pointer(const struct pagetable *s2);
void vmx_flush(struct hv_vcpu *v);

/* exit.c */
void vmx_decode(struct hv_vcpu *v, struct exit *exit);
void vmx_refused(struct hv_vcpu *v, struct exit *exit); /* it did not enter (VMfail) */

/* regs.c */
extern const u32 vmx_syscall_msrs[SYSCALL_MSRS];
void vmx_masks_init(void);
u64 vmx_reg_read(const struct hv_vcpu *v, enum hv_reg reg);
void vmx_reg_write(struct hv_vcpu *v, enum hv_reg reg, u64 value);
void vmx_set_pdptes(struct hv_vcpu *v, const u64 pdptes[4]);
void vmx_segment_read(const struct hv_vcpu *v, enum hv_segment seg, struct segment *out);
void vmx_segment_write(struct hv_vcpu *v, enum hv_segment seg, const struct segment *in);
u64 vmx_code_space(const struct hv_vcpu *v);
int vmx_cpl(const struct hv_vcpu *v);

/* inject.c */
bool vmx_can_take_interrupt(const struct hv_vcpu *v);
bool vmx_can_take_nmi(const struct hv_vcpu *v);
void vmx_inject(struct hv_vcpu *v, const struct hv_event *e);
void vmx_window(struct hv_vcpu *v, bool on);
void vmx_trap(struct hv_vcpu *v, enum hv_intercept what, bool on);

/* verify.c */
void vmx_seal(struct hv_vcpu *v);
void vmx_seal_field(struct hv_vcpu *v, enum vmcs_field field);
const char *vmx_verify(const struct hv_vcpu *v);
int vmx_restore(struct hv_vcpu *v);

/* check.c, dump.c */
int vmx_audit(const struct hv_vcpu *v, struct hv_audit *out, int max);
void vmx_dump(const struct hv_vcpu *v);
const char *vmcs_field_name(enum vmcs_field field);
