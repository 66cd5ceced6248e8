/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events into the guest, windows for those that must wait, and what else is switched on and off
 * while a guest runs (SDM volume 3, "Event Injection", "Guest Non-Register State" and "VM-Execution
 * Control Fields").
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"

#define WINDOWS (PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW)

static void set_proc(struct hv_vcpu *v, u64 clear, u64 set)
{
	struct vmx_state *s = vmx_state(v);
	u32 proc = (s->proc & ~(u32)clear) | (u32)set;

	if (proc == s->proc)
		return;
	s->proc = proc;
	vmwrite(PROC_CONTROLS, proc);
}

/* An event that waits is valid until the exit behind its entry. */
static bool blocked(const struct hv_vcpu *v, u64 by)
{
	vmx_focus(v);
	if (v->rip != v->exit_rip)
		by &= ~BLOCKED_BY_SHADOW;
	return (vmread(ENTRY_INTR_INFO) & INTR_VALID) || (vmread(GUEST_INTERRUPTIBILITY) & by);
}

bool vmx_can_take_interrupt(const struct hv_vcpu *v)
{
	return (v->rflags & RFLAGS_IF) && !blocked(v, BLOCKED_BY_SHADOW);
}

bool vmx_can_take_nmi(const struct hv_vcpu *v)
{
	return !v->nmi_masked && !blocked(v, BLOCKED_BY_SHADOW | BLOCKED_BY_NMI);
}

/* With virtual NMIs an exit tells when the handler's IRET has come, else we wait for IF. */
static void begin_nmi(struct hv_vcpu *v)
{
	v->nmi_masked = true;
	vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) & ~BLOCKED_BY_NMI);
	set_proc(v, 0, vmx_caps.has[VMX_VIRTUAL_NMI] ? PROC_NMI_WINDOW : PROC_INTERRUPT_WINDOW);
}

void vmx_inject(struct hv_vcpu *v, const struct hv_event *e)
{
	static const u8 types[] = {
		[EVENT_INTR] = INTR_EXTERNAL,
		[EVENT_NMI] = INTR_NMI,
		[EVENT_EXCEPTION] = INTR_EXCEPTION,
		[EVENT_SOFT_INT] = INTR_SOFT,
		[EVENT_SOFT_EXCEPTION] = INTR_SOFT_EXCEPTION,
	};
	u64 info = e->vector | (u64)types[e->type] << 8 | INTR_VALID;

	vmx_focus(v);
	if (e->type == EVENT_NMI)
		begin_nmi(v);
	/* Real mode pushes no error codes, and the entry checks insist on it. */
	if (e->has_error && (vmread(GUEST_CR0) & CR0_PE)) {
		info |= INTR_ERROR_VALID;
		vmwrite(ENTRY_ERROR_CODE, e->error);
	}
	if (e->insn_len)
		vmwrite(ENTRY_INSN_LEN, e->insn_len);
	vmwrite(ENTRY_INTR_INFO, info);
}

/* IF or a shadow is in the way: one window for either, and an NMI must not wait for IF. */
void vmx_window(struct hv_vcpu *v, bool on)
{
	u64 wanted = PROC_INTERRUPT_WINDOW;

	vmx_focus(v);
	v->window = on;
	if (!on)
		wanted = 0;
	else if (vmx_caps.has[VMX_VIRTUAL_NMI] && blocked(v, BLOCKED_BY_SHADOW))
		wanted |= PROC_NMI_WINDOW;
	if (v->nmi_masked)
		wanted |= vmx_caps.has[VMX_VIRTUAL_NMI] ? PROC_NMI_WINDOW : PROC_INTERRUPT_WINDOW;
	set_proc(v, WINDOWS, wanted);
}

static void step(struct hv_vcpu *v, bool on)
{
	if (vmx_caps.has[VMX_MTF]) {
		set_proc(v, PROC_MTF, on ? PROC_MTF : 0);
		vmx_seal_field(v, PROC_CONTROLS);
		return;
	}
	v->stepping = on;
	v->rflags = on ? v->rflags | RFLAGS_TF : v->rflags & ~RFLAGS_TF;
}

void vmx_trap(struct hv_vcpu *v, enum hv_intercept what, bool on)
{
	u64 monitored = BIT(VECTOR_BP) | BIT(VECTOR_UD), bitmap;

	vmx_focus(v);
	if (what == TRAP_STEP) {
		step(v, on);
		return;
	}
	bitmap = vmread(EXCEPTION_BITMAP);
	vmwrite(EXCEPTION_BITMAP, on ? bitmap | monitored : bitmap & ~monitored);
	vmx_seal_field(v, EXCEPTION_BITMAP);
}
