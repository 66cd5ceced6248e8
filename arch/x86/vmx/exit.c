/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the exit reason to the neutral record (SDM volume 3, "VM Exits" and appendix C "VMX Basic
 * Exit Reasons"; the qualifications in "Basic VM-Exit Information").
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"

#define DR6_TRAPS  0xfull  /* B0-B3 */
#define DR6_RTM	   BIT(16) /* 0 says that it happened inside a transaction */
#define DR6_BD	   BIT(13)
#define DR6_BS	   BIT(14)
#define DR7_GD	   BIT(13)
#define PENDING_BS BIT(14)

/* Reasons that become one kind with nothing more to say. */
struct plain {
	u8 kind;
	bool has_len; /* an instruction exited: the CPU says how long it is */
};

#define INSN(k)                                                                                    \
	{                                                                                          \
		k, true                                                                            \
	}
#define ASIDE(k)                                                                                   \
	{                                                                                          \
		k, false                                                                           \
	}

static const struct plain plain[] = {
	[VMEXIT_INTERRUPT] = ASIDE(EXIT_INTR),
	[VMEXIT_TRIPLE_FAULT] = ASIDE(EXIT_SHUTDOWN),
	[VMEXIT_INIT] = ASIDE(EXIT_INIT_SIPI),
	[VMEXIT_SIPI] = ASIDE(EXIT_INIT_SIPI),
	[VMEXIT_TASK_SWITCH] = ASIDE(EXIT_TASK_SWITCH),
	[VMEXIT_CPUID] = INSN(EXIT_CPUID),
	[VMEXIT_GETSEC] = INSN(EXIT_VIRT_INSN),
	[VMEXIT_HLT] = INSN(EXIT_HLT),
	[VMEXIT_INVD] = INSN(EXIT_WBINVD),
	[VMEXIT_INVLPG] = INSN(EXIT_INVLPG),
	[VMEXIT_RDPMC] = INSN(EXIT_RDPMC),
	[VMEXIT_VMCALL] = INSN(EXIT_HYPERCALL),
	[VMEXIT_VMCLEAR... VMEXIT_VMXON] = INSN(EXIT_VIRT_INSN),
	[VMEXIT_RDMSR] = INSN(EXIT_MSR),
	[VMEXIT_WRMSR] = INSN(EXIT_MSR),
	[VMEXIT_MWAIT] = INSN(EXIT_MWAIT),
	[VMEXIT_MTF] = ASIDE(EXIT_STEP),
	[VMEXIT_MONITOR] = INSN(EXIT_MWAIT),
	[VMEXIT_PAUSE] = INSN(EXIT_PAUSE),
	[VMEXIT_INVEPT] = INSN(EXIT_VIRT_INSN),
	[VMEXIT_PREEMPT] = ASIDE(EXIT_PREEMPT),
	[VMEXIT_INVVPID] = INSN(EXIT_VIRT_INSN),
	[VMEXIT_WBINVD] = INSN(EXIT_WBINVD),
	[VMEXIT_XSETBV] = INSN(EXIT_XSETBV),
};

static void decode_io(u64 qualification, struct exit *exit)
{
	exit->kind = EXIT_IO;
	exit->insn_len = (u8)vmread(EXIT_INSN_LEN);
	exit->io.port = (u16)(qualification >> 16);
	exit->io.width = (u8)((qualification & IO_SIZE_MASK) + 1);
	exit->io.in = qualification & IO_IN;
	exit->io.string = qualification & IO_STRING;
	exit->io.rep = qualification & IO_REP;
}

static void decode_s2(u64 qualification, struct exit *exit)
{
	exit->kind = EXIT_S2;
	exit->s2.gpa = GPA(vmread(GUEST_PHYSICAL_ADDRESS));
	exit->s2.access = qualification & EPT_FETCH   ? S2_EXEC
			  : qualification & EPT_WRITE ? S2_WRITE
						      : S2_READ;
	exit->s2.in_walk =
		(qualification & EPT_LINEAR_VALID) && !(qualification & EPT_AT_TRANSLATED);
}

/* SDM, "Exit Qualification for Control-Register Accesses". */
static void decode_cr(u64 qualification, struct exit *exit)
{
	u32 type = (qualification >> 4) & 3;

	exit->kind = EXIT_CR;
	exit->insn_len = (u8)vmread(EXIT_INSN_LEN);
	exit->cr.number = qualification & 15;
	exit->cr.gpr = (qualification >> 8) & 15;
	exit->cr.gpr_known = true;
	exit->cr.write = type != 1;
	exit->cr.clts = type == 2;
	exit->cr.lmsw = type == 3;
	exit->cr.lmsw_value = (u16)(qualification >> 16);
}

/*
 * The exit has not changed DR6 and DR7 as the exception would have. A #DB that is given back to a
 * guest with TF in a shadow needs its single-step bit pending ("Checks on Guest Non-Register
 * State").
 */
static void take_debug(struct hv_vcpu *v, u64 qualification)
{
	u64 dr6 = vmx_reg_read(v, REG_DR6) & ~DR6_TRAPS;

	vmx_reg_write(v, REG_DR6, (dr6 | qualification) ^ (qualification & DR6_RTM));
	if (qualification & DR6_BD)
		vmwrite(GUEST_DR7, vmread(GUEST_DR7) & ~DR7_GD);
	if ((v->rflags & RFLAGS_TF) && (vmread(GUEST_INTERRUPTIBILITY) & BLOCKED_BY_SHADOW))
		vmwrite(GUEST_PENDING_DEBUG, vmread(GUEST_PENDING_DEBUG) | PENDING_BS);
}

static void decode_debug(struct hv_vcpu *v, u32 info, u64 qualification, struct exit *exit)
{
	if (v->stepping && (qualification & DR6_BS)) {
		exit->kind = EXIT_STEP;
		return;
	}
	take_debug(v, qualification);
	if (INTR_TYPE(info) == INTR_ICEBP) /* a trap, but RIP is still at it */
		v->rip += vmread(EXIT_INSN_LEN);
	exit->exception.address = vmx_reg_read(v, REG_DR6);
}

/* The exit has blocked NMIs; the handler's IRET unblocks them. */
static void run_nmi_handler(void)
{
	asm volatile("int %0" ::"i"(VECTOR_NMI) : "memory");
}

static void decode_exception(struct hv_vcpu *v, u64 qualification, struct exit *exit)
{
	u32 info = (u32)vmread(EXIT_INTR_INFO);

	if (INTR_TYPE(info) == INTR_NMI) {
		exit->kind = EXIT_NMI;
		run_nmi_handler();
		return;
	}
	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = (u8)info;
	exit->exception.has_error = info & INTR_ERROR_VALID;
	exit->exception.error = exit->exception.has_error ? (u32)vmread(EXIT_ERROR_CODE) : 0;
	exit->exception.address = qualification;
	if (INTR_TYPE(info) == INTR_SOFT_EXCEPTION)
		exit->insn_len = (u8)vmread(EXIT_INSN_LEN);
	if (exit->exception.vector == VECTOR_DB)
		decode_debug(v, info, qualification, exit);
}

/*
 * An event whose delivery the exit cut short is delivered again before anything else, but for those
 * that an instruction raised (INT n, INT1, INT3, INTO): RIP still points there and it runs again.
 */
static void keep_event(struct hv_vcpu *v, u32 info)
{
	static const u8 types[] = { [INTR_EXTERNAL] = EVENT_INTR,
		[INTR_NMI] = EVENT_NMI,
		[INTR_EXCEPTION] = EVENT_EXCEPTION };

	if (INTR_TYPE(info) > INTR_EXCEPTION)
		return;
	v->has_pending = true;
	v->pending = (struct hv_event){
		.vector = (u8)info,
		.type = types[INTR_TYPE(info)],
		.has_error = info & INTR_ERROR_VALID,
		.error = info & INTR_ERROR_VALID ? (u32)vmread(IDT_VECTORING_ERROR_CODE) : 0,
	};
}

/*
 * An IRET that ends an NMI handler unblocks NMIs even when it then faults: it will be run again, so
 * they are blocked again (SDM, "Information for VM Exits Due to Vectored Events" and the
 * qualification for EPT violations).
 */
static void keep_nmi_blocked(const struct hv_vcpu *v, u64 info)
{
	if (unlikely(info & INTR_NMI_UNBLOCKED) && !v->has_pending)
		vmwrite(GUEST_INTERRUPTIBILITY, vmread(GUEST_INTERRUPTIBILITY) | BLOCKED_BY_NMI);
}

static void unknown(u64 reason, struct exit *exit)
{
	exit->kind = EXIT_UNKNOWN;
	exit->raw[0] = reason;
	exit->raw[1] = vmread(EXIT_QUALIFICATION);
	exit->raw[2] = 0;
}

static void decode_rare(struct hv_vcpu *v, u32 reason, struct exit *exit)
{
	u64 qualification = vmread(EXIT_QUALIFICATION);

	if (reason == VMEXIT_EPT_VIOLATION) {
		decode_s2(qualification, exit);
		keep_nmi_blocked(v, qualification);
	} else if (reason == VMEXIT_IO) {
		decode_io(qualification, exit);
	} else if (reason == VMEXIT_CR) {
		decode_cr(qualification, exit);
	} else if (reason == VMEXIT_EXCEPTION) {
		decode_exception(v, qualification, exit);
		keep_nmi_blocked(v, vmread(EXIT_INTR_INFO));
	} else if (reason == VMEXIT_INTR_WINDOW || reason == VMEXIT_NMI_WINDOW) {
		exit->kind = EXIT_WINDOW;
		/* An NMI's handler is over; core/l3 closes the window and looks what may go in now.
		 */
		if (reason == VMEXIT_NMI_WINDOW || !vmx_caps.has[VMX_VIRTUAL_NMI])
			v->nmi_masked = false;
	} else {
		unknown(reason, exit);
	}
}

static void decode_refusal(u64 reason, struct exit *exit)
{
	unknown(reason, exit);
	exit->kind = EXIT_ENTRY_FAILED;
	if ((reason & VMEXIT_BASIC) != VMEXIT_ENTRY_MC)
		return;
	exit->kind = EXIT_EXCEPTION;
	exit->exception.vector = VECTOR_MC;
}

void vmx_refused(struct hv_vcpu *v, struct exit *exit)
{
	(void)v;
	decode_refusal(vmread(VM_INSTRUCTION_ERROR), exit);
}

/* Not an instruction that exited, or one that has more to say. */
static __noinline void decode_aside(struct hv_vcpu *v, struct exit *exit, u64 reason)
{
	u64 vectoring = vmread(IDT_VECTORING_INFO);

	exit->insn_len = 0;
	if (unlikely(reason & VMEXIT_ENTRY_FAILED)) {
		decode_refusal(reason, exit);
		return;
	}
	v->launched = true;
	if (unlikely(vectoring & INTR_VALID))
		keep_event(v, (u32)vectoring);
	if (reason < ARRAY_LEN(plain) && plain[reason].kind)
		exit->kind = plain[reason].kind;
	else
		decode_rare(v, (u32)reason, exit);
}

void vmx_decode(struct hv_vcpu *v, struct exit *exit)
{
	u64 reason = vmread(EXIT_REASON);

	v->exit_rip = v->rip;
	if (unlikely(reason >= ARRAY_LEN(plain) || !plain[reason].has_len)) {
		decode_aside(v, exit, reason);
		return;
	}
	v->launched = true;
	exit->kind = plain[reason].kind;
	exit->insn_len = (u8)vmread(EXIT_INSN_LEN);
	exit->msr.write = reason == VMEXIT_WRMSR; /* means something for MSRs only */
}
