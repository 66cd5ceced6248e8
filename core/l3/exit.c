/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one table of exits. Handlers are short: an emulated access goes on through the L3 gate to
 * whoever serves it. What a guest may not do is answered with an exception or ends the guest, never
 * the hypervisor.
 */
#include "core/l3/exit.h"

#include "arch/x86/cpu.h"
#include "core/l1/log.h"
#include "core/l2/memory.h"
#include "core/l2/sched.h"
#include "core/l3/control.h"
#include "core/l3/cpuid.h"
#include "core/l3/emulate.h"
#include "core/l3/fetch.h"
#include "core/l3/hypercall.h"
#include "core/l3/inject.h"
#include "core/l3/msr.h"

void vcpu_skip_unknown(struct vcpu *v)
{
	u8 len;

	if (guest_insn_len(v, &len) == 0)
		vcpu_advance(v, len);
}

void exit_take_interrupt(struct vcpu *v, __unused const struct exit *exit)
{
	asm volatile("sti; nop; cli" ::: "memory");
	vcpu_hazard(v, HAZARD_TIMER | HAZARD_EVENT);
}

static void look_again(struct vcpu *v, __unused const struct exit *exit)
{
	hv->window(&v->hv, false);
	vcpu_hazard(v, HAZARD_EVENT);
}

/* HLT with interrupts off and no NMI to come never ends: say so instead of waiting. */
static void handle_hlt(struct vcpu *v, const struct exit *exit)
{
	vcpu_skip(v, exit);
	v->asleep = true;
	vcpu_halt(v);
	if (!(v->hv.rflags & RFLAGS_IF) && !v->nmi_pending && v->vm->nvcpus == 1) {
		vm_end(v->vm, END_HALT, v->hv.rip);
		return;
	}
	if (vcpu_wakes(v))
		vcpu_kick(v);
}

/* It spins: those of its VM that are ready, and may hold what it wants, have waited longer. */
static void handle_pause(struct vcpu *v, const struct exit *exit)
{
	vcpu_skip(v, exit);
	vcpu_hazard(v, HAZARD_RESCHED);
}

static void handle_stage2(struct vcpu *v, const struct exit *exit)
{
	int err = s2_fault(v->vm, exit->s2.gpa, exit->s2.access);

	if (likely(err == -ENOENT))
		emulate_mmio(v, exit);
	else if (err == -ENOMEM)
		vm_fail(v->vm, "no page left for its stage-2 table");
	else if (err)
		vm_fail(v->vm, "its stage-2 table may not be extended");
}

static void reflect_exception(struct vcpu *v, const struct exit *exit)
{
	if (exit->exception.vector == VECTOR_MC)
		panic("machine check");
	vcpu_inject_exception(
		v, exit->exception.vector, exit->exception.has_error, exit->exception.error);
}

/* Caches are coherent for guests: nothing to be done. */
static void ignore(struct vcpu *v, const struct exit *exit)
{
	vcpu_skip(v, exit);
}

static void undefined(struct vcpu *v, __unused const struct exit *exit)
{
	vcpu_inject_ud(v);
}

static void protection(struct vcpu *v, __unused const struct exit *exit)
{
	vcpu_inject_gp(v);
}

static void handle_shutdown(struct vcpu *v, const struct exit *exit)
{
	struct segment idt;

	(void)exit;
	hv->segment_read(&v->hv, SEG_IDTR, &idt);
	log_warn("vm %s: shutdown at rip %#lx rsp %#lx cr3 %#lx, IDT %#lx limit %#x", v->vm->name,
		v->hv.rip, v->hv.gpr[RSP], hv->reg_read(&v->hv, REG_CR3), idt.base, idt.limit);
	vm_end(v->vm, END_TRIPLE_FAULT, v->hv.rip);
}

static void handle_entry_failure(struct vcpu *v, const struct exit *exit)
{
	struct hv_audit broken[8];
	int n = hv->audit(&v->hv, broken, ARRAY_LEN(broken));

	(void)exit;
	for (int i = 0; i < n; i++)
		log_error("vm %s: entry refused: %s = %#lx: %s", v->vm->name, broken[i].field,
			broken[i].value, broken[i].rule);
	vm_fail(v->vm, n ? "the CPU refused to enter it"
			 : "the CPU refused to enter it, for no known reason");
}

static void handle_unknown(struct vcpu *v, const struct exit *exit)
{
	log_error("vm %s: exit %#lx (info %#lx, %#lx) is not one that was asked for", v->vm->name,
		exit->raw[0], exit->raw[1], exit->raw[2]);
	vm_fail(v->vm, "unknown exit");
}

static void nothing(__unused struct vcpu *v, __unused const struct exit *exit)
{
}

static void (*const handlers[])(struct vcpu *v, const struct exit *exit) = {
	[EXIT_NONE] = handle_unknown,
	[EXIT_INTR] = exit_take_interrupt,
	[EXIT_NMI] = exit_take_interrupt, /* the NMI's handler has run */
	[EXIT_WINDOW] = look_again,
	[EXIT_CPUID] = cpuid_handle,
	[EXIT_HLT] = handle_hlt,
	[EXIT_PAUSE] = handle_pause,
	[EXIT_HYPERCALL] = hypercall_handle,
	[EXIT_MSR] = msr_handle,
	[EXIT_IO] = emulate_io,
	[EXIT_S2] = handle_stage2,
	[EXIT_CR] = control_handle_cr,
	[EXIT_XSETBV] = control_handle_xsetbv,
	[EXIT_EXCEPTION] = reflect_exception,
	[EXIT_WBINVD] = ignore,
	[EXIT_INVLPG] = ignore,
	[EXIT_SHUTDOWN] = handle_shutdown,
	[EXIT_VIRT_INSN] = undefined,
	[EXIT_RDPMC] = protection,
	[EXIT_MWAIT] = undefined,
	[EXIT_TASK_SWITCH] = handle_unknown,
	[EXIT_INIT_SIPI] = nothing,
	[EXIT_STEP] = nothing,
	[EXIT_PREEMPT] = exit_take_interrupt,
	[EXIT_ENTRY_FAILED] = handle_entry_failure,
	[EXIT_UNKNOWN] = handle_unknown,
};
static_assert(ARRAY_LEN(handlers) == EXIT_KINDS, "every exit has a handler");

/* Those whose handlers go beyond the vCPU, to what the VM's vCPUs share. */
#define SHARED (BIT(EXIT_IO) | BIT(EXIT_S2) | BIT(EXIT_HLT) | BIT(EXIT_CR))

static __noinline void handle_shared(struct vcpu *v, const struct exit *exit)
{
	lock_take(&v->vm->lock);
	handlers[exit->kind](v, exit);
	lock_give(&v->vm->lock);
}

void exit_handle(struct vcpu *v, const struct exit *exit)
{
	if (SHARED >> exit->kind & 1)
		handle_shared(v, exit);
	else
		handlers[exit->kind](v, exit);
}
