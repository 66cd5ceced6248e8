/* SPDX-License-Identifier: BSD-2-Clause */
/* XSAVE where the CPU has it, else FXSAVE. Areas hold every component that any guest may enable. */
#include "arch/x86/fpu.h"

#include "arch/x86/cpu.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"

#define FXSAVE_SIZE    512
#define FCW_OFFSET     0
#define MXCSR_OFFSET   24
#define FCW_AT_RESET   0x37f
#define MXCSR_AT_RESET 0x1f80

u32 fpu_pages(void)
{
	return PAGES_FOR(cpu_features.xsave ? cpu_features.xsave_size : FXSAVE_SIZE);
}

void *fpu_alloc(void)
{
	void *area = pages_alloc(fpu_pages(), FRAME_DATA);

	if (area)
		fpu_reset(area);
	return area;
}

void fpu_free(void *area)
{
	if (area)
		pages_free(area, fpu_pages());
}

void fpu_reset(void *area)
{
	memset(area, 0, fpu_pages() * PAGE_SIZE);
	*(u16 *)((u8 *)area + FCW_OFFSET) = FCW_AT_RESET;
	*(u32 *)((u8 *)area + MXCSR_OFFSET) = MXCSR_AT_RESET;
	if (cpu_features.xsave)
		*(u64 *)((u8 *)area + FXSAVE_SIZE) = 3; /* XSTATE_BV: x87 and SSE are in the area */
}

/* The host itself has no use for the FPU: only here it is open (cpu_set_modes). */
static void close(void)
{
	cr0_write(cr0_read() | CR0_TS);
}

void fpu_save(void *area)
{
	clts();
	if (cpu_features.xsave) {
		xsetbv(0, cpu_features.xcr0_supported);
		asm volatile("xsave64 (%0)" ::"r"(area), "a"(~0u), "d"(~0u) : "memory");
	} else {
		asm volatile("fxsave64 (%0)" ::"r"(area) : "memory");
	}
	close();
}

void fpu_load(const void *area, u64 xcr0)
{
	clts();
	if (cpu_features.xsave) {
		xsetbv(0, cpu_features.xcr0_supported);
		asm volatile("xrstor64 (%0)" ::"r"(area), "a"(~0u), "d"(~0u) : "memory");
		xsetbv(0, xcr0);
	} else {
		asm volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
	}
	close();
}
