/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Into the guest and back, and from the exit code to the neutral record (APM volume 2, appendix C
 * "SVM Intercept Exit Codes"). Lengths come from the next-RIP field where the CPU has one, else
 * core/l3 decodes the instruction.
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"

#define DR6_BS BIT(14)

/* Codes that become one kind with nothing more to say. */
static const u8 plain_kind[] = {
	[VMEXIT_INTR] = EXIT_INTR,
	[VMEXIT_NMI] = EXIT_NMI,
	[VMEXIT_SMI] = EXIT_INTR,
	[VMEXIT_INIT] = EXIT_INIT_SIPI,
	[VMEXIT_VINTR] = EXIT_WINDOW,
	[VMEXIT_RDPMC] = EXIT_RDPMC,
	[VMEXIT_CPUID] = EXIT_CPUID,
	[VMEXIT_RSM] = EXIT_VIRT_INSN,
	[VMEXIT_INVD] = EXIT_WBINVD,
	[VMEXIT_PAUSE] = EXIT_PAUSE,
	[VMEXIT_HLT] = EXIT_HLT,
	[VMEXIT_INVLPGA] = EXIT_VIRT_INSN,
	[VMEXIT_MSR] = EXIT_MSR,
	[VMEXIT_TASK_SWITCH] = EXIT_TASK_SWITCH,
	[VMEXIT_SHUTDOWN] = EXIT_SHUTDOWN,
	[VMEXIT_VMRUN] = EXIT_VIRT_INSN,
	[VMEXIT_VMMCALL] = EXIT_HYPERCALL,
	[VMEXIT_VMLOAD] = EXIT_VIRT_INSN,
	[VMEXIT_VMLOAD + 1] = EXIT_VIRT_INSN, /* VMSAVE */
	[VMEXIT_VMLOAD + 2] = EXIT_VIRT_INSN, /* STGI */
	[VMEXIT_VMLOAD + 3] = EXIT_VIRT_INSN, /* CLGI */
	[VMEXIT_SKINIT] = EXIT_VIRT_INSN,
	[VMEXIT_WBINVD] = EXIT_WBINVD,
	[VMEXIT_MONITOR] = EXIT_MWAIT,
	[VMEXIT_MWAIT] = EXIT_MWAIT,
	[VMEXIT_MWAIT_ARMED] = EXIT_MWAIT,
	[VMEXIT_XSETBV] = EXIT_XSETBV,
	[VMEXIT_RDPRU] = EXIT_VIRT_INSN,
};

static void decode_io(const struct vmcb *c, struct exit *exit)
{
	u64 info = c->exitinfo1;

	exit->kind = EXIT_IO;
	exit->io.port = (u16)(info >> 16);
	exit->io.width = info & IOIO_SZ8 ? 1 : info & IOIO_SZ16 ? 2 : 4;
	exit->io.in = info & IOIO_IN;
	exit->io.string = info & IOIO_STRING;
	exit->io.rep = info & IOIO_REP;
	/* EXITINFO2 is the next RIP on every implementation. */
	exit->insn_len = (u8)MIN(c->exitinfo2 - c->rip, 15);
}

static void decode_npf(const struct vmcb *c, struct exit *exit)
{
	u64 info = c->exitinfo1;

	exit->kind = EXIT_S2;
	exit->s2.gpa = GPA(c->exitinfo2);
	exit->s2.access = info & NPF_FETCH ? S2_EXEC : info & NPF_WRITE ? S2_WRITE : S2_READ;
	exit->s2.in_walk = info & NPF_WALK;
}

/* Without decode assists the general register is in the instruction only. */
static void decode_cr(u64 code, struct exit *exit)
{
	exit->kind = EXIT_CR;
	exit->cr.number = code & 15;
	exit->cr.write = code >= VMEXIT_CR0_WRITE;
	exit->cr.gpr_known = false;
	exit->cr.lmsw = exit->cr.clts = false;
}

static void decode_exception(const struct hv_vcpu *v, struct exit *exit)
{
	const struct vmcb *c = vmcb_of(v);

	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = (u8)(c->exitcode - VMEXIT_EXCEPTION);
	exit->exception.has_error = BIT(exit->exception.vector) & 0x00227d00;
	exit->exception.error = (u32)c->exitinfo1;
	exit->exception.address = c->exitinfo2;
	if (v->stepping && exit->exception.vector == VECTOR_DB && (c->dr6 & DR6_BS))
		exit->kind = EXIT_STEP;
}

