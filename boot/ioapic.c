/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APICs, masked but for the lines that the hypervisor itself takes, and the PIC, masked for
 * good ("82093AA I/O Advanced Programmable Interrupt Controller"; "8259A Programmable Interrupt
 * Controller").
 */
#include "boot/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"

#define IOAPIC_SELECT	   0
#define IOAPIC_WINDOW	   4 /* in 32-bit words */
#define IOAPIC_VERSION	   1
#define IOAPIC_REDIRECT(n) (0x10 + 2 * (n))
#define REDIRECT_LOW	   BIT(13)
#define REDIRECT_LEVEL	   BIT(15)
#define REDIRECT_MASKED	   BIT(16)

static volatile u32 *ioapics[ACPI_IOAPICS]; /* (c) */

static u32 ioapic_read(u32 unit, u32 reg)
{
	ioapics[unit][IOAPIC_SELECT] = reg;
	return ioapics[unit][IOAPIC_WINDOW];
}

static void ioapic_write(u32 unit, u32 reg, u32 value)
{
	ioapics[unit][IOAPIC_SELECT] = reg;
	ioapics[unit][IOAPIC_WINDOW] = value;
}

static u32 pins(u32 unit)
{
	return ((ioapic_read(unit, IOAPIC_VERSION) >> 16) & 0xff) + 1;
}

/* 8259A: initialised so that a spurious interrupt lands on a vector of its own, then masked. */
static void mask_pic(void)
{
	static const u8 script[][2] = {
		{ 0x20, 0x11 },
		{ 0xa0, 0x11 },
		{ 0x21, VECTOR_ISA },
		{ 0xa1, VECTOR_ISA + 8 },
		{ 0x21, 4 },
		{ 0xa1, 2 },
		{ 0x21, 1 },
		{ 0xa1, 1 },
		{ 0x21, 0xff },
		{ 0xa1, 0xff },
	};

	for (u32 i = 0; i < ARRAY_LEN(script); i++)
		out8(script[i][0], script[i][1]);
}

int ioapic_init(void)
{
	mask_pic();
	for (u32 u = 0; u < acpi.nioapics; u++) {
		ioapics[u] =
			host_map(HPA(acpi.ioapic[u].address), PAGE_SIZE, PROT_RW | PROT_UNCACHED);
		if (!ioapics[u])
			return -ENOMEM;
		for (u32 p = 0; p < pins(u); p++)
			ioapic_write(u, IOAPIC_REDIRECT(p), REDIRECT_MASKED);
	}
	return acpi.nioapics ? 0 : -ENODEV;
}

int ioapic_route_isa(u8 line, u8 vector)
{
	u32 gsi = line, entry = vector;

	for (u32 i = 0; i < acpi.noverrides; i++) {
		if (acpi.override[i].isa_line != line)
			continue;
		gsi = acpi.override[i].gsi;
		entry |= (acpi.override[i].flags & 3) == 3 ? REDIRECT_LOW : 0;
		entry |= (acpi.override[i].flags >> 2 & 3) == 3 ? REDIRECT_LEVEL : 0;
	}
	for (u32 u = 0; u < acpi.nioapics; u++) {
		u32 pin = gsi - acpi.ioapic[u].gsi_base;

		if (gsi < acpi.ioapic[u].gsi_base || pin >= pins(u))
			continue;
		ioapic_write(u, IOAPIC_REDIRECT(pin) + 1, boot_cpu.apic_id << 24);
		ioapic_write(u, IOAPIC_REDIRECT(pin), entry);
		return 0;
	}
	return -ENOENT;
}
