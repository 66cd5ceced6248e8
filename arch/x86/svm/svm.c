/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AMD-V back end: switching it on, a VMCB for each vCPU, entering, injecting (APM
 * volume 2, "Secure Virtual Machine").
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/seal.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"

struct svm_caps svm_caps __sealed;

u8 *svm_iopm __sealed, *svm_msrpm __sealed;

const struct paging_format npt_format = {
	.name = "NPT",
	.present = BIT(0),
	.table = BIT(0) | BIT(1) | BIT(2),
	.leaf = BIT(0) | BIT(2) | BIT(5) | BIT(6),
	.large = BIT(7),
	.write = BIT(1),
	.no_exec = BIT(63),
	.uncached = BIT(3) | BIT(4),
	.max_leaf_level = 2,
};

static void svm_disable(void)
{
	wrmsr(MSR_VM_HSAVE_PA, 0);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
}

#define PAUSE_COUNT 3000 /* of one loop; then it exits */
#define PAUSE_GAP   128	 /* ticks at most from one to the next of them */

/* What must be so in every VMCB, whatever the guest does. */
static void set_controls(struct vmcb *c, const struct pagetable *s2, u32 asid)
{
	c->cr_read = BIT(8);
	/*
	 * With nested paging the other control registers are the guest's own affair; CR8 goes to
	 * our local APIC, and the emulated CPU aborts when it is written under a pending V_IRQ.
	 */
	c->cr_write = BIT(8);
	c->exceptions = BIT(VECTOR_MC) | BIT(VECTOR_AC) | BIT(VECTOR_DB);
	c->misc1 = INTERCEPT_INTR | INTERCEPT_NMI | INTERCEPT_SMI | INTERCEPT_INIT |
		   INTERCEPT_RDPMC | INTERCEPT_CPUID | INTERCEPT_RSM | INTERCEPT_INVD |
		   INTERCEPT_HLT | INTERCEPT_INVLPGA | INTERCEPT_IOIO_PROT | INTERCEPT_MSR_PROT |
		   INTERCEPT_TASK_SWITCH | INTERCEPT_SHUTDOWN;
	c->misc2 = INTERCEPT_VMRUN | INTERCEPT_VMMCALL | INTERCEPT_VMLOAD | INTERCEPT_VMSAVE |
		   INTERCEPT_STGI | INTERCEPT_CLGI | INTERCEPT_SKINIT | INTERCEPT_ICEBP |
		   INTERCEPT_WBINVD | INTERCEPT_MONITOR | INTERCEPT_MWAIT | INTERCEPT_MWAIT_ARMED |
		   INTERCEPT_XSETBV | INTERCEPT_RDPRU;
	if (svm_caps.pause_filter) {
		c->misc1 |= INTERCEPT_PAUSE;
		c->pause_count = PAUSE_COUNT;
		c->pause_threshold = PAUSE_GAP;
	}
	c->iopm_base = virt_to_hpa(svm_iopm).v;
	c->msrpm_base = virt_to_hpa(svm_msrpm).v;
	c->asid = asid;
	c->v_intr = V_INTR_MASKING;
	c->np_enable = 1;
	c->n_cr3 = virt_to_hpa(s2->root).v;
}

