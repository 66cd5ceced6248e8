/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Uses every device of its machine and knows what each has to answer. A round sets all of them up
 * anew, so one is right again as soon as its devices are. Interrupts stay off.
 *
 * Command line: rounds=100 (0: until the hypervisor says that it is enough, which it is asked after
 * each round by HYPERCALL_VULN_ROUND with the number of wrong answers). Prints a line when rounds
 * are limited, at the end.
 */
#include "tests/guests/kit/kit.h"

#define UART	    0x3f8
#define PIC_MASTER  0x20
#define PIC_SLAVE   0xa0
#define PIT	    0x40
#define PIT_COMMAND 0x43
#define KBC_DATA    0x60
#define KBC_STATUS  0x64
#define CMOS	    0x70
#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc
#define PM_TIMER    0x608

static u32 wrong;

static void expect(u32 found, u32 wanted)
{
	wrong += found != wanted;
}

static void cmos(u32 round)
{
	for (u32 i = 0x50; i < 0x54; i++) {
		out8(CMOS, (u8)i);
		out8(CMOS + 1, (u8)(i ^ round));
	}
	for (u32 i = 0x50; i < 0x54; i++) {
		out8(CMOS, (u8)i);
		expect(in8(CMOS + 1), (u8)(i ^ round));
	}
	out8(CMOS, 0x0d);
	expect(in8(CMOS + 1), 0x80); /* valid RAM and time */
}

/* In the loopback mode: what is sent comes back, and the line sees nothing. */
static void uart(u32 round)
{
	u8 byte = (u8)(round * 7);

	out8(UART + 1, 0);
	out8(UART + 4, 0x10);
	out8(UART + 2, 0x07);
	out8(UART + 3, 0x83);
	out8(UART, byte);
	out8(UART + 1, 0);
	expect(in8(UART), byte);
	out8(UART + 3, 0x03);
	out8(UART + 7, byte);
	expect(in8(UART + 7), byte);
	out8(UART, byte);
	expect(in8(UART + 5) & 1, 1);
	expect(in8(UART), byte);
	expect(in8(UART + 5) & 1, 0);
	out8(UART + 4, 0x0b);
}

static void pic(u16 port, u8 vector, u8 cascade, u8 mask)
{
	out8(port, 0x11);
	out8(port + 1, vector);
	out8(port + 1, cascade);
	out8(port + 1, 1);
	out8(port + 1, mask);
	expect(in8(port + 1), mask);
	out8(port, 0x0b);
	expect(in8(port), 0);
	out8(port + 1, 0xff);
	expect(in8(port + 1), 0xff);
}

/* Mode 0 with a count far off: nothing is due while we look. */
static void pit(u32 round)
{
	u16 count;

	out8(PIT_COMMAND, 0x30);
	out8(PIT, (u8)round);
	out8(PIT, 0xf0);
	out8(PIT_COMMAND, 0xe2);
	expect(in8(PIT) & 0x3f, 0x30);
	out8(PIT_COMMAND, 0x00);
	count = in8(PIT);
	count |= (u16)(in8(PIT) << 8);
	expect(count > 0xf000 + (round & 0xff), 0);
}

static void ioapic(u32 round)
{
	expect(ioapic_read(1) >> 16 & 0xff, 23);
	for (u32 pin = 0; pin < 24; pin += 11) {
		ioapic_write(0x11 + 2 * pin, (round + pin) << 24);
		ioapic_write(0x10 + 2 * pin, 0x10000 | (0x30 + pin));
	}
	for (u32 pin = 0; pin < 24; pin += 11) {
		expect(ioapic_read(0x11 + 2 * pin), (round + pin) << 24);
		expect(ioapic_read(0x10 + 2 * pin), 0x10000 | (0x30 + pin));
	}
}

static u32 pci_read(u32 address)
{
	out32(PCI_ADDRESS, 0x80000000 | address);
	return in32(PCI_DATA);
}

static void pci(void)
{
	static u32 id, class;

	if (!id) {
		id = pci_read(0);
		class = pci_read(8);
	}
	expect(pci_read(0), id);
	expect(pci_read(8), class);
	expect(pci_read(29 << 11), ~0u);
}

static void pmtimer(void)
{
	u32 before = in32(PM_TIMER);

	expect((in32(PM_TIMER) - before) & 0x800000, 0);
}

static void kbc(void)
{
	for (u32 i = 0; i < 16 && in8(KBC_STATUS) & 1; i++)
		(void)in8(KBC_DATA);
	out8(KBC_STATUS, 0xaa);
	expect(in8(KBC_STATUS) & 1, 1);
	expect(in8(KBC_DATA), 0x55);
}

static void chores(u32 round)
{
	cmos(round);
	uart(round);
	pic(PIC_MASTER, 0x20, 4, (u8)round);
	pic(PIC_SLAVE, 0x28, 2, (u8)~round);
	pit(round);
	ioapic(round);
	pci();
	pmtimer();
	kbc();
}

u32 guest_main(void)
{
	u64 rounds = argument_number("rounds", 100), bad = 0;

	for (u32 round = 1; !rounds || round <= rounds; round++) {
		wrong = 0;
		chores(round);
		bad += wrong;
		if (!rounds && hypercall(HYPERCALL_VULN_ROUND, wrong, 0, 0) < 0)
			break;
	}
	print("CHORES done, %lu wrong answers\n", bad);
	return bad != 0;
}
