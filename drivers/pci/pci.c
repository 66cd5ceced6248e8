/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PCI's configuration space by mechanism #1 (PCI Local Bus Specification, "Configuration Space
 * Access Mechanism #1" and "Configuration Space Organization"). Bus 0 has a host bridge in slot 0;
 * each other slot is a driver of its own, asked on the communication bus, and where there is none
 * all ones are read. The chipset's reset control register lies among the ports, as byte 0xcf9.
 */
#include "drivers/api/driver.h"
#include "drivers/api/machine.h"

#define ADDRESS_PORT 0xcf8
#define DATA	     4 /* offset of the data window; the address is at 0 */
#define RESET	     (MACHINE_RESET_PORT - ADDRESS_PORT)

#define ADDRESS_ENABLE	 BIT(31)
#define ADDRESS_BITS	 0x80fffffc
#define ADDRESS_REGISTER 0xfc

#define RESET_HARD BIT(1)
#define RESET_CPU  BIT(2) /* as it becomes 1, the machine starts anew */
#define RESET_BITS 0x0e

/* The bridge's configuration space up to here; the rest reads as zero. */
#define HEADER_WORDS 16

#define CLASS_HOST_BRIDGE 0x06000000
#define NOBODY		  UINT32_MAX

static const u32 bridge_header[HEADER_WORDS] = { [0] = 0x00081b36, [2] = CLASS_HOST_BRIDGE };
static const u32 bridge_writable[HEADER_WORDS] = { [1] = 0x0107, [3] = 0xff, [15] = 0xff };

struct pci {
	u32 address;
	u8 reset;
	u32 bridge[HEADER_WORDS];
};

/* The slot that the address register names, or NOBODY: one bus, one function in each. */
static u32 selected(const struct pci *p)
{
	u32 bdf = p->address >> 8 & 0xffff;

	if (!(p->address & ADDRESS_ENABLE) || (bdf & 7) || bdf >> 3 >= MACHINE_SLOTS)
		return NOBODY;
	return bdf >> 3;
}

static u32 read_config(const struct pci *p)
{
	u32 slot = selected(p), offset = p->address & ADDRESS_REGISTER;

	if (slot == NOBODY)
		return UINT32_MAX;
	if (slot)
		return (u32)l2_call(PEER_FUNCTION + slot, BUS_CONFIG_READ, offset, 0);
	return offset / 4 < HEADER_WORDS ? p->bridge[offset / 4] : 0;
}

/* `mask`: the bytes that are written. */
static void write_config(struct pci *p, u32 value, u32 mask)
{
	u32 slot = selected(p), offset = p->address & ADDRESS_REGISTER, word = offset / 4;

	if (slot && slot != NOBODY)
		l2_call(PEER_FUNCTION + slot, BUS_CONFIG_WRITE, offset, (u64)mask << 32 | value);
	if (slot || word >= HEADER_WORDS)
		return;
	mask &= bridge_writable[word];
	p->bridge[word] = (p->bridge[word] & ~mask) | (value & mask);
}

static void write_reset(struct pci *p, u8 value)
{
	bool rising = (value & RESET_CPU) && !(p->reset & RESET_CPU);

	p->reset = value & RESET_BITS;
	if (rising)
		l2_call(PEER_VM, BUS_POWER, POWER_REBOOT, value & RESET_HARD);
}

/* The address register is a double word only; smaller accesses to it are other devices'. */
static u64 pci_read(void *state, u32 region, u32 offset, u32 width)
{
	struct pci *p = state;
	u64 ones = width == 8 ? UINT64_MAX : BIT(8 * width) - 1;

	(void)region;
	if (offset >= DATA)
		return (u64)read_config(p) >> 8 * (offset - DATA) & ones;
	if (offset == 0 && width == 4)
		return p->address;
	return offset == RESET && width == 1 ? p->reset : ones;
}

static void pci_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	struct pci *p = state;
	u32 shift = 8 * (offset - DATA);

	(void)region;
	if (offset >= DATA)
		write_config(p, (u32)value << shift, (u32)(BIT(8 * width) - 1) << shift);
	else if (offset == 0 && width == 4)
		p->address = value & ADDRESS_BITS;
	else if (offset == RESET && width == 1)
		write_reset(p, value);
}

static void reset(struct pci *p)
{
	p->address = 0;
	p->reset = 0;
	for (u32 word = 0; word < HEADER_WORDS; word++)
		p->bridge[word] = bridge_header[word];
}

static void pci_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

static u64 pci_call(void *state, u32 fn, u64 a, u64 b)
{
	(void)a, (void)b;
	if (fn != BUS_RESET)
		return BUS_NO_PEER;
	reset(state);
	return 0;
}

static const struct driver pci_driver = {
	.name = "pci",
	.role = PEER_COUNT,
	.state_size = sizeof(struct pci),
	/* The VM, and every function. */
	.grants = GRANT_PEER(PEER_VM) | (GRANT_PEER(PEER_COUNT) - GRANT_PEER(PEER_FUNCTION)),
	.regions = { { REGION_PORT, ADDRESS_PORT, 8 } },
	.start = pci_start,
	.read = pci_read,
	.write = pci_write,
	.call = pci_call,
};
DRIVER_REGISTER(pci_driver);
