/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two of these share a CPU, each with a seed of its own: vector registers, MXCSR, debug registers
 * and the MSRs that the hardware does not switch by itself hold what the seed says, turn after
 * turn.
 *
 * Command line: seed=1, rounds=200. Prints "REGISTERS ok <rounds>" and exits with 0, or names what
 * changed and exits with 1.
 */
#include "tests/guests/kit/cpu.h"
#include "tests/guests/kit/hypercall.h"
#include "tests/guests/kit/kit.h"

#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_LSTAR	   0xc0000082
#define SPIN		   20000

static void sse_on(void)
{
	u64 cr0, cr4;

	asm volatile("mov %%cr0, %0" : "=r"(cr0));
	asm volatile("mov %%cr4, %0" : "=r"(cr4));
	asm volatile("mov %0, %%cr0" ::"r"((cr0 & ~BIT(2)) | BIT(1)));
	asm volatile("mov %0, %%cr4" ::"r"(cr4 | BIT(9) | BIT(10)));
}

static u64 pattern(u64 seed, u32 round, u32 which)
{
	return (seed * 0x9e3779b97f4a7c15ull) ^ ((u64)round << 32) ^
	       (which * 0x0101010101010101ull);
}

/* Turns go by: the slice ends by itself in the spin, and the yield gives it away. */
static void let_others_run(void)
{
	for (u32 i = 0; i < SPIN; i++)
		asm volatile("pause" ::: "memory");
	if (hypervisor_present())
		hypercall(HYPERCALL_YIELD, 0, 0, 0);
}

static bool same(const char *what, u64 got, u64 want)
{
	if (got != want)
		print("REGISTERS %s is %lx, not %lx\n", what, got, want);
	return got == want;
}

static bool round_holds(u64 seed, u32 round)
{
	u64 a = pattern(seed, round, 0), b = pattern(seed, round, 15), got_a, got_b, dr0, kernel_gs;
	u32 mxcsr = 0x1f80 | (u32)(seed & 3) << 13, got_mxcsr;
	u64 address = pattern(seed, round, 3) >> 20;

	asm volatile("movq %0, %%xmm0; movq %1, %%xmm15; ldmxcsr %2" ::"r"(a), "r"(b), "m"(mxcsr));
	asm volatile("mov %0, %%db0" ::"r"(address));
	wrmsr(MSR_KERNEL_GS_BASE, address);
	wrmsr(MSR_LSTAR, address + 1);
	let_others_run();
	asm volatile("movq %%xmm0, %0; movq %%xmm15, %1; stmxcsr %2"
		     : "=r"(got_a), "=r"(got_b), "=m"(got_mxcsr));
	asm volatile("mov %%db0, %0" : "=r"(dr0));
	kernel_gs = rdmsr(MSR_KERNEL_GS_BASE);
	return same("xmm0", got_a, a) && same("xmm15", got_b, b) &&
	       same("mxcsr", got_mxcsr, mxcsr) && same("dr0", dr0, address) &&
	       same("kernel gs base", kernel_gs, address) &&
	       same("lstar", rdmsr(MSR_LSTAR), address + 1);
}

u32 guest_main(void)
{
	u64 seed = argument_number("seed", 1);
	u32 rounds = (u32)argument_number("rounds", 200);

	sse_on();
	for (u32 i = 0; i < rounds; i++) {
		if (!round_holds(seed, i))
			return 1;
	}
	print("REGISTERS ok %u\n", rounds);
	return 0;
}
