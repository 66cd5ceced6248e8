/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives the machine's local APICs; the I/O APICs are set up in boot. */
#include "arch/x86/apic.h"

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"

#define MSR_X2APIC 0x800

/* Register offsets in the xAPIC page; an x2APIC MSR is 0x800 + offset / 16. */
#define APIC_EOI	   0xb0
#define APIC_ICR	   0x300
#define APIC_LVT_TIMER	   0x320
#define APIC_TIMER_INITIAL 0x380

#define LVT_MASKED  BIT(16)
#define ICR_TO_SELF (1u << 18)
#define ICR_PENDING (1u << 12)
#define ICR_ASSERT  (1u << 14)

volatile u32 *apic_page; /* (c) NULL: x2APIC */

u32 apic_read(u32 reg)
{
	return apic_page ? apic_page[reg / 4] : (u32)rdmsr(MSR_X2APIC + reg / 16);
}

void apic_write(u32 reg, u32 value)
{
	if (apic_page)
		apic_page[reg / 4] = value;
	else
		wrmsr(MSR_X2APIC + reg / 16, value);
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

void apic_timer_now(void)
{
	apic_write(APIC_ICR, ICR_TO_SELF | VECTOR_TIMER);
}

/* An x2APIC has the destination in the upper half of one MSR, and nothing to wait for. */
void apic_send(u32 apic_id, u32 what)
{
	u32 command = ICR_ASSERT | what;

	if (!apic_page) {
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
