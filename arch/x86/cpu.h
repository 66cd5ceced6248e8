/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The CPU's registers, model-specific registers and the instructions that C has no words for
 * (SDM volume 3, "System Architecture Overview" and volume 4; APM volume 2, "System Resources").
 */
#pragma once

#include "core/lib/types.h"

#define CR0_PE BIT(0)
#define CR0_MP BIT(1)
#define CR0_TS BIT(3)
#define CR0_ET BIT(4)
#define CR0_NE BIT(5)
#define CR0_WP BIT(16)
#define CR0_NW BIT(29)
#define CR0_CD BIT(30)
#define CR0_PG BIT(31)

#define CR4_VME	       BIT(0)
#define CR4_PVI	       BIT(1)
#define CR4_TSD	       BIT(2)
#define CR4_DE	       BIT(3)
#define CR4_PSE	       BIT(4)
#define CR4_PAE	       BIT(5)
#define CR4_MCE	       BIT(6)
#define CR4_PGE	       BIT(7)
#define CR4_PCE	       BIT(8)
#define CR4_OSFXSR     BIT(9)
#define CR4_OSXMMEXCPT BIT(10)
#define CR4_UMIP       BIT(11)
#define CR4_LA57       BIT(12)
#define CR4_VMXE       BIT(13)
#define CR4_FSGSBASE   BIT(16)
#define CR4_PCIDE      BIT(17)
#define CR4_OSXSAVE    BIT(18)
#define CR4_SMEP       BIT(20)
#define CR4_SMAP       BIT(21)

#define EFER_SCE   BIT(0)
#define EFER_LME   BIT(8)
#define EFER_LMA   BIT(10)
#define EFER_NXE   BIT(11)
#define EFER_SVME  BIT(12)
#define EFER_LMSLE BIT(13)
#define EFER_FFXSR BIT(14)

#define RFLAGS_FIXED BIT(1)
#define RFLAGS_TF    BIT(8)
#define RFLAGS_IF    BIT(9)
#define RFLAGS_DF    BIT(10)
#define RFLAGS_RF    BIT(16)
#define RFLAGS_VM    BIT(17)

#define MSR_TSC		    0x10
#define MSR_APIC_BASE	    0x1b
#define MSR_FEATURE_CONTROL 0x3a
#define MSR_BIOS_SIGN_ID    0x8b
#define MSR_MTRRCAP	    0xfe
#define MSR_SYSENTER_CS	    0x174
#define MSR_SYSENTER_ESP    0x175
#define MSR_SYSENTER_EIP    0x176
#define MSR_MCG_CAP	    0x179
#define MSR_MCG_STATUS	    0x17a
#define MSR_MISC_ENABLE	    0x1a0
#define MSR_DEBUGCTL	    0x1d9
#define MSR_PAT		    0x277
#define MSR_MTRR_DEF_TYPE   0x2ff
#define MSR_EFER	    0xc0000080
#define MSR_STAR	    0xc0000081
#define MSR_LSTAR	    0xc0000082
#define MSR_CSTAR	    0xc0000083
#define MSR_SFMASK	    0xc0000084
#define MSR_FS_BASE	    0xc0000100
#define MSR_GS_BASE	    0xc0000101
#define MSR_KERNEL_GS_BASE  0xc0000102
#define MSR_TSC_AUX	    0xc0000103
#define MSR_AMD_SYSCFG	    0xc0010010
#define MSR_AMD_HWCR	    0xc0010015
#define MSR_AMD_NB_CFG	    0xc001001f
#define MSR_AMD_DE_CFG	    0xc0011029
#define MSR_VM_CR	    0xc0010114
#define MSR_VM_HSAVE_PA	    0xc0010117

#define PAT_AT_RESET 0x0007040600070406ull

