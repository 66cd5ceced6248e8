/* SPDX-License-Identifier: BSD-2-Clause */
/* What only KungFuVisor promises: its signature, its hypercalls, and what it does not offer. */
#include "tests/dialect.h"
#include "tests/guests/kit/kit.h"

#define EFER_SVME	BIT(12)
#define MSR_VM_HSAVE_PA 0xc0010117

TEST(kfv_signature)
{
	EXPECT(hypervisor_present());
	EXPECT(cpuid(HYPERCALL_CPUID_LEAF, 0).eax >= HYPERCALL_CPUID_LEAF);
}

TEST(kfv_offers_no_virtualisation)
{
	u64 efer = rdmsr(MSR_EFER) | EFER_SVME;

	EXPECT_EQ(cpuid(1, 0).ecx & BIT(5), 0);
	EXPECT_EQ(cpuid(0x80000001, 0).ecx & BIT(2), 0);
	TRY("wrmsr", ::"c"(MSR_EFER), "a"((u32)efer), "d"((u32)(efer >> 32)) : "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_GP);
}

#define EXPECT_UNDEFINED(bytes)                                                                    \
	do {                                                                                       \
		TRY(".byte " bytes, ::"a"(0x1000) : "memory");                                     \
		EXPECT_EQ(trap_vector, EXCEPTION_UD);                                              \
	} while (0)

TEST(kfv_svm_instructions_are_undefined)
{
	EXPECT_UNDEFINED("0x0f, 0x01, 0xd8"); /* vmrun */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xda"); /* vmload */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xdb"); /* vmsave */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xdc"); /* stgi */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xdd"); /* clgi */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xde"); /* skinit */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xdf"); /* invlpga */
}

TEST(kfv_vmx_instructions_are_undefined)
{
	EXPECT_UNDEFINED("0xf3, 0x0f, 0xc7, 0x30"); /* vmxon (%rax) */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xc2");	    /* vmlaunch */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xc3");	    /* vmresume */
	EXPECT_UNDEFINED("0x0f, 0x01, 0xc4");	    /* vmxoff */
	EXPECT_UNDEFINED("0x0f, 0xc7, 0x30");	    /* vmptrld (%rax) */
}

static void expect_no_msr(u32 msr)
{
	TRY("rdmsr", ::"c"(msr) : "rax", "rdx", "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_GP);
	EXPECT_EQ(trap_error, 0);
	TRY("wrmsr", ::"c"(msr), "a"(0), "d"(0) : "memory");
	EXPECT_EQ(trap_vector, EXCEPTION_GP);
}

TEST(kfv_unknown_msrs_fault)
{
	expect_no_msr(0xdeadbeef);
	expect_no_msr(0x12345);
	expect_no_msr(MSR_VM_HSAVE_PA);
}

TEST(kfv_hypercalls)
{
	static const char text[] = "# written by hypercall\n";

	EXPECT_EQ(hypercall(HYPERCALL_NOP, 0, 0, 0), HYPERCALL_VERSION);
	EXPECT_EQ(hypercall(HYPERCALL_YIELD, 0, 0, 0), 0);
	EXPECT_EQ(hypercall(0x999, 0, 0, 0), -ENOSYS);
	EXPECT_EQ(hypercall(~0ull, 0, 0, 0), -ENOSYS);
	EXPECT_EQ(hypercall(HYPERCALL_CONSOLE_WRITE, (u64)text, sizeof(text) - 1, 0),
		sizeof(text) - 1);
	EXPECT(hypercall(HYPERCALL_CONSOLE_WRITE, (u64)text, HYPERCALL_CONSOLE_MAX + 1, 0) < 0);
	EXPECT(hypercall(HYPERCALL_CONSOLE_WRITE, 0xfffffffffffff000, 16, 0) < 0);
	EXPECT(hypercall(HYPERCALL_CONSOLE_WRITE, 0xfee00000, 16, 0) < 0);
}

TEST(kfv_hypercall_keeps_registers)
{
	u64 a = HYPERCALL_NOP, b = 11, c = 12, d = 13, s = 14;

	if (cpu_is_amd())
		asm volatile("vmmcall" : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s)::"memory");
	else
		asm volatile("vmcall" : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s)::"memory");
	EXPECT(b == 11 && c == 12 && d == 13 && s == 14);
}

TEST(kfv_time_agrees)
{
	s64 before = hypercall(HYPERCALL_TIME_NS, 0, 0, 0), after;

	pit_wait(20000);
	after = hypercall(HYPERCALL_TIME_NS, 0, 0, 0);
	EXPECT(before > 0);
	EXPECT(after - before >= 19000000);
	EXPECT(after - before <= 500000000);
}
