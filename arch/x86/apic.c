/* SPDX-License-Identifier: BSD-2-Clause */
/* Drives the machine's local APICs; the I/O APICs are set up in boot. */
#include "arch/x86/apic.h"

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"

#define MSR_X2APIC 0x800

/* Register offsets in the xAPIC page; an x2APIC MSR is 0x800 + offset / 16. */
#define APIC_ID		   0x20
#define APIC_EOI	   0xb0
#define APIC_ICR	   0x300
#define APIC_LVT_TIMER	   0x320
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390

#define LVT_MASKED  BIT(16)
#define ICR_TO_SELF (1u << 18)
#define ICR_PENDING (1u << 12)
#define ICR_ASSERT  (1u << 14)
#define ICR_NMI	    (4u << 8)
#define ICR_INIT    (5u << 8)
#define ICR_STARTUP (6u << 8)

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

u32 apic_id(void)
{
	return apic_page ? apic_read(APIC_ID) >> 24 : apic_read(APIC_ID);
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
