/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual-machine control structure: every field in one table that is also printed (SDM volume
 * 3, appendix B "Field Encoding in VMCS"), the bits of its control fields ("Virtual Machine Control
 * Structures") and the exit reasons (appendix C "VMX Basic Exit Reasons").
 */
#pragma once

#include "core/lib/types.h"

/* clang-format off */
/* X(name, encoding). A segment's four fields are 2 apart in the order of enum hv_segment. */
#define VMCS_CONTROL_FIELDS(X) \
	X(VPID, 0x0000)                             X(IO_BITMAP_A, 0x2000) \
	X(IO_BITMAP_B, 0x2002)                      X(MSR_BITMAP, 0x2004) \
	X(EXIT_MSR_STORE_ADDRESS, 0x2006)           X(EXIT_MSR_LOAD_ADDRESS, 0x2008) \
	X(ENTRY_MSR_LOAD_ADDRESS, 0x200a)           X(TSC_OFFSET, 0x2010) \
	X(EPT_POINTER, 0x201a)                      X(PIN_CONTROLS, 0x4000) \
	X(PROC_CONTROLS, 0x4002)                    X(EXCEPTION_BITMAP, 0x4004) \
	X(PAGE_FAULT_MASK, 0x4006)                  X(PAGE_FAULT_MATCH, 0x4008) \
	X(CR3_TARGET_COUNT, 0x400a)                 X(EXIT_CONTROLS, 0x400c) \
	X(EXIT_MSR_STORE_COUNT, 0x400e)             X(EXIT_MSR_LOAD_COUNT, 0x4010) \
	X(ENTRY_CONTROLS, 0x4012)                   X(ENTRY_MSR_LOAD_COUNT, 0x4014) \
	X(ENTRY_INTR_INFO, 0x4016)                  X(ENTRY_ERROR_CODE, 0x4018) \
	X(ENTRY_INSN_LEN, 0x401a)                   X(PROC2_CONTROLS, 0x401e) \
	X(PLE_GAP, 0x4020)                          X(PLE_WINDOW, 0x4022) \
	X(CR0_MASK, 0x6000)                         X(CR4_MASK, 0x6002) \
	X(CR0_SHADOW, 0x6004)                       X(CR4_SHADOW, 0x6006)

#define VMCS_EXIT_FIELDS(X) \
	X(GUEST_PHYSICAL_ADDRESS, 0x2400)           X(VM_INSTRUCTION_ERROR, 0x4400) \
	X(EXIT_REASON, 0x4402)                      X(EXIT_INTR_INFO, 0x4404) \
	X(EXIT_ERROR_CODE, 0x4406)                  X(IDT_VECTORING_INFO, 0x4408) \
	X(IDT_VECTORING_ERROR_CODE, 0x440a)         X(EXIT_INSN_LEN, 0x440c) \
	X(EXIT_INSN_INFO, 0x440e)                   X(EXIT_QUALIFICATION, 0x6400) \
	X(GUEST_LINEAR_ADDRESS, 0x640a)

#define SEGMENT_FIELDS(X, name, n) \
	X(GUEST_##name##_SELECTOR, 0x0800 + 2 * n)  X(GUEST_##name##_LIMIT, 0x4800 + 2 * n) \
	X(GUEST_##name##_RIGHTS, 0x4814 + 2 * n)    X(GUEST_##name##_BASE, 0x6806 + 2 * n)

#define VMCS_GUEST_FIELDS(X) \
	SEGMENT_FIELDS(X, ES, 0)                    SEGMENT_FIELDS(X, CS, 1) \
	SEGMENT_FIELDS(X, SS, 2)                    SEGMENT_FIELDS(X, DS, 3) \
	SEGMENT_FIELDS(X, FS, 4)                    SEGMENT_FIELDS(X, GS, 5) \
	SEGMENT_FIELDS(X, LDTR, 6)                  SEGMENT_FIELDS(X, TR, 7) \
	X(VMCS_LINK_POINTER, 0x2800)                X(GUEST_DEBUGCTL, 0x2802) \
	X(GUEST_PAT, 0x2804)                        X(GUEST_EFER, 0x2806) \
	X(GUEST_PDPTE0, 0x280a)                     X(GUEST_PDPTE1, 0x280c) \
	X(GUEST_PDPTE2, 0x280e)                     X(GUEST_PDPTE3, 0x2810) \
	X(GUEST_GDTR_LIMIT, 0x4810)                 X(GUEST_IDTR_LIMIT, 0x4812) \
	X(GUEST_INTERRUPTIBILITY, 0x4824)           X(GUEST_ACTIVITY, 0x4826) \
	X(GUEST_SYSENTER_CS, 0x482a)                X(PREEMPTION_TIMER, 0x482e) \
	X(GUEST_CR0, 0x6800)                        X(GUEST_CR3, 0x6802) \
	X(GUEST_CR4, 0x6804)                        X(GUEST_GDTR_BASE, 0x6816) \
	X(GUEST_IDTR_BASE, 0x6818)                  X(GUEST_DR7, 0x681a) \
	X(GUEST_RSP, 0x681c)                        X(GUEST_RIP, 0x681e) \
	X(GUEST_RFLAGS, 0x6820)                     X(GUEST_PENDING_DEBUG, 0x6822) \
	X(GUEST_SYSENTER_ESP, 0x6824)               X(GUEST_SYSENTER_EIP, 0x6826)

#define VMCS_HOST_FIELDS(X) \
	X(HOST_ES_SELECTOR, 0x0c00)                 X(HOST_CS_SELECTOR, 0x0c02) \
	X(HOST_SS_SELECTOR, 0x0c04)                 X(HOST_DS_SELECTOR, 0x0c06) \
	X(HOST_FS_SELECTOR, 0x0c08)                 X(HOST_GS_SELECTOR, 0x0c0a) \
	X(HOST_TR_SELECTOR, 0x0c0c)                 X(HOST_PAT, 0x2c00) \
	X(HOST_EFER, 0x2c02)                        X(HOST_SYSENTER_CS, 0x4c00) \
	X(HOST_CR0, 0x6c00)                         X(HOST_CR3, 0x6c02) \
	X(HOST_CR4, 0x6c04)                         X(HOST_FS_BASE, 0x6c06) \
	X(HOST_GS_BASE, 0x6c08)                     X(HOST_TR_BASE, 0x6c0a) \
	X(HOST_GDTR_BASE, 0x6c0c)                   X(HOST_IDTR_BASE, 0x6c0e) \
	X(HOST_SYSENTER_ESP, 0x6c10)                X(HOST_SYSENTER_EIP, 0x6c12) \
	X(HOST_RSP, 0x6c14)                         X(HOST_RIP, 0x6c16)

#define VMCS_FIELDS(X) \
	VMCS_CONTROL_FIELDS(X)                      VMCS_EXIT_FIELDS(X) \
	VMCS_GUEST_FIELDS(X)                        VMCS_HOST_FIELDS(X)

/* clang-format on */

#define X(name, encoding) name = encoding,
enum vmcs_field { VMCS_FIELDS(X) };
#undef X

#define SEGMENT_SELECTOR(seg) (GUEST_ES_SELECTOR + 2 * (seg))
#define SEGMENT_LIMIT(seg)    (GUEST_ES_LIMIT + 2 * (seg))
#define SEGMENT_RIGHTS(seg)   (GUEST_ES_RIGHTS + 2 * (seg))
#define SEGMENT_BASE(seg)     (GUEST_ES_BASE + 2 * (seg))

/* PIN_CONTROLS */
#define PIN_EXTERNAL_INTERRUPT BIT(0)
#define PIN_NMI		       BIT(3)
#define PIN_VIRTUAL_NMI	       BIT(5)
#define PIN_PREEMPTION_TIMER   BIT(6)
/* PROC_CONTROLS */
#define PROC_INTERRUPT_WINDOW BIT(2)
#define PROC_TSC_OFFSET	      BIT(3)
#define PROC_HLT	      BIT(7)
#define PROC_MWAIT	      BIT(10)
#define PROC_RDPMC	      BIT(11)
#define PROC_CR8_LOAD	      BIT(19)
#define PROC_CR8_STORE	      BIT(20)
#define PROC_NMI_WINDOW	      BIT(22)
#define PROC_ALL_IO	      BIT(24)
#define PROC_IO_BITMAPS	      BIT(25)
#define PROC_MTF	      BIT(27)
#define PROC_MSR_BITMAPS      BIT(28)
#define PROC_MONITOR	      BIT(29)
#define PROC_SECONDARY	      BIT(31)
/* PROC2_CONTROLS */
#define PROC2_EPT	   BIT(1)
#define PROC2_RDTSCP	   BIT(3)
#define PROC2_VPID	   BIT(5)
#define PROC2_WBINVD	   BIT(6)
#define PROC2_UNRESTRICTED BIT(7)
#define PROC2_PAUSE_LOOP   BIT(10)
/* EXIT_CONTROLS */
#define EXIT_SAVE_DEBUG	     BIT(2)
#define EXIT_HOST_64	     BIT(9)
#define EXIT_SAVE_PAT	     BIT(18)
#define EXIT_LOAD_PAT	     BIT(19)
#define EXIT_SAVE_EFER	     BIT(20)
#define EXIT_LOAD_EFER	     BIT(21)
#define EXIT_SAVE_PREEMPTION BIT(22)
/* ENTRY_CONTROLS */
#define ENTRY_LOAD_DEBUG BIT(2)
#define ENTRY_GUEST_64	 BIT(9)
#define ENTRY_TO_SMM	 BIT(10)
#define ENTRY_DUAL_SMM	 BIT(11)
#define ENTRY_LOAD_PAT	 BIT(14)
#define ENTRY_LOAD_EFER	 BIT(15)

/* VMX_EPT_VPID_CAP */
#define EPT_CAP_EXEC_ONLY      BIT(0)
#define EPT_CAP_WALK_4	       BIT(6)
#define EPT_CAP_WRITE_BACK     BIT(14)
#define EPT_CAP_2M	       BIT(16)
#define EPT_CAP_1G	       BIT(17)
#define EPT_CAP_INVEPT	       BIT(20)
#define EPT_CAP_AD	       BIT(21)
#define EPT_CAP_INVEPT_SINGLE  BIT(25)
#define EPT_CAP_INVEPT_ALL     BIT(26)
#define EPT_CAP_INVVPID	       BIT(32)
#define EPT_CAP_INVVPID_SINGLE BIT(41)

/* EPT_POINTER and entries */
#define EPT_WRITE_BACK 6
#define EPTP_WALK_4    (3 << 3)
#define EPTP_AD	       BIT(6)

/* ENTRY_INTR_INFO, EXIT_INTR_INFO, IDT_VECTORING_INFO */
#define INTR_TYPE(info)	    (((info) >> 8) & 7)
#define INTR_EXTERNAL	    0u
#define INTR_NMI	    2u
#define INTR_EXCEPTION	    3u
#define INTR_SOFT	    4u
#define INTR_ICEBP	    5u
#define INTR_SOFT_EXCEPTION 6u
#define INTR_ERROR_VALID    BIT(11)
#define INTR_NMI_UNBLOCKED  BIT(12) /* of exits: by the IRET that met the fault */
#define INTR_VALID	    BIT(31)
#define VECTORS_WITH_ERROR  0x00227d00u /* #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP */

/* GUEST_INTERRUPTIBILITY */
#define BLOCKED_BY_STI	  BIT(0)
#define BLOCKED_BY_MOV_SS BIT(1)
#define BLOCKED_BY_NMI	  BIT(3)
#define BLOCKED_BY_SHADOW (BLOCKED_BY_STI | BLOCKED_BY_MOV_SS)

#define RIGHTS_UNUSABLE BIT(16)

/* EXIT_REASON */
/* clang-format off */
enum {
	VMEXIT_EXCEPTION = 0,         VMEXIT_INTERRUPT = 1,         VMEXIT_TRIPLE_FAULT = 2,
	VMEXIT_INIT = 3,              VMEXIT_SIPI = 4,              VMEXIT_INTR_WINDOW = 7,
	VMEXIT_NMI_WINDOW = 8,        VMEXIT_TASK_SWITCH = 9,       VMEXIT_CPUID = 10,
	VMEXIT_GETSEC = 11,           VMEXIT_HLT = 12,              VMEXIT_INVD = 13,
	VMEXIT_INVLPG = 14,           VMEXIT_RDPMC = 15,            VMEXIT_VMCALL = 18,
	VMEXIT_VMCLEAR = 19, /* the first of nine VMX instructions */
	VMEXIT_VMXON = 27, /* the last */
	VMEXIT_CR = 28,               VMEXIT_IO = 30,               VMEXIT_RDMSR = 31,
	VMEXIT_WRMSR = 32,            VMEXIT_MWAIT = 36,            VMEXIT_MTF = 37,
	VMEXIT_MONITOR = 39,          VMEXIT_PAUSE = 40,            VMEXIT_ENTRY_MC = 41,
	VMEXIT_EPT_VIOLATION = 48,    VMEXIT_INVEPT = 50,           VMEXIT_PREEMPT = 52,
	VMEXIT_INVVPID = 53,          VMEXIT_WBINVD = 54,           VMEXIT_XSETBV = 55,
};
/* clang-format on */
#define VMEXIT_ENTRY_FAILED BIT(31)
#define VMEXIT_BASIC	    0xffffu

/* EXIT_QUALIFICATION */
#define IO_SIZE_MASK	  7u
#define IO_IN		  BIT(3)
#define IO_STRING	  BIT(4)
#define IO_REP		  BIT(5)
#define EPT_WRITE	  BIT(1)
#define EPT_FETCH	  BIT(2)
#define EPT_LINEAR_VALID  BIT(7)
#define EPT_AT_TRANSLATED BIT(8) /* the access itself, not the walk of the guest's tables */
