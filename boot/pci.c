/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the machine's PCI functions once, at boot, by configuration mechanism #1, bus by bus from 0
 * on through the bridges, and measures what they decode (PCI Local Bus Specification,
 * "Configuration Space Organization" and "Base Addresses"; PCI-to-PCI Bridge Architecture
 * Specification, "Bus Number Registers"; PCI IDE Controller Specification).
 */
#include "boot/pci.h"

#include "arch/x86/io.h"
#include "core/l1/device.h"
#include "core/l1/frame.h"

#define FUNCTIONS_MAX 64
#define NOBODY	      0xffff

#define AT_COMMAND 0x04
#define AT_CLASS   0x08
#define AT_HEADER  0x0c
#define AT_BARS	   0x10
#define AT_BUSES   0x18

#define COMMAND_DECODES 3u /* ports and memory */
#define COMMAND_BITS	0xffffu
#define HEADER_TYPE	0x7fu
#define HEADER_BRIDGE	1
#define HEADER_MANY	BIT(23) /* in the double word: more than one function */

#define BAR_PORTS 1u
#define BAR_64	  4u

#define CLASS_IDE    0x0101
#define CLASS_BRIDGE 0x06
#define CLASS_SYSTEM 0x08 /* interrupt controllers and the like: not to be disturbed */
#define IDE_NATIVE   1u	  /* bits of the interface, two for each channel */

#define PCI_ADDRESS 0xcf8
#define PCI_DATA    0xcfc

static u16 found[FUNCTIONS_MAX];

u32 pci_read(u16 address, u32 at)
{
	out32(PCI_ADDRESS, 1u << 31 | (u32)address << 8 | at);
	return in32(PCI_DATA);
}

void pci_write(u16 address, u32 at, u32 value)
{
	out32(PCI_ADDRESS, 1u << 31 | (u32)address << 8 | at);
	out32(PCI_DATA, value);
}

static void scan_bus(u8 bus);

static bool add(u16 address)
{
	u32 header;

	if ((pci_read(address, 0) & 0xffff) == NOBODY)
		return false;
	header = pci_read(address, AT_HEADER) >> 16 & HEADER_TYPE;
	if (device_count < FUNCTIONS_MAX)
		found[device_count++] = address;
	/* Buses behind bridges have higher numbers: that comes to an end. */
	if (header == HEADER_BRIDGE) {
		u8 behind = (u8)(pci_read(address, AT_BUSES) >> 8);

		if (behind > address >> 8)
			scan_bus(behind);
	}
	return true;
}

static void scan_bus(u8 bus)
{
	for (u32 slot = 0; slot < 32; slot++) {
		u16 address = (u16)(bus << 8 | slot << 3);

		if (!add(address) || !(pci_read(address, AT_HEADER) & HEADER_MANY))
			continue;
		for (u32 function = 1; function < 8; function++)
			(void)add((u16)(address | function));
	}
}

/* How much a base address register decodes: its bits that cannot be set. */
static u64 measure(const struct device *d, u32 at, bool wide)
{
	u32 low = pci_read(d->address, at), high = wide ? pci_read(d->address, at + 4) : 0;
	u64 mask;

	pci_write(d->address, at, ~0u);
	mask = pci_read(d->address, at) | (low & BAR_PORTS ? 0xffff0000 : 0) | 0xffffffff00000000;
	pci_write(d->address, at, low);
	if (wide) {
		pci_write(d->address, at + 4, ~0u);
		mask = (mask & 0xffffffff) | (u64)pci_read(d->address, at + 4) << 32;
		pci_write(d->address, at + 4, high);
	}
	mask &= low & BAR_PORTS ? ~3ull : ~15ull;
	return mask ? ~mask + 1 : 0;
}

/* RAM is no register of anybody's, whatever the firmware has set. What is memory is mapped when a
 * driver is given it. */
static void read_bar(struct device *d, u32 *i)
{
	struct device_range *r = &d->range[*i];
	u32 at = AT_BARS + *i * 4, low = d->setup.config[at / 4];
	bool wide = !(low & BAR_PORTS) && (low & BAR_64) && *i + 1 < DEVICE_RANGES;
	u64 base = (low & (low & BAR_PORTS ? ~3u : ~15u)) |
		   (wide ? (u64)d->setup.config[at / 4 + 1] << 32 : 0);
	u64 len = base ? measure(d, at, wide) : 0;

	*i += wide;
	if (!len || frame_owner(HPA(base)) != OWNER_NONE)
		return;
	r->base = base;
	r->len = (u32)MIN(len, BIT(28));
}

bool pci_is_memory(const struct device *d, u32 i)
{
	return d->range[i].len && d->range[i].base > 0xffff;
}

static void read_ide(struct device *d)
{
	static const struct device_range legacy[] = { { .base = 0x1f0, .len = 8 },
		{ .base = 0x3f6, .len = 1 }, { .base = 0x170, .len = 8 },
		{ .base = 0x376, .len = 1 } };

	for (u32 channel = 0; channel < 2; channel++) {
		struct device_range *control = &d->range[2 * channel + 1];

		if (!(d->setup.config[AT_CLASS / 4] >> 8 & IDE_NATIVE << 2 * channel)) {
			d->range[2 * channel] = legacy[2 * channel];
			*control = legacy[2 * channel + 1];
			d->lines |= BIT(14 + channel);
		} else if (control->len >= 4) {
			control->base += 2;
			control->len = 1;
		}
	}
}

static void read_function(struct device *d)
{
	u32 class, command = pci_read(d->address, AT_COMMAND) & COMMAND_BITS;

	for (u32 i = 0; i < ARRAY_LEN(d->setup.config); i++)
		d->setup.config[i] = pci_read(d->address, i * 4);
	class = d->setup.config[AT_CLASS / 4] >> 16;
	if ((d->setup.config[AT_HEADER / 4] >> 16 & HEADER_TYPE) || class >> 8 == CLASS_BRIDGE ||
		class >> 8 == CLASS_SYSTEM)
		return;
	pci_write(d->address, AT_COMMAND, command & ~COMMAND_DECODES);
	for (u32 i = 0; i < DEVICE_RANGES; i++)
		read_bar(d, &i);
	pci_write(d->address, AT_COMMAND, command);
	if (class == CLASS_IDE)
		read_ide(d);
}

int pci_find(void)
{
	scan_bus(0);
	devices = pages_alloc(PAGES_FOR(device_count * sizeof(*devices)), FRAME_DATA);
	if (!devices) {
		device_count = 0;
		return -ENOMEM;
	}
	for (u32 i = 0; i < device_count; i++) {
		devices[i].address = found[i];
		read_function(&devices[i]);
	}
	return 0;
}
