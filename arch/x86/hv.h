/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one interface that AMD-V and VT-x share. A back end under svm/ or vmx/ decodes exits into one
 * neutral record, enters, injects and dumps; what to do about an exit is decided in core/l3/exit.c,
 * once for both. `hv` is chosen at boot.
 */
#pragma once

#include "arch/x86/gprs.h"
#include "core/lib/types.h"

struct pagetable;
struct paging_format;

enum exit_kind {
	EXIT_NONE,
	EXIT_INTR, /* a physical interrupt wants its handler */
	EXIT_NMI,
	EXIT_WINDOW, /* the guest can take an interrupt now */
	EXIT_CPUID,
	EXIT_HLT,
	EXIT_PAUSE,
	EXIT_HYPERCALL, /* VMMCALL or VMCALL */
	EXIT_MSR,	/* exit.msr */
	EXIT_IO,	/* exit.io */
	EXIT_S2,	/* stage-2 (NPT, EPT) violation: exit.s2 */
	EXIT_CR,	/* exit.cr */
	EXIT_XSETBV,
	EXIT_EXCEPTION, /* exit.exception */
	EXIT_WBINVD,	/* WBINVD and INVD */
	EXIT_INVLPG,	/* exit.address */
	EXIT_SHUTDOWN,	/* triple fault */
	EXIT_VIRT_INSN, /* VMRUN, VMLOAD, STGI, VMXON, ...: not offered, #UD */
	EXIT_RDPMC,
	EXIT_MWAIT, /* MONITOR and MWAIT */
	EXIT_TASK_SWITCH,
	EXIT_INIT_SIPI,
	EXIT_STEP,	   /* monitor trap flag or its equal */
	EXIT_PREEMPT,	   /* preemption timer */
	EXIT_ENTRY_FAILED, /* the CPU refused the control structure: hv->audit says why */
	EXIT_UNKNOWN,	   /* exit.raw */
	EXIT_KINDS,
};

extern const char *const exit_names[EXIT_KINDS];

#define S2_READ	 1u
#define S2_WRITE 2u
#define S2_EXEC	 4u

struct exit {
	u8 kind;
	u8 insn_len; /* 0: not known, decode it */
	union {
		struct {
			u16 port;
			u8 width; /* 1, 2 or 4 */
			bool in, string, rep;
		} io;
		struct {
			gpa_t gpa;
			u8 access;    /* S2_READ, S2_WRITE, S2_EXEC: what was tried */
			bool in_walk; /* while walking the guest's own tables */
		} s2;
		struct {
			bool write;
		} msr;
		struct {
			u8 number, gpr;
			bool write, lmsw, clts;
			u16 lmsw_value;
			bool gpr_known; /* false: the instruction must be decoded for gpr */
		} cr;
		struct {
			u8 vector;
			bool has_error;
			u32 error;
			u64 address; /* #PF: linear address; #DB: DR6 bits */
		} exception;
		struct {
			u64 value;
		} address;
	};
	u64 raw[3]; /* EXIT_UNKNOWN: code, info1, info2 as the hardware said them */
};

enum hv_reg {
	REG_CR0,
	REG_CR2,
	REG_CR3,
	REG_CR4,
	REG_EFER,
	REG_DR6,
	REG_DR7,
	REG_PAT,
	REG_FS_BASE,
	REG_GS_BASE,
	REG_KERNEL_GS_BASE,
	REG_STAR,
	REG_LSTAR,
	REG_CSTAR,
	REG_SFMASK,
	REG_SYSENTER_CS,
	REG_SYSENTER_ESP,
	REG_SYSENTER_EIP,
	REG_TSC_OFFSET,
	REG_DEBUGCTL,
	/* As the back end keeps them: of use only to be written back. */
	REG_SHADOW,	   /* of STI or MOV SS */
	REG_PENDING_DEBUG, /* VT-x */
	REG_PDPTE0,	   /* VT-x: of PAE paging */
	REG_PDPTE1,
	REG_PDPTE2,
	REG_PDPTE3,
	HV_REGS,
};