static void svm_reset(struct hv_vcpu *v)
{
	struct vmcb *c = vmcb_of(v);
	struct vmcb_segment data = { .attrib = 0x93, .limit = 0xffff };

	c->es = c->ss = c->ds = c->fs = c->gs = data;
	c->cs = (struct vmcb_segment){ 0xf000, 0x9b, 0xffff, 0xffff0000 };
	c->gdtr = c->idtr = (struct vmcb_segment){ .limit = 0xffff };
	c->ldtr = (struct vmcb_segment){ .attrib = 0x82, .limit = 0xffff };
	c->tr = (struct vmcb_segment){ .attrib = 0x8b, .limit = 0xffff };
	c->cpl = 0;
	c->efer = EFER_SVME;
	c->cr0 = CR0_ET | CR0_NW | CR0_CD;
	c->cr3 = c->cr4 = c->cr2 = 0;
	c->dr6 = 0xffff0ff0;
	c->dr7 = 0x400;
	c->star = c->lstar = c->cstar = c->sfmask = c->kernel_gs_base = 0;
	c->sysenter_cs = c->sysenter_esp = c->sysenter_eip = 0;
	c->g_pat = PAT_AT_RESET;
	c->dbgctl = 0;
	c->interrupt_shadow = c->eventinj = 0;
	c->v_intr = V_INTR_MASKING;
	c->misc1 &= ~(INTERCEPT_VINTR | INTERCEPT_IRET);
	memset(v->gpr, 0, sizeof(v->gpr));
	memset(v->dr, 0, sizeof(v->dr));
	v->gpr[RDX] = cpuid(1, 0).eax;
	v->rip = 0xfff0;
	v->rflags = RFLAGS_FIXED;
	v->has_pending = v->window = v->nmi_masked = v->stepping = false;
	v->flush = true;
}

static void svm_vcpu_free(struct hv_vcpu *v)
{
	if (v->control)
		pages_free(v->control, 1);
	if (v->sealed)
		pages_free(v->sealed, 1);
	asid_give(v->asid);
	v->control = v->sealed = NULL;
	v->asid = 0;
}

static int svm_vcpu_init(struct hv_vcpu *v, const struct pagetable *s2)
{
	v->control = page_alloc(FRAME_CONTROL);
	v->sealed = page_alloc(FRAME_CONTROL);
	if (!v->control || !v->sealed) {
		svm_vcpu_free(v);
		return -ENOMEM;
	}
	v->control_hpa = virt_to_hpa(v->control);
	v->asid = asid_take(svm_caps.asids - 1);
	set_controls(v->control, s2, v->asid);
	svm_reset(v);
	svm_seal(v);
	return 0;
}

static void svm_vcpu_load(struct hv_vcpu *v)
{
	/* What another CPU changed since, this one may still have under the same ASID. */
	if (v->asid == svm_caps.asids - 1 || v->last_cpu != this_cpu(id))
		v->flush = true;
	v->last_cpu = this_cpu(id);
	dr0_write(v->dr[0]);
	dr1_write(v->dr[1]);
	dr2_write(v->dr[2]);
	dr3_write(v->dr[3]);
}

static void svm_vcpu_unload(struct hv_vcpu *v)
{
	v->dr[0] = dr0_read();
	v->dr[1] = dr1_read();
	v->dr[2] = dr2_read();
	v->dr[3] = dr3_read();
}

/* A VMCB lies in memory: nothing of it is in a CPU that does not run it. */
static void svm_vcpu_release(struct hv_vcpu *v)
{
	(void)v;
}

static bool blocked(const struct hv_vcpu *v)
{
	const struct vmcb *c = vmcb_of(v);

	return ((c->interrupt_shadow & 1) && c->rip == v->rip) || (c->eventinj & EVENTINJ_VALID);
}

static bool svm_can_take_interrupt(const struct hv_vcpu *v)
{
	return (v->rflags & RFLAGS_IF) && !blocked(v);
}

static bool svm_can_take_nmi(const struct hv_vcpu *v)
{
	return !v->nmi_masked && !blocked(v);
}

/*
 * TCG keeps the vector of an interrupt that VMRUN has delivered as an exception still to come, and
 * delivers it again, whatever IF says, if one of its own timers runs out before the next exit. An
 * interrupt of ours that waits at VMRUN makes that exit come before the handler's first
 * instruction.
 */
