/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual machine control block and the exit codes (APM volume 2, appendix B "Layout of VMCB"
 * and appendix C "SVM Intercept Exit Codes"), with the manual's names.
 */
#pragma once

#include "core/lib/types.h"

struct vmcb_segment {
	u16 selector, attrib; /* attrib: descriptor bits 40-47, then 52-55 */
	u32 limit;
	u64 base;
};

struct vmcb {
	/* Control area */
	u16 cr_read, cr_write, dr_read, dr_write;
	u32 exceptions, misc1, misc2, misc3;
	u8 reserved_018[0x3c - 0x18];
	u16 pause_threshold, pause_count;
	u64 iopm_base, msrpm_base, tsc_offset;
	u32 asid;
	u8 tlb_control, reserved_05d[3];
	u64 v_intr; /* V_TPR, V_IRQ, V_INTR_PRIO, V_IGN_TPR, V_INTR_MASKING, V_INTR_VECTOR */
	u64 interrupt_shadow;
	u64 exitcode, exitinfo1, exitinfo2, exitintinfo;
	u64 np_enable, avic_bar, ghcb;
	u64 eventinj, n_cr3, lbr_enable, clean, nrip;
	u8 insn_bytes[16]; /* count, then up to 15 bytes */
	u8 reserved_0e0[0x400 - 0xe0];