enum hv_segment {
	SEG_ES,
	SEG_CS,
	SEG_SS,
	SEG_DS,
	SEG_FS,
	SEG_GS,
	SEG_LDTR,
	SEG_TR,
	SEG_GDTR, /* base and limit only */
	SEG_IDTR,
	HV_SEGMENTS,
};

/* attr: bits 0-7 type, S, DPL, P; bits 8-11 AVL, L, D/B, G; bit 12 unusable (VT-x's notion). */
#define SEG_ATTR_P	  BIT(7)
#define SEG_ATTR_L	  BIT(9)
#define SEG_ATTR_DB	  BIT(10)
#define SEG_ATTR_UNUSABLE BIT(12)

struct segment {
	u16 selector;
	u16 attr;
	u32 limit;
	u64 base;
};

/* Hardware encodings, as the instruction decoder counts them. */
enum gpr { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15 };

enum event_type { EVENT_INTR, EVENT_NMI, EVENT_EXCEPTION, EVENT_SOFT_INT, EVENT_SOFT_EXCEPTION };

struct hv_event {
	u8 vector;
	u8 type; /* enum event_type */
	bool has_error;
	u32 error;
	u8 insn_len; /* soft events on VT-x */
};

/*
 * What may be trapped on top of what always is (ports, all MSRs but those that the hardware
 * switches, #DB, #AC and #MC).
 */
enum hv_intercept {
	TRAP_EXCEPTIONS, /* #BP and #UD, for monitoring */
	TRAP_STEP,	 /* an exit after every instruction */
};

/*
 * How long an instruction is that made the vCPU exit, by where it was: for CPUs that do not say so.
 * core/l3/fetch.c fills it in and says why it may be believed.
 */
#define HV_LENGTHS 8

struct hv_length {
	u64 rip, cr3;
	u8 kind, len;
};

/*
 * The back end's half of a vCPU; struct vcpu (core/l2) begins with one. RIP, RSP, RFLAGS and RAX
 * are copied out at an exit and back at an entry, all others are reached through hv->reg_read(). An
 * interrupt shadow is over once RIP is no longer where the vCPU exited.
 */
struct hv_vcpu {
	/* From here to `stepping`: what a snapshot holds besides registers. */
	u64 gpr[16]; /* (o) */
	u64 rip, rflags;
	u64 cr2;		 /* (o) VT-x */
	u64 exit_rip;		 /* (o) VT-x: where it was when it exited */
	u64 dr[4];		 /* (o) guest DR0-DR3 while not in the CPU */
	struct hv_event pending; /* (o) its delivery was cut short; vector 0, type INTR: none */
	bool has_pending;
	bool nmi_masked;   /* (o) an NMI was injected and its IRET has not come */
	bool stepping;	   /* (o) by RFLAGS.TF, for want of a monitor trap flag */
	void *control;	   /* (c) VMCB or VMCS */
	hpa_t control_hpa; /* (c) */
	void *sealed;	   /* (c) copy of the must-be fields, see hv->verify */
	u32 asid;	   /* (o) ASID or VPID */
	u32 last_cpu;	   /* (o) where it was loaded last */
	bool flush;	   /* (o) drop its translations at the next entry */
	bool window;	   /* (o) interrupt window asked for */
	bool launched;	   /* (o) VT-x: VMLAUNCH done */
	struct hv_length lengths[HV_LENGTHS]; /* (o) */
};

ASSERT_OFFSET(struct hv_vcpu, gpr[RSP], HV_RSP);
ASSERT_OFFSET(struct hv_vcpu, rip, HV_RIP);
ASSERT_OFFSET(struct hv_vcpu, rflags, HV_RFLAGS);
ASSERT_OFFSET(struct hv_vcpu, cr2, HV_CR2);

#define HV_MISSING_MAX 20

