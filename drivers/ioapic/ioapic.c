/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The I/O APIC at 0xfec00000: 24 inputs, each with a redirection entry (Intel, "82093AA I/O
 * Advanced Programmable Interrupt Controller": register descriptions; its EOI register: "ICH9
 * Datasheet", "APIC Memory-Mapped Registers"). Lines come by BUS_LINE as asserted or not, so that
 * an entry's polarity changes nothing; messages leave in the form of an MSI.
 */
#include "drivers/api/driver.h"
#include "drivers/api/machine.h"
#include "drivers/api/planted.h"

#define PINS 24

/* Offsets in the page. */
#define IOREGSEL 0x00
#define IOWIN	 0x10
#define IOEOI	 0x40
#define PAGE_LEN 0x1000

/* Indirect registers; from 0x10 on two for each pin. */
#define REG_ID	  0x00
#define REG_VER	  0x01
#define REG_ARB	  0x02
#define REG_TABLE 0x10
#define VERSION	  0x20 /* the first with an EOI register */
#define ID_BITS	  0x0f000000

#define ENTRY_VECTOR	  0xff
#define ENTRY_MODE	  8 /* shift */
#define ENTRY_LOGICAL	  BIT(11)
#define ENTRY_REMOTE_IRR  BIT(14)
#define ENTRY_LEVEL	  BIT(15)
#define ENTRY_MASKED	  BIT(16)
#define ENTRY_DESTINATION 56 /* shift */
#define ENTRY_WRITABLE	  0xff0000000001afffull

#define MODE_LOWEST 1

#define MSI_ADDRESS	0xfee00000
#define MSI_DESTINATION 12 /* shift */
#define MSI_REDIRECT	BIT(3)
#define MSI_LOGICAL	BIT(2)
#define MSI_LEVEL	BIT(15)
#define MSI_ASSERT	BIT(14)

struct ioapic {
	u32 select, id;
	u32 lines; /* asserted, a bit for each pin */
	u64 entry[PINS];
	u64 messages;
};

static void send(struct ioapic *io, u64 entry)
{
	u32 mode = entry >> ENTRY_MODE & 7;
	u64 address = MSI_ADDRESS | (entry >> ENTRY_DESTINATION) << MSI_DESTINATION;
	u32 data = (entry & ENTRY_VECTOR) | mode << 8;

	if (entry & ENTRY_LOGICAL)
		address |= MSI_LOGICAL;
	if (mode == MODE_LOWEST)
		address |= MSI_REDIRECT;
	if (entry & ENTRY_LEVEL)
		data |= MSI_LEVEL | MSI_ASSERT;
	io->messages++;
	l3_msi(address, data);
}

/* A level that is asserted and not yet in service is sent. */
static void send_level(struct ioapic *io, u32 pin)
{
	u64 e = io->entry[pin];

	if (!(io->lines & BIT(pin)) ||
		(e & (ENTRY_LEVEL | ENTRY_MASKED | ENTRY_REMOTE_IRR)) != ENTRY_LEVEL)
		return;
	io->entry[pin] = e | ENTRY_REMOTE_IRR;
	send(io, e);
}

static void set_line(struct ioapic *io, u32 pin, bool level)
{
	bool before = io->lines & BIT(pin);

	if (level == before)
		return;
	io->lines ^= BIT(pin);
	if (!level)
		return;
	if (io->entry[pin] & ENTRY_LEVEL)
		send_level(io, pin);
	else if (!(io->entry[pin] & ENTRY_MASKED)) /* a masked edge is gone */
		send(io, io->entry[pin]);
}

static void end_of_interrupt(struct ioapic *io, u8 vector)
{
	for (u32 pin = 0; pin < PINS; pin++) {
		if (!(io->entry[pin] & ENTRY_REMOTE_IRR) ||
			(io->entry[pin] & ENTRY_VECTOR) != vector)
			continue;
		io->entry[pin] &= ~ENTRY_REMOTE_IRR;
		send_level(io, pin);
	}
}

static u32 read_window(const struct ioapic *io)
{
	u32 index = io->select - REG_TABLE;

	if (index < 2 * PINS || (planted_trusts_index() && io->select >= REG_TABLE))
		return io->entry[index / 2] >> (index % 2 * 32);
	switch (io->select) {
	case REG_ID:
	case REG_ARB:
		return io->id;
	case REG_VER:
		return VERSION | (PINS - 1) << 16;
	default:
		return 0;
	}
}

/* Turned to edge, an entry forgets its remote IRR: Linux ends interrupts so on old chips. */
static void write_entry(struct ioapic *io, u32 pin, bool high, u32 value)
{
	u64 old = io->entry[pin];
	u64 entry = high ? (u64)value << 32 | (u32)old : (old & ~(u64)UINT32_MAX) | value;

	entry = (entry & ENTRY_WRITABLE) | (old & ENTRY_REMOTE_IRR);
	if (!(entry & ENTRY_LEVEL))
		entry &= ~ENTRY_REMOTE_IRR;
	io->entry[pin] = entry;
	send_level(io, pin);
}

static void write_window(struct ioapic *io, u32 value)
{
	u32 index = io->select - REG_TABLE;

	if (index < 2 * PINS)
		write_entry(io, index / 2, index % 2, value);
	else if (io->select == REG_ID)
		io->id = value & ID_BITS;
	else if (planted_trusts_index() && io->select >= REG_TABLE)
		((u32 *)io->entry)[index] = value;
}

static u64 ioapic_read(void *state, u32 region, u32 offset, u32 width)
{
	const struct ioapic *io = state;

	(void)region;
	if (width > 4)
		return 0;
	if (offset == IOREGSEL)
		return io->select & (BIT(8 * width) - 1);
	return offset == IOWIN ? read_window(io) & (BIT(8 * width) - 1) : 0;
}

/* The window takes whole registers only; the selector and EOI are a byte each. */
static void ioapic_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	struct ioapic *io = state;

	(void)region;
	if (offset == IOREGSEL)
		io->select = (u8)value;
	else if (offset == IOWIN && width == 4)
		write_window(io, value);
	else if (offset == IOEOI)
		end_of_interrupt(io, value);
}

static void reset(struct ioapic *io)
{
	*io = (struct ioapic){ 0 };
	for (u32 pin = 0; pin < PINS; pin++)
		io->entry[pin] = ENTRY_MASKED;
}

static void ioapic_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

/* BUS_INFO: 0 messages sent. */
static u64 ioapic_call(void *state, u32 fn, u64 a, u64 b)
{
	struct ioapic *io = state;

	switch (fn) {
	case BUS_LINE:
		if (a < PINS)
			set_line(io, a, b);
		return 0;
	case BUS_EOI:
		end_of_interrupt(io, a);
		return 0;
	case BUS_RESET:
		reset(io);
		return 0;
	case BUS_INFO:
		return a == 0 ? io->messages : BUS_NO_PEER;
	default:
		return BUS_NO_PEER;
	}
}

static const struct driver ioapic_driver = {
	.name = "ioapic",
	.role = PEER_IOAPIC,
	.state_size = sizeof(struct ioapic),
	.grants = GRANT_MSI,
	.regions = { { REGION_MMIO, MACHINE_IOAPIC, PAGE_LEN } },
	.start = ioapic_start,
	.read = ioapic_read,
	.write = ioapic_write,
	.call = ioapic_call,
};
DRIVER_REGISTER(ioapic_driver);
