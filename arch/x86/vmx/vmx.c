/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VT-x back end: switching it on, a VMCS for each vCPU, entering (SDM volume 3, "Introduction
 * to Virtual Machine Extensions" and "Virtual Machine Control Structures").
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/seal.h"
#include "arch/x86/smp.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/lib/string.h"

#define VPIDS		 65536u
#define DR6_RESET	 0xffff0ff0ull
#define DR7_RESET	 0x400ull
#define NO_VMCS		 (~0ull)
#define LONGEST_RUN_MS	 100 /* an exit comes by then even if every interrupt is lost */
#define MISC_TIMER_SHIFT 31u
#define PAUSE_GAP	 128  /* ticks at most from one PAUSE to the next of a loop, which exits */
#define PAUSE_WINDOW	 4096 /* ... when it is so many old */

#define RIGHTS_DATA 0x93
#define RIGHTS_CODE 0x9b
#define RIGHTS_LDTR 0x82
#define RIGHTS_TR   0x8b

struct vmx_caps vmx_caps __sealed;
u8 *vmx_io_bitmaps __sealed, *vmx_msr_bitmap __sealed;

void vmx_field_failed(enum vmcs_field field)
{
	panic("VMREAD or VMWRITE of field %#x (%s) failed", field, vmcs_field_name(field));
}

/* These take the address of an address; carry or zero: refused. */
#define POINTER_INSTRUCTION(name)                                                                  \
	static bool name(hpa_t region)                                                             \
	{                                                                                          \
		bool failed;                                                                       \
                                                                                                   \
		asm volatile(#name " %1" : "=@ccbe"(failed) : "m"(region.v) : "memory");           \
		return !failed;                                                                    \
	}
POINTER_INSTRUCTION(vmptrld)
POINTER_INSTRUCTION(vmclear)

__noinline void vmx_make_current(const struct hv_vcpu *v)
{
	CHECK(vmptrld(v->control_hpa));
	this_cpu(hv_current) = v;
}

/* Every VMXON region and VMCS begins with the CPU's revision. */
void *vmx_region_alloc(void)
{
	u32 *region = page_alloc(FRAME_CONTROL);

	if (region)
		*region = (u32)vmx_caps.basic & 0x7fffffff;
	return region;
}

static void vmx_disable(void)
{
	if (!(cr4_read() & CR4_VMXE))
		return; /* stopped twice */
	asm volatile("vmxoff" ::: "memory");
	cr4_write(cr4_read() & ~CR4_VMXE);
}

/* EFER and PAT go through the MSR areas on a CPU that does not switch them by itself. */
static void switch_by_area(struct vmx_state *s, u32 msr, u64 guest_value)
{
	s->guest_msr[s->nswitched] = (struct msr_slot){ .index = msr, .value = guest_value };
	s->host_msr[s->nswitched++] = (struct msr_slot){ .index = msr, .value = rdmsr(msr) };
}

static void set_msr_areas(struct vmx_state *s)
{
	if (!vmx_caps.has[VMX_EFER])
		switch_by_area(s, MSR_EFER, 0);
	if (!vmx_caps.has[VMX_PAT])
		switch_by_area(s, MSR_PAT, PAT_AT_RESET);
	vmwrite(ENTRY_MSR_LOAD_ADDRESS, virt_to_hpa(s->guest_msr).v);
	vmwrite(EXIT_MSR_STORE_ADDRESS, virt_to_hpa(s->guest_msr).v);
	vmwrite(EXIT_MSR_LOAD_ADDRESS, virt_to_hpa(s->host_msr).v);
	vmwrite(ENTRY_MSR_LOAD_COUNT, s->nswitched);
	vmwrite(EXIT_MSR_STORE_COUNT, s->nswitched);
	vmwrite(EXIT_MSR_LOAD_COUNT, s->nswitched);
}

static u32 proc_controls(void)
{
	u64 wanted = PROC_TSC_OFFSET | PROC_HLT | PROC_MWAIT | PROC_RDPMC | PROC_CR8_LOAD |
		     PROC_CR8_STORE | PROC_IO_BITMAPS | PROC_MSR_BITMAPS | PROC_MONITOR |
		     PROC_SECONDARY;

	return vmx_controls(CAP_PROC, vmx_caps.has[VMX_IO_BITMAPS] ? wanted : wanted | PROC_ALL_IO);
}

static u32 proc2_controls(void)
{
	u64 wanted = PROC2_EPT | PROC2_UNRESTRICTED | PROC2_WBINVD | PROC2_PAUSE_LOOP;

	if (vmx_caps.has[VMX_VPID])
		wanted |= PROC2_VPID;
	if (cpu_features.rdtscp)
		wanted |= PROC2_RDTSCP;
	return vmx_controls(CAP_PROC2, wanted);
}

static void set_switches(void)
{
	u64 exits = EXIT_SAVE_DEBUG | EXIT_HOST_64, entries = ENTRY_LOAD_DEBUG;

	if (vmx_caps.has[VMX_EFER]) {
		exits |= EXIT_SAVE_EFER | EXIT_LOAD_EFER;
		entries |= ENTRY_LOAD_EFER;
	}
	if (vmx_caps.has[VMX_PAT]) {
		exits |= EXIT_SAVE_PAT | EXIT_LOAD_PAT;
		entries |= ENTRY_LOAD_PAT;
	}
	vmwrite(EXIT_CONTROLS, vmx_controls(CAP_EXIT, exits));
	vmwrite(ENTRY_CONTROLS, vmx_controls(CAP_ENTRY, entries));
}

/* What must be so in every VMCS, whatever the guest does. */
static void set_controls(struct hv_vcpu *v, const struct pagetable *s2)
{
	struct vmx_state *s = vmx_state(v);

	s->proc = proc_controls();
	vmwrite(PIN_CONTROLS,
		vmx_controls(CAP_PIN,
			PIN_EXTERNAL_INTERRUPT | PIN_NMI | PIN_VIRTUAL_NMI | PIN_PREEMPTION_TIMER));
	vmwrite(PROC_CONTROLS, s->proc);
	vmwrite(PROC2_CONTROLS, proc2_controls());
	set_switches();
	vmwrite(EXCEPTION_BITMAP, BIT(VECTOR_MC) | BIT(VECTOR_AC) | BIT(VECTOR_DB));
	vmwrite(PAGE_FAULT_MASK, 0);
	vmwrite(PAGE_FAULT_MATCH, 0);
	vmwrite(CR3_TARGET_COUNT, 0);
	if (vmx_caps.has[VMX_IO_BITMAPS]) {
		vmwrite(IO_BITMAP_A, virt_to_hpa(vmx_io_bitmaps).v);
		vmwrite(IO_BITMAP_B, virt_to_hpa(vmx_io_bitmaps + PAGE_SIZE).v);
	}
	if (vmx_caps.has[VMX_MSR_BITMAPS])
		vmwrite(MSR_BITMAP, virt_to_hpa(vmx_msr_bitmap).v);
	if (vmx_caps.has[VMX_VPID])
		vmwrite(VPID, v->asid);
	if (vmx_caps.has[VMX_PAUSE_LOOP]) {
		vmwrite(PLE_GAP, PAUSE_GAP);
		vmwrite(PLE_WINDOW, PAUSE_WINDOW);
	}
	vmwrite(EPT_POINTER, ept_pointer(s2));
	vmwrite(VMCS_LINK_POINTER, NO_VMCS);
	vmwrite(TSC_OFFSET, 0);
	set_msr_areas(s);
	vmx_masks_init();
}

/* The part of what an exit loads that each CPU has of its own. */
static void set_host_cpu(struct hv_vcpu *v)
{
	struct percpu *cpu = this_cpu(self);

	vmwrite(HOST_GS_BASE, (u64)cpu);
	vmwrite(HOST_TR_BASE, (u64)&cpu->tss);
	vmwrite(HOST_GDTR_BASE, (u64)cpu->gdt);
	vmx_seal_field(v, HOST_GS_BASE);
	vmx_seal_field(v, HOST_TR_BASE);
	vmx_seal_field(v, HOST_GDTR_BASE);
}

/* What is the same on all CPUs, and does not change once VMs are made. */
static void set_host_state(void)
{
	struct {
		u16 limit;
		u64 base;
	} __packed idtr;

	asm volatile("sidt %0" : "=m"(idtr));
	vmwrite(HOST_CS_SELECTOR, SELECTOR_CODE);
	vmwrite(HOST_SS_SELECTOR, SELECTOR_DATA);
	vmwrite(HOST_DS_SELECTOR, SELECTOR_DATA);
	vmwrite(HOST_ES_SELECTOR, SELECTOR_DATA);
	vmwrite(HOST_FS_SELECTOR, 0);
	vmwrite(HOST_GS_SELECTOR, 0);
	vmwrite(HOST_TR_SELECTOR, SELECTOR_TSS);
	vmwrite(HOST_CR0, cr0_read());
	vmwrite(HOST_CR3, cr3_read());
	vmwrite(HOST_CR4, cr4_read());
	vmwrite(HOST_FS_BASE, 0);
	vmwrite(HOST_IDTR_BASE, idtr.base);
	vmwrite(HOST_SYSENTER_CS, 0);
	vmwrite(HOST_SYSENTER_ESP, 0);
	vmwrite(HOST_SYSENTER_EIP, 0);
	vmwrite(HOST_RIP, (u64)vmx_exited);
	if (vmx_caps.has[VMX_EFER])
		vmwrite(HOST_EFER, rdmsr(MSR_EFER));
	if (vmx_caps.has[VMX_PAT])
		vmwrite(HOST_PAT, rdmsr(MSR_PAT));
}

static void reset_segments(struct hv_vcpu *v)
{
	struct segment code = { 0xf000, RIGHTS_CODE, 0xffff, 0xffff0000 };
	struct segment data = { 0, RIGHTS_DATA, 0xffff, 0 };
	struct segment ldtr = { 0, RIGHTS_LDTR, 0xffff, 0 };
	struct segment tr = { 0, RIGHTS_TR, 0xffff, 0 };

	for (u32 seg = SEG_ES; seg <= SEG_GS; seg++)
		vmx_segment_write(v, seg, seg == SEG_CS ? &code : &data);
	vmx_segment_write(v, SEG_LDTR, &ldtr);
	vmx_segment_write(v, SEG_TR, &tr);
	vmx_segment_write(v, SEG_GDTR, &data);
	vmx_segment_write(v, SEG_IDTR, &data);
}

static void reset_registers(struct hv_vcpu *v)
{
	for (u32 reg = 0; reg < HV_REGS; reg++) {
		if (reg != REG_TSC_OFFSET)
			vmx_reg_write(v, reg, 0);
	}
	vmx_reg_write(v, REG_CR0, CR0_ET | CR0_NW | CR0_CD);
	vmx_reg_write(v, REG_DR6, DR6_RESET);
	vmx_reg_write(v, REG_DR7, DR7_RESET);
	vmx_reg_write(v, REG_PAT, PAT_AT_RESET);
}

static void vmx_reset(struct hv_vcpu *v)
{
	vmx_focus(v);
	reset_segments(v);
	reset_registers(v);
	vmwrite(GUEST_ACTIVITY, 0);
	vmwrite(ENTRY_INTR_INFO, 0);
	memset(v->gpr, 0, sizeof(v->gpr));
	memset(v->dr, 0, sizeof(v->dr));
	v->gpr[RDX] = cpuid(1, 0).eax;
	v->rip = 0xfff0;
	v->rflags = RFLAGS_FIXED;
	v->has_pending = v->nmi_masked = v->stepping = false;
	v->flush = true;
	vmx_window(v, false);
}

/* The CPU may hold parts of a VMCS until VMCLEAR. */
static void vmx_vcpu_free(struct hv_vcpu *v)
{
	void *pages[] = { v->control, v->sealed };

	if (v->control && !vmclear(v->control_hpa))
		log_error("VMCLEAR of %#lx failed", v->control_hpa.v);
	if (this_cpu(hv_current) == v)
		this_cpu(hv_current) = NULL;
	if (this_cpu(hv_loaded) == v)
		this_cpu(hv_loaded) = NULL;
	for (u32 i = 0; i < ARRAY_LEN(pages); i++) {
		if (pages[i])
			pages_free(pages[i], 1);
	}
	asid_give(v->asid);
	v->control = v->sealed = NULL;
	v->asid = 0;
}

/* In units of the TSC that MISC names. */
static u32 preemption_ticks(void)
{
	return (u32)MIN(
		(time_tsc_khz() * LONGEST_RUN_MS) >> (vmx_caps.misc & MISC_TIMER_SHIFT), (u64)~0u);
}

static int vmx_vcpu_init(struct hv_vcpu *v, const struct pagetable *s2)
{
	v->control = vmx_region_alloc();
	v->control_hpa = v->control ? virt_to_hpa(v->control) : HPA(0);
	v->sealed = page_alloc(FRAME_CONTROL);
	if (!v->control || !v->sealed || !vmclear(v->control_hpa)) {
		vmx_vcpu_free(v);
		return -ENOMEM;
	}
	v->launched = false;
	v->asid = asid_take(VPIDS - 1);
	vmx_make_current(v);
	set_controls(v, s2);
	set_host_state();
	set_host_cpu(v);
	v->last_cpu = this_cpu(id);
	vmx_reset(v);
	if (vmx_caps.has[VMX_PREEMPTION])
		vmwrite(PREEMPTION_TIMER, preemption_ticks());
	vmx_seal(v);
	return 0;
}

/* A VMCS may be active on one CPU at a time. The only CPU there is may keep it. */
static void vmx_release(struct hv_vcpu *v)
{
	if (cpu_count == 1 || this_cpu(hv_current) != v || this_cpu(hv_loaded) == v)
		return;
	CHECK(vmclear(v->control_hpa));
	v->launched = false;
	this_cpu(hv_current) = NULL;
}

static void vmx_load(struct hv_vcpu *v)
{
	struct vmx_state *s = vmx_state(v);

	vmx_focus(v);
	this_cpu(hv_loaded) = v;
	if (v->asid == VPIDS - 1)
		v->flush = true;
	/* What another CPU changed since, this one may still have under the same VPID. */
	if (v->last_cpu != this_cpu(id)) {
		set_host_cpu(v);
		v->flush = true;
		v->last_cpu = this_cpu(id);
	}
	dr0_write(v->dr[0]);
	dr1_write(v->dr[1]);
	dr2_write(v->dr[2]);
	dr3_write(v->dr[3]);
	vmx_reg_write(v, REG_DR6, s->dr6);
	for (u32 i = 0; i < SYSCALL_MSRS; i++)
		wrmsr(vmx_syscall_msrs[i], s->syscall[i]);
}

static void vmx_unload(struct hv_vcpu *v)
{
	struct vmx_state *s = vmx_state(v);

	v->dr[0] = dr0_read();
	v->dr[1] = dr1_read();
	v->dr[2] = dr2_read();
	v->dr[3] = dr3_read();
	s->dr6 = vmx_reg_read(v, REG_DR6);
	for (u32 i = 0; i < SYSCALL_MSRS; i++)
		s->syscall[i] = rdmsr(vmx_syscall_msrs[i]);
	this_cpu(hv_loaded) = NULL;
	vmx_release(v);
}

static void vmx_enter(struct hv_vcpu *v, struct exit *exit)
{
	vmx_focus(v);
	if (v->rip != v->exit_rip)
		vmx_end_shadow();
	if (unlikely(v->flush))
		vmx_flush(v);
	vmx_run(v, exit, v->launched);
}

const struct hv_ops vmx_ops = {
	.name = "VT-x",
	.probe = vmx_probe,
	.cpu_enable = vmx_enable,
	.cpu_disable = vmx_disable,
	.vcpu_init = vmx_vcpu_init,
	.vcpu_free = vmx_vcpu_free,
	.vcpu_reset = vmx_reset,
	.vcpu_load = vmx_load,
	.vcpu_unload = vmx_unload,
	.vcpu_release = vmx_release,
	.enter = vmx_enter,
	.reg_read = vmx_reg_read,
	.reg_write = vmx_reg_write,
	.set_pdptes = vmx_set_pdptes,
	.segment_read = vmx_segment_read,
	.code_space = vmx_code_space,
	.segment_write = vmx_segment_write,
	.can_take_interrupt = vmx_can_take_interrupt,
	.can_take_nmi = vmx_can_take_nmi,
	.inject = vmx_inject,
	.window = vmx_window,
	.trap = vmx_trap,
	.cpl = vmx_cpl,
	.s2_format = &ept_format,
	.verify = vmx_verify,
	.restore = vmx_restore,
	.audit = vmx_audit,
	.dump = vmx_dump,
};