/* What the CPU offers, for the banner; each missing feature names its fallback. */
struct hv_features {
	const char *name; /* "AMD-V" or "VT-x" */
	u32 revision;
	u32 asids;
	const char *used[HV_MISSING_MAX];
	const char *missing[HV_MISSING_MAX];
	const char *fallback[HV_MISSING_MAX]; /* beside missing[] */
	u32 used_count, missing_count;
};

/* One broken rule of the manual's entry checks. */
struct hv_audit {
	const char *field, *rule;
	u64 value;
};

struct hv_ops {
	const char *name;
	/*
	 * Looks whether this CPU can be used. Returns 0, or an enum boot_reason (boot/reason.h)
	 * above zero that says which feature is missing or locked.
	 */
	int (*probe)(struct hv_features *features);
	int __must_check (*cpu_enable)(void); /* on each CPU; 0 or -Exxx */
	void (*cpu_disable)(void);

	/* s2: the VM's stage-2 root, already made with hv->s2_format. */
	int __must_check (*vcpu_init)(struct hv_vcpu *v, const struct pagetable *s2);
	void (*vcpu_free)(struct hv_vcpu *v);
	void (*vcpu_reset)(struct hv_vcpu *v); /* the state after INIT */
	/* Around a vCPU switch on this CPU: what neither entry nor exit moves. */
	void (*vcpu_load)(struct hv_vcpu *v);
	void (*vcpu_unload)(struct hv_vcpu *v);
	/*
	 * To be called for a vCPU that is not loaded, after its registers were read or written and
	 * before another CPU may load it.
	 */
	void (*vcpu_release)(struct hv_vcpu *v);

	/* Enters the guest, comes back with the decoded exit. Interrupts are off on both sides. */
	void (*enter)(struct hv_vcpu *v, struct exit *exit);

	u64 (*reg_read)(const struct hv_vcpu *v, enum hv_reg reg);
	void (*reg_write)(struct hv_vcpu *v, enum hv_reg reg, u64 value);
	/*
	 * The four entries that CR3 points to, when PAE paging has come on by a register that was
	 * written for the guest. NULL: the CPU reads them itself.
	 */
	void (*set_pdptes)(struct hv_vcpu *v, const u64 pdptes[4]);
	void (*segment_read)(const struct hv_vcpu *v, enum hv_segment seg, struct segment *out);
	void (*segment_write)(struct hv_vcpu *v, enum hv_segment seg, const struct segment *in);

	bool (*can_take_interrupt)(const struct hv_vcpu *v); /* IF, shadow and no event queued */
	bool (*can_take_nmi)(const struct hv_vcpu *v);
	void (*inject)(struct hv_vcpu *v, const struct hv_event *event);
	void (*window)(struct hv_vcpu *v, bool on); /* ask for EXIT_WINDOW */
	void (*trap)(struct hv_vcpu *v, enum hv_intercept what, bool on);
	int (*cpl)(const struct hv_vcpu *v);
	/*
	 * Which code RIP means: CR3, with the bits 63:62 exchanged for the mode in which the code
	 * segment makes instructions read (0: 16, 1: 32, 2: 64 bits).
	 */
	u64 (*code_space)(const struct hv_vcpu *v);

	const struct paging_format *s2_format;

	/*
	 * Integrity of the control structure: the must-be fields against their sealed copy. NULL if
	 * intact, else the name of the first field that differs.
	 */
	const char *(*verify)(const struct hv_vcpu *v);
	/* Puts the sealed values back; returns how many fields changed. */
	int (*restore)(struct hv_vcpu *v);

	/* The manual's entry checks in software; returns how many broken rules out received. */
	int (*audit)(const struct hv_vcpu *v, struct hv_audit *out, int max);
	void (*dump)(const struct hv_vcpu *v); /* through log_print */
};

/*
 * An ASID or VPID of its own for a vCPU, from 1; `shared`, the highest there is, when all are
 * taken. Who shares one flushes at every switch. asid.c; 0 may be given back, too.
 */
u32 asid_take(u32 shared);
void asid_give(u32 asid);

extern const struct hv_ops *hv; /* (c) */
extern const struct hv_ops svm_ops, vmx_ops;
