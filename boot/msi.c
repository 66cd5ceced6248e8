/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts by messages: a function writes a vector to the local APIC's address instead of raising
 * a line (PCI Local Bus Specification 3.0, "MSI Capability and Table Structures", "MSI-X Capability
 * and Table Structures"; SDM volume 3, "Message Signalled Interrupts"). One message for each
 * function, to this CPU. Without an IOMMU nothing keeps a function with bus mastering from writing
 * other messages.
 */
#include "boot/pci.h"

#include "arch/x86/percpu.h"

#define AT_STATUS  0x04
#define AT_LIST	   0x34
#define HAS_LIST   BIT(20)
#define CAP_MSI	   0x05
#define CAP_MSIX   0x11
#define CAPS_MAX   48 /* as many as there is room for: a list that goes in a circle ends */
#define CAPS_BEGIN 0x40

/* The first double word of either, with its "Message Control" above 16 bits. */
#define MSI_ENABLE    BIT(16)
#define MSI_MANY      (7u << 20)
#define MSI_64	      BIT(23)
#define MSIX_MASK_ALL BIT(30)
#define MSIX_ENABLE   BIT(31)
#define MSIX_LAST(c)  ((c) >> 16 & 0x7ff)

/* An entry of the table, in double words. */
enum { ENTRY_ADDRESS, ENTRY_HIGH, ENTRY_DATA, ENTRY_CONTROL, ENTRY_WORDS };
#define ENTRY_BYTES (ENTRY_WORDS * 4)

#define MESSAGE_ADDRESS(apic) (0xfee00000u | (apic) << 12)

static u32 find(const struct device *d, u8 kind)
{
	u32 at = pci_read(d->address, AT_STATUS) & HAS_LIST ? pci_read(d->address, AT_LIST) : 0;

	for (u32 n = 0; n < CAPS_MAX; n++) {
		u32 head;

		at &= 0xfc;
		if (at < CAPS_BEGIN)
			return 0;
		head = pci_read(d->address, at);
		if ((u8)head == kind)
			return at;
		at = head >> 8;
	}
	return 0;
}

static bool enable_msi(const struct device *d, u8 vector)
{
	u32 at = find(d, CAP_MSI), head = at ? pci_read(d->address, at) : 0;

	if (!at)
		return false;
	pci_write(d->address, at + 4, MESSAGE_ADDRESS(boot_cpu.apic_id));
	if (head & MSI_64)
		pci_write(d->address, at + 8, 0);
	pci_write(d->address, at + (head & MSI_64 ? 12 : 8), vector);
	pci_write(d->address, at, (head & ~MSI_MANY) | MSI_ENABLE);
	return pci_read(d->address, at) & MSI_ENABLE;
}

/* The table is the nucleus's own: in a driver's hands it would lead anywhere. NULL: it is not in a
 * range that is mapped. */
static volatile u32 *take_table(struct device *d, u32 at, u32 entries)
{
	u32 where = pci_read(d->address, at + 4), offset = where & ~7u;
	struct device_range *r = &d->range[where & 7];

	if ((where & 7) >= DEVICE_RANGES || !r->mapped || offset >= r->len ||
		entries * ENTRY_BYTES > r->len - offset)
		return NULL;
	r->closed = offset;
	r->closed_end = offset + entries * ENTRY_BYTES;
	return (volatile u32 *)(r->mapped + offset);
}

/* All entries but the first stay masked, as they are from power-on. */
static bool enable_msix(struct device *d, u8 vector)
{
	u32 at = find(d, CAP_MSIX), head = at ? pci_read(d->address, at) : 0;
	u32 entries = MSIX_LAST(head) + 1;
	volatile u32 *entry = at ? take_table(d, at, entries) : NULL;

	if (!entry)
		return false;
	pci_write(d->address, at, head | MSIX_ENABLE | MSIX_MASK_ALL);
	for (u32 i = 0; i < entries; i++)
		entry[i * ENTRY_WORDS + ENTRY_CONTROL] = 1;
	entry[ENTRY_ADDRESS] = MESSAGE_ADDRESS(boot_cpu.apic_id);
	entry[ENTRY_HIGH] = 0;
	entry[ENTRY_DATA] = vector;
	entry[ENTRY_CONTROL] = 0;
	pci_write(d->address, at, (head & ~MSIX_MASK_ALL) | MSIX_ENABLE);
	return pci_read(d->address, at) & MSIX_ENABLE;
}

/* An address has room for a CPU's number of eight bits. */
bool msi_enable(struct device *d, u8 vector)
{
	return boot_cpu.apic_id <= 0xff && (enable_msi(d, vector) || enable_msix(d, vector));
}