static void svm_inject(struct hv_vcpu *v, const struct hv_event *e)
{
	static const u64 types[] = {
		[EVENT_INTR] = EVENTINJ_TYPE_INTR,
		[EVENT_NMI] = EVENTINJ_TYPE_NMI,
		[EVENT_EXCEPTION] = EVENTINJ_TYPE_EXCEPTION,
		[EVENT_SOFT_INT] = EVENTINJ_TYPE_SOFT,
		[EVENT_SOFT_EXCEPTION] = EVENTINJ_TYPE_EXCEPTION,
	};
	u64 word = e->vector | types[e->type] | EVENTINJ_VALID;

	if (e->has_error)
		word |= EVENTINJ_ERROR_VALID | ((u64)e->error << 32);
	if (e->type == EVENT_NMI) {
		v->nmi_masked = true;
		vmcb_of(v)->misc1 |= INTERCEPT_IRET;
	}
	if (e->type == EVENT_INTR && svm_caps.repeats_intr)
		apic_timer_now();
	vmcb_of(v)->eventinj = word;
}

/*
 * A virtual interrupt is left pending so that taking it exits (VINTR) as soon as the guest may. The
 * guest never sees it. CR8 writes are intercepted, so V_TPR stays 0.
 */
static void svm_window(struct hv_vcpu *v, bool on)
{
	struct vmcb *c = vmcb_of(v);

	v->window = on;
	c->misc1 = v->nmi_masked ? c->misc1 | INTERCEPT_IRET : c->misc1 & ~INTERCEPT_IRET;
	if (on) {
		c->v_intr = V_INTR_MASKING | V_IRQ | V_INTR_PRIO | V_IGN_TPR;
		c->misc1 |= INTERCEPT_VINTR;
	} else {
		c->v_intr = V_INTR_MASKING;
		c->misc1 &= ~INTERCEPT_VINTR;
	}
}

/* The guest sees its TF set while this is on. */
static void step(struct hv_vcpu *v, bool on)
{
	v->stepping = on;
	v->rflags = on ? v->rflags | RFLAGS_TF : v->rflags & ~RFLAGS_TF;
}

static void svm_trap(struct hv_vcpu *v, enum hv_intercept what, bool on)
{
	struct vmcb *c = vmcb_of(v);
	u32 exceptions = BIT(VECTOR_BP) | BIT(VECTOR_UD);

	if (what == TRAP_EXCEPTIONS)
		c->exceptions = on ? c->exceptions | exceptions : c->exceptions & ~exceptions;
	else if (what == TRAP_STEP)
		step(v, on);
	svm_seal(v);
}

static int svm_cpl(const struct hv_vcpu *v)
{
	return vmcb_of(v)->cpl;
}

static u64 svm_code_space(const struct hv_vcpu *v)
{
	const struct vmcb *c = vmcb_of(v);
	u64 mode = !!(c->cs.attrib & SEG_ATTR_DB);

	if ((c->cs.attrib & SEG_ATTR_L) && (c->efer & EFER_LMA))
		mode = 2;
	return (c->cr3 & ~(3ull << 62)) | mode << 62;
}

const struct hv_ops svm_ops = {
	.name = "AMD-V",
	.probe = svm_probe,
	.cpu_enable = svm_enable,
	.cpu_disable = svm_disable,
	.vcpu_init = svm_vcpu_init,
	.vcpu_free = svm_vcpu_free,
	.vcpu_reset = svm_reset,
	.vcpu_load = svm_vcpu_load,
	.vcpu_unload = svm_vcpu_unload,
	.vcpu_release = svm_vcpu_release,
	.enter = svm_enter,
	.reg_read = svm_reg_read,
	.reg_write = svm_reg_write,
	.segment_read = svm_segment_read,
	.segment_write = svm_segment_write,
	.can_take_interrupt = svm_can_take_interrupt,
	.can_take_nmi = svm_can_take_nmi,
	.inject = svm_inject,
	.window = svm_window,
	.trap = svm_trap,
	.cpl = svm_cpl,
	.code_space = svm_code_space,
	.s2_format = &npt_format,
	.verify = svm_verify,
	.restore = svm_restore,
	.audit = svm_audit,
	.dump = svm_dump,
};
