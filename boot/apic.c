/* SPDX-License-Identifier: BSD-2-Clause */
/* Switches a CPU's local APIC on (SDM volume 3, "Advanced Programmable Interrupt Controller"). */
#include "arch/x86/apic.h"

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"

#define APIC_ID		  0x20
#define APIC_TPR	  0x80
#define APIC_SVR	  0xf0
#define APIC_LVT_LINT0	  0x350
#define APIC_LVT_LINT1	  0x360
#define APIC_LVT_ERROR	  0x370
#define APIC_TIMER_DIVIDE 0x3e0
#define APIC_BASE_ENABLE  BIT(11)
#define APIC_BASE_X2APIC  BIT(10)
#define LVT_NMI		  (4u << 8)
#define SVR_ENABLE	  BIT(8)
#define DIVIDE_BY_1	  0xb
#define APIC_LVT_TIMER	  0x320
#define LVT_MASKED	  BIT(16)

static int enable(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	if (!(cpuid(1, 0).edx & BIT(9)))
		return -ENODEV;
	if (cpu_features.x2apic || (base & APIC_BASE_X2APIC)) { /* firmware may have locked it on */
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
		return 0;
	}
	wrmsr(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
	if (!apic_page)
		apic_page = host_map(HPA(base & 0xffffff000), PAGE_SIZE, PROT_RW | PROT_UNCACHED);
	return apic_page ? 0 : -ENOMEM;
}

int apic_init(void)
{
	int err = enable();

	if (err)
		return err;
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_LVT_LINT0, LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	apic_write(APIC_LVT_ERROR, LVT_MASKED);
	apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
	this_cpu(apic_id) = apic_page ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
	return 0;
}