	/* State save area */
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved_4a0[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved_4cc;
	u64 efer;
	u8 reserved_4d8[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved_580[0x5d8 - 0x580];
	u64 rsp;
	u8 reserved_5e0[0x5f8 - 0x5e0];
	u64 rax, star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved_648[0x668 - 0x648];
	u64 g_pat, dbgctl;
	u8 reserved_678[0x1000 - 0x678];
};
ASSERT_SIZE(struct vmcb, 0x1000);
ASSERT_OFFSET(struct vmcb, pause_threshold, 0x3c);
ASSERT_OFFSET(struct vmcb, asid, 0x58);
ASSERT_OFFSET(struct vmcb, v_intr, 0x60);
ASSERT_OFFSET(struct vmcb, exitcode, 0x70);
ASSERT_OFFSET(struct vmcb, np_enable, 0x90);
ASSERT_OFFSET(struct vmcb, eventinj, 0xa8);
ASSERT_OFFSET(struct vmcb, nrip, 0xc8);
ASSERT_OFFSET(struct vmcb, cpl, 0x4cb);
ASSERT_OFFSET(struct vmcb, efer, 0x4d0);
ASSERT_OFFSET(struct vmcb, cr4, 0x548);
ASSERT_OFFSET(struct vmcb, rip, 0x578);
ASSERT_OFFSET(struct vmcb, rsp, 0x5d8);
ASSERT_OFFSET(struct vmcb, rax, 0x5f8);
ASSERT_OFFSET(struct vmcb, cr2, 0x640);
ASSERT_OFFSET(struct vmcb, g_pat, 0x668);

/* misc1 */
#define INTERCEPT_INTR	      BIT(0)
#define INTERCEPT_NMI	      BIT(1)
#define INTERCEPT_SMI	      BIT(2)
#define INTERCEPT_INIT	      BIT(3)
#define INTERCEPT_VINTR	      BIT(4)
#define INTERCEPT_RDPMC	      BIT(15)
#define INTERCEPT_CPUID	      BIT(18)
#define INTERCEPT_RSM	      BIT(19)
#define INTERCEPT_IRET	      BIT(20)
#define INTERCEPT_INVD	      BIT(22)
#define INTERCEPT_PAUSE	      BIT(23)
#define INTERCEPT_HLT	      BIT(24)
#define INTERCEPT_INVLPGA     BIT(26)
#define INTERCEPT_IOIO_PROT   BIT(27)
#define INTERCEPT_MSR_PROT    BIT(28)
#define INTERCEPT_TASK_SWITCH BIT(29)
#define INTERCEPT_SHUTDOWN    BIT(31)
/* misc2 */
#define INTERCEPT_VMRUN	      BIT(0)
#define INTERCEPT_VMMCALL     BIT(1)
#define INTERCEPT_VMLOAD      BIT(2)
#define INTERCEPT_VMSAVE      BIT(3)
#define INTERCEPT_STGI	      BIT(4)
#define INTERCEPT_CLGI	      BIT(5)
#define INTERCEPT_SKINIT      BIT(6)
#define INTERCEPT_ICEBP	      BIT(8)
#define INTERCEPT_WBINVD      BIT(9)
#define INTERCEPT_MONITOR     BIT(10)
#define INTERCEPT_MWAIT	      BIT(11)
#define INTERCEPT_MWAIT_ARMED BIT(12)
#define INTERCEPT_XSETBV      BIT(13)
#define INTERCEPT_RDPRU	      BIT(14)

#define TLB_FLUSH_ALL  1
#define TLB_FLUSH_ASID 3

#define V_IRQ	       BIT(8)
#define V_INTR_PRIO    (0xfull << 16)
#define V_IGN_TPR      BIT(20)
#define V_INTR_MASKING BIT(24)

/* EVENTINJ and EXITINTINFO */
#define EVENTINJ_TYPE_INTR	(0ull << 8)
#define EVENTINJ_TYPE_NMI	(2ull << 8)
#define EVENTINJ_TYPE_EXCEPTION (3ull << 8)
#define EVENTINJ_TYPE_SOFT	(4ull << 8)
#define EVENTINJ_TYPE_MASK	(7ull << 8)
#define EVENTINJ_ERROR_VALID	BIT(11)
#define EVENTINJ_VALID		BIT(31)

/* Exit codes */
/* clang-format off */
enum {
	VMEXIT_CR0_WRITE = 0x010,     VMEXIT_DR0_READ = 0x020,      VMEXIT_EXCEPTION = 0x040,
	VMEXIT_INTR = 0x060,          VMEXIT_NMI = 0x061,           VMEXIT_SMI = 0x062,
	VMEXIT_INIT = 0x063,          VMEXIT_VINTR = 0x064,         VMEXIT_RDPMC = 0x06f,
	VMEXIT_CPUID = 0x072,         VMEXIT_RSM = 0x073,           VMEXIT_IRET = 0x074,
	VMEXIT_INVD = 0x076,          VMEXIT_PAUSE = 0x077,         VMEXIT_HLT = 0x078,
	VMEXIT_INVLPG = 0x079,        VMEXIT_INVLPGA = 0x07a,       VMEXIT_IOIO = 0x07b,
	VMEXIT_MSR = 0x07c,           VMEXIT_TASK_SWITCH = 0x07d,   VMEXIT_SHUTDOWN = 0x07f,
	VMEXIT_VMRUN = 0x080,         VMEXIT_VMMCALL = 0x081,       VMEXIT_VMLOAD = 0x082,
	VMEXIT_SKINIT = 0x086,        VMEXIT_WBINVD = 0x089,        VMEXIT_MONITOR = 0x08a,
	VMEXIT_MWAIT = 0x08b,         VMEXIT_MWAIT_ARMED = 0x08c,   VMEXIT_XSETBV = 0x08d,
	VMEXIT_RDPRU = 0x08e,         VMEXIT_NPF = 0x400,
};
/* clang-format on */
#define VMEXIT_INVALID (~0ull)

/* EXITINFO1 of IOIO and NPF */
#define IOIO_IN	    BIT(0)
#define IOIO_STRING BIT(2)
#define IOIO_REP    BIT(3)
#define IOIO_SZ8    BIT(4)
#define IOIO_SZ16   BIT(5)
#define NPF_WRITE   BIT(1)
#define NPF_FETCH   BIT(4)
#define NPF_WALK    BIT(33) /* the guest's own table walk */