/* clang-format off */
enum {
	VECTOR_DB = 1,      VECTOR_NMI = 2,     VECTOR_BP = 3,      VECTOR_OF = 4,
	VECTOR_UD = 6,      VECTOR_DF = 8,      VECTOR_TS = 10,     VECTOR_SS = 12,
	VECTOR_GP = 13,     VECTOR_PF = 14,     VECTOR_AC = 17,     VECTOR_MC = 18,
};
/* clang-format on */

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid c;
	asm volatile("cpuid"
		     : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx)
		     : "a"(leaf), "c"(subleaf));
	return c;
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;
	asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return lo | ((u64)hi << 32);
}

static inline void wrmsr(u32 msr, u64 value)
{
	asm volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

/* -EFAULT where the CPU answers with #GP. */
int __must_check rdmsr_safe(u32 msr, u64 *value);
int __must_check wrmsr_safe(u32 msr, u64 value);

static inline u64 rdtsc(void)
{
	u64 lo, hi; /* the CPU clears the upper halves */

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | hi << 32;
}

#define CR_ACCESSORS(n)                                                                            \
	static inline u64 cr##n##_read(void)                                                       \
	{                                                                                          \
		u64 v;                                                                             \
		asm volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory");                            \
		return v;                                                                          \
	}                                                                                          \
	static inline void cr##n##_write(u64 v)                                                    \
	{                                                                                          \
		asm volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                               \
	}
CR_ACCESSORS(0)
CR_ACCESSORS(2)
CR_ACCESSORS(3)
CR_ACCESSORS(4)
#undef CR_ACCESSORS

#define DR_ACCESSORS(n)                                                                            \
	static inline u64 dr##n##_read(void)                                                       \
	{                                                                                          \
		u64 v;                                                                             \
		asm volatile("mov %%db" #n ", %0" : "=r"(v));                                      \
		return v;                                                                          \
	}                                                                                          \
	static inline void dr##n##_write(u64 v)                                                    \
	{                                                                                          \
		asm volatile("mov %0, %%db" #n ::"r"(v));                                          \
	}
DR_ACCESSORS(0)
DR_ACCESSORS(1)
DR_ACCESSORS(2)
DR_ACCESSORS(3)
DR_ACCESSORS(6)
#undef DR_ACCESSORS

static inline void invlpg(u64 va)
{
	asm volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline u64 xgetbv(u32 index)
{
	u32 low, high;

	asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(index));
	return (u64)high << 32 | low;
}

static inline void xsetbv(u32 index, u64 value)
{
	asm volatile("xsetbv" ::"c"(index), "a"((u32)value), "d"((u32)(value >> 32)));
}

static inline void wbinvd(void)
{
	asm volatile("wbinvd" ::: "memory");
}

static inline void clts(void)
{
	asm volatile("clts");
}

static inline void irq_off(void)
{
	asm volatile("cli" ::: "memory");
}

static inline void cpu_relax(void)
{
	asm volatile("pause" ::: "memory");
}

/* The CPU as a whole: found once at boot by cpu_identify(). */
struct cpu_features {
	char vendor[13];
	char brand[49];
	bool amd, intel;
	bool hypervisor; /* that this machine itself runs on */
	bool xsave, smep, smap, umip, pages_1g, x2apic, invariant_tsc, rdtscp, rdrand;
	u8 physical_bits;
	u32 max_leaf, max_extended;
	u64 xcr0_supported;
	u32 xsave_size;
};
extern struct cpu_features cpu_features; /* (c) after cpu_identify() */

/* RDRAND (SDM volume 2); false: it has none to give, or is hidden. */
static inline bool cpu_random(u64 *out)
{
	bool given = false;

	for (u32 i = 0; cpu_features.rdrand && !given && i < 10; i++)
		asm volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(given)::"cc");
	return given;
}

void cpu_identify(void);
/*
 * Boot option hide=NAME,NAME: features that the machine is to do without although it has them, for
 * tests of what happens then; '-' stands for a space. Those of the CPU are gone from cpu_features
 * afterwards, the back ends ask for theirs.
 */
void cpu_hide(const char *list);
bool cpu_hidden(const char *name);
/* CR0, CR4 and the MSRs of system calls as the nucleus wants them: WP, TS, SMEP, SMAP, UMIP. */
void cpu_set_modes(void);