static u8 next_rip_len(const struct vmcb *c)
{
	return svm_caps.nrip && c->nrip - c->rip <= 15 ? (u8)(c->nrip - c->rip) : 0;
}

/* The NMI handler's IRET is about to run: the next NMI may follow it. */
static void unmask_nmi(struct hv_vcpu *v)
{
	vmcb_of(v)->misc1 &= ~INTERCEPT_IRET;
	v->nmi_masked = false;
}

static __noinline void decode_rare(struct hv_vcpu *v, struct exit *exit)
{
	const struct vmcb *c = vmcb_of(v);
	u64 code = c->exitcode;

	exit->insn_len = 0;
	if (code == VMEXIT_IOIO) {
		decode_io(c, exit);
	} else if (code == VMEXIT_NPF) {
		decode_npf(c, exit);
	} else if (code == VMEXIT_IRET) {
		unmask_nmi(v);
		exit->kind = EXIT_WINDOW;
	} else if (code < VMEXIT_DR0_READ) {
		decode_cr(code, exit);
		exit->insn_len = next_rip_len(c);
	} else if (code >= VMEXIT_EXCEPTION && code < VMEXIT_EXCEPTION + 32) {
		decode_exception(v, exit);
	} else {
		/* An emulated CPU writes 32 bits of it only. */
		exit->kind = (u32)code == (u32)VMEXIT_INVALID ? EXIT_ENTRY_FAILED : EXIT_UNKNOWN;
		exit->raw[0] = code;
		exit->raw[1] = c->exitinfo1;
		exit->raw[2] = c->exitinfo2;
	}
}

/*
 * An event whose delivery the exit cut short is delivered again before anything else, but for those
 * that an instruction raised (INT n, INT3, INTO): RIP still points there and it runs again.
 */
static void keep_event(struct hv_vcpu *v, u64 info)
{
	static const u8 types[8] = { EVENT_INTR, EVENT_INTR, EVENT_NMI, EVENT_EXCEPTION,
		EVENT_SOFT_INT };

	u64 type = info & EVENTINJ_TYPE_MASK;
	u8 vector = (u8)info;

	if (type == EVENTINJ_TYPE_SOFT ||
		(type == EVENTINJ_TYPE_EXCEPTION && (vector == VECTOR_BP || vector == VECTOR_OF)))
		return;
	v->has_pending = true;
	v->pending = (struct hv_event){
		.vector = vector,
		.type = types[(info >> 8) & 7],
		.has_error = info & EVENTINJ_ERROR_VALID,
		.error = (u32)(info >> 32),
	};
}

static u8 known_len(const struct hv_vcpu *v, const struct vmcb *c, u8 kind)
{
	const struct hv_length *l = &v->lengths[c->rip / 2 % HV_LENGTHS];

	return likely(l->rip == c->rip && l->cr3 == c->cr3 && l->kind == kind) ? l->len : 0;
}

void svm_decode(struct hv_vcpu *v, struct exit *exit)
{
	struct vmcb *c = vmcb_of(v);
	u64 code = c->exitcode;

	v->rip = c->rip;
	v->rflags = c->rflags;
	v->gpr[RAX] = c->rax;
	v->gpr[RSP] = c->rsp;
	c->eventinj = 0;
	if (unlikely(c->exitintinfo & EVENTINJ_VALID))
		keep_event(v, c->exitintinfo);
	if (unlikely(code >= ARRAY_LEN(plain_kind) || !plain_kind[code])) {
		decode_rare(v, exit);
		return;
	}
	exit->kind = plain_kind[code];
	exit->msr.write = c->exitinfo1 & 1; /* means something for MSRs only */
	exit->insn_len = svm_caps.nrip ? next_rip_len(c) : known_len(v, c, exit->kind);
}

void svm_enter(struct hv_vcpu *v, struct exit *exit)
{
	struct vmcb *c = vmcb_of(v);

	if (c->rip != v->rip)
		c->interrupt_shadow = 0;
	c->rip = v->rip;
	c->rflags = v->rflags;
	c->rax = v->gpr[RAX];
	c->rsp = v->gpr[RSP];
	c->tlb_control = 0;
	if (unlikely(v->flush)) {
		c->tlb_control = svm_caps.flush_by_asid ? TLB_FLUSH_ASID : TLB_FLUSH_ALL;
		v->flush = false;
	}
	svm_run(v, exit, v->control_hpa.v, this_cpu(hv_host));
}
