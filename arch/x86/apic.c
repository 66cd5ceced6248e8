/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives the machine's local APICs; the I/O APICs are set up in boot/ioapic.c. */
#include "arch/x86/apic.h"

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"

#define APIC_BASE_ENABLE BIT(11)
#define APIC_BASE_X2APIC BIT(10)
#define MSR_X2APIC	 0x800

/* Register offsets in the xAPIC page; an x2APIC MSR is 0x800 + offset / 16. */
#define APIC_ID		   0x20
#define APIC_TPR	   0x80
#define APIC_EOI	   0xb0
#define APIC_SVR	   0xf0
#define APIC_ICR	   0x300
#define APIC_LVT_TIMER	   0x320
#define APIC_LVT_LINT0	   0x350
#define APIC_LVT_LINT1	   0x360
#define APIC_LVT_ERROR	   0x370
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3e0

#define LVT_MASKED  BIT(16)
#define LVT_NMI	    (4u << 8)
#define SVR_ENABLE  BIT(8)
#define ICR_TO_SELF (1u << 18)
#define ICR_PENDING (1u << 12)
#define ICR_ASSERT  (1u << 14)
#define ICR_NMI	    (4u << 8)
#define ICR_INIT    (5u << 8)
#define ICR_STARTUP (6u << 8)
#define DIVIDE_BY_1 0xb

static volatile u32 *xapic; /* (c) NULL: x2APIC */

static u32 apic_read(u32 reg)
{
	return xapic ? xapic[reg / 4] : (u32)rdmsr(MSR_X2APIC + reg / 16);
}

static void apic_write(u32 reg, u32 value)
{
	if (xapic)
		xapic[reg / 4] = value;
	else
		wrmsr(MSR_X2APIC + reg / 16, value);
}

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
	if (!xapic)
		xapic = host_map(HPA(base & 0xffffff000), PAGE_SIZE, PROT_RW | PROT_UNCACHED);
	return xapic ? 0 : -ENOMEM;
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
	this_cpu(apic_id) = apic_id();
	return 0;
}

u32 apic_id(void)
{
	return xapic ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
}

void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void apic_timer_start(u32 ticks)
{
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER | (ticks ? 0 : LVT_MASKED));
	apic_write(APIC_TIMER_INITIAL, ticks);
}

u32 apic_timer_left(void)
{
	return apic_read(APIC_TIMER_CURRENT);
}

void apic_timer_now(void)
{
	apic_write(APIC_ICR, ICR_TO_SELF | VECTOR_TIMER);
}

/* An x2APIC has the destination in the upper half of one MSR, and nothing to wait for. */
static void send(u32 apic_id, u32 command)
{
	if (!xapic) {
		/* SDM, "MSR Access in x2APIC Mode": it would pass stores that it tells of. */
		asm volatile("mfence; lfence" ::: "memory");
		wrmsr(MSR_X2APIC + APIC_ICR / 16, (u64)apic_id << 32 | command);
		return;
	}
	while (apic_read(APIC_ICR) & ICR_PENDING)
		cpu_relax();
	apic_write(APIC_ICR + 0x10, apic_id << 24);
	apic_write(APIC_ICR, command);
}

void apic_send(u32 apic_id, u8 vector)
{
	send(apic_id, ICR_ASSERT | vector);
}

void apic_send_nmi(u32 apic_id)
{
	send(apic_id, ICR_ASSERT | ICR_NMI);
}

void apic_send_init(u32 apic_id)
{
	send(apic_id, ICR_ASSERT | ICR_INIT);
}

void apic_send_startup(u32 apic_id, u8 page)
{
	send(apic_id, ICR_ASSERT | ICR_STARTUP | page);
}
