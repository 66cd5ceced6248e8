/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor: registers, exceptions, memory, vector state. */
#include "tests/dialect.h"
#include "tests/guests/kit/kit.h"

#define EFER_LME BIT(8)
#define EFER_LMA BIT(10)
#define UNMAPPED 0x8000001000ull /* canonical, beyond the kit's page tables */

TEST(machine_cpuid)
{
	struct cpuid zero = cpuid(0, 0), one = cpuid(1, 0);

	EXPECT(zero.eax >= 1);
	EXPECT(zero.ebx && zero.ecx && zero.edx);
	EXPECT(one.edx & BIT(9)); /* a local APIC */
	EXPECT(cpuid(0x80000000, 0).eax >= 0x80000008);
	EXPECT(cpuid(0x80000001, 0).edx & BIT(29)); /* long mode */
}

TEST(machine_msrs)
{
	u64 efer = rdmsr(MSR_EFER), base = rdmsr(MSR_APIC_BASE), tsc = rdmsr(MSR_TSC);

	EXPECT_EQ(efer & (EFER_LME | EFER_LMA), EFER_LME | EFER_LMA);
	EXPECT_EQ(base & ~0xfffull, APIC_BASE);
	EXPECT_EQ(base & 0x900, 0x900); /* enabled, boot CPU */
	EXPECT_EQ(rdmsr(MSR_PAT), 0x0007040600070406);
	EXPECT(rdtsc() > tsc);
}

TEST(machine_divide_error)
{
	TRY("divl %0", ::"r"(0), "a"(1), "d"(0) : "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_DE);
}

TEST(machine_breakpoint_and_undefined)
{
	TRY("int3", ::: "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_BP);
	TRY("ud2", ::: "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_UD);
	TRY("nop", ::: "memory");
	EXPECT_EQ(trap_vector, TRAP_NONE);
}

TEST(machine_general_protection)
{
	TRY("movl %0, %%ds", ::"r"(0x1000) : "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_GP);
	EXPECT_EQ(trap_error, 0x1000);
}

TEST(machine_page_fault)
{
	TRY("movl %%eax, (%0)", ::"r"(UNMAPPED) : "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_PF);
	EXPECT_EQ(trap_error, 2);
	EXPECT_EQ(trap_cr2, UNMAPPED);
}

TEST(machine_single_step)
{
	TRY("pushfq; orq $0x100, (%%rsp); popfq; nop; nop; nop", ::: "memory", "cc");
	EXPECT_EQ(trap_vector, EXCEPTION_DB);
	EXPECT(trap_dr6 & BIT(14));
}

TEST(machine_breakpoint_register)
{
	u64 none = 0;

	asm volatile("mov %0, %%dr6" ::"r"(none));
	TRY("leaq 8f(%%rip), %%rax; movq %%rax, %%dr0; movq $0x402, %%rax; movq %%rax, %%dr7\n"
	    "8:\tnop",
		::
			: "memory", "rax");
	asm volatile("mov %0, %%dr7" ::"r"(none));
	EXPECT_EQ(trap_vector, EXCEPTION_DB);
	EXPECT_EQ(trap_dr6 & 0xf, 1);
}

/* Each 2 MiB of RAM holds what was written there, and not what was written elsewhere. */
TEST(machine_memory)
{
	u64 first = ALIGN_UP((u64)guest_end, BLOCK_SIZE), last = ram_end() - sizeof(u64);
	bool good = true;

	EXPECT(ram_end() >= MIB(16));
	for (u64 at = first; at < last; at += BLOCK_SIZE)
		*(volatile u64 *)at = ~at;
	for (u64 at = first; at < last; at += BLOCK_SIZE)
		good = good && *(volatile u64 *)at == ~at;
	EXPECT(good);
}

static void sse_on(void)
{
	u64 cr0, cr4;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr0" ::"r"((cr0 & ~BIT(2)) | BIT(1)));
	asm volatile("mov %0, %%cr4" ::"r"(cr4 | BIT(9) | BIT(10)));
}

TEST(machine_vectors_survive)
{
	u64 low = 0x0123456789abcdef, high = 0xfedcba9876543210, got_low, got_high;

	sse_on();
	asm volatile("movq %0, %%xmm3; movq %1, %%xmm15" ::"r"(low), "r"(high));
	for (u32 i = 0; i < 100; i++) {
		cpuid(1, 0);
		in8(0x21);
	}
	pit_wait(20000);
	asm volatile("movq %%xmm3, %0; movq %%xmm15, %1" : "=r"(got_low), "=r"(got_high));
	EXPECT_EQ(got_low, low);
	EXPECT_EQ(got_high, high);
}

TEST(machine_cache_and_tlb_instructions)
{
	TRY("wbinvd; invlpg (%0)", ::"r"(UNMAPPED) : "memory");
	EXPECT_EQ(trap_vector, TRAP_NONE);
}
