/* SPDX-License-Identifier: BSD-2-Clause */
/* How the nucleus sets a CPU up (SDM volume 3, "Control Registers"). */
#include "arch/x86/cpu.h"

#include "arch/x86/seal.h"

struct cpu_features cpu_features __sealed;

void cpu_set_modes(void)
{
	u64 cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE;

	cr0_write(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	if (cpu_features.smep)
		cr4 |= CR4_SMEP;
	if (cpu_features.smap)
		cr4 |= CR4_SMAP;
	if (cpu_features.umip)
		cr4 |= CR4_UMIP;
	if (cpu_features.xsave)
		cr4 |= CR4_OSXSAVE;
	cr4_write(cr4 | (cr4_read() & CR4_VMXE));
	if (cpu_features.xsave)
		xsetbv(0, 1);
	wrmsr(MSR_PAT, PAT_AT_RESET);
}
