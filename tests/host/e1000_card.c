/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of an e1000. */
#include "tests/host/e1000_card.h"

#include "tests/host/fake_instance.h"

#include <string.h>

enum {
	CTRL = 0x0,
	STATUS = 0x8,
	EERD = 0x14,
	ICR = 0xc0,
	RCTL = 0x100,
	TCTL = 0x400,
	RX = 0x2800,
	TX = 0x3800,
	RAL = 0x5400,
	RAH = 0x5404
};
enum { LOW = 0, HIGH = 4, LEN = 8, HEAD = 0x10, TAIL = 0x18, CTL = 0x28 };
enum { EN = 2, LINK = 2, RXO = 0x40 };

#define RESET  BIT(26)
#define DONE   BIT(32)
#define WHOLE  BIT(33)
#define VALID  BIT(31)
#define MEMORY 0x100000 /* where the fake gate puts it */

struct e1000_card nic;

static u32 *reg(u32 at)
{
	return &nic.reg[at / 4];
}

/* --- memory -------------------------------------------------------------------------------- */

/* What the card sees at an address; NULL, a fault of the driver's: nothing. */
static u8 *memory(u64 at, u64 len)
{
	const struct instance *i = by_name("e1000");
	u64 all = i->driver->device->memory_bytes;

	if (pc.master && at >= MEMORY && at - MEMORY <= all && len <= all - (at - MEMORY))
		return (u8 *)i->memory + (at - MEMORY);
	nic.faults++;
	return NULL;
}

/* The descriptor that is next. */
static u8 *next_descriptor(u32 ring)
{
	u64 base = *reg(ring + LOW) | (u64)*reg(ring + HIGH) << 32;

	return memory(base + *reg(ring + HEAD) * 16ull, 16);
}

static u32 ring_len(u32 ring)
{
	return *reg(ring + LEN) / 16;
}

static void move_on(u32 ring)
{
	*reg(ring + HEAD) = (*reg(ring + HEAD) + 1) % ring_len(ring);
}

/* --- the wire ------------------------------------------------------------------------------ */

void e1000_card_link(bool up)
{
	*reg(STATUS) = (*reg(STATUS) & ~LINK) | (up ? LINK : 0);
}

u32 e1000_card_room(void)
{
	u32 n = ring_len(RX);

	return n ? (*reg(RX + TAIL) + n - *reg(RX + HEAD)) % n : 0;
}

static bool listens(void)
{
	return !nic.gone && (*reg(RCTL) & EN) && (*reg(STATUS) & LINK) && ring_len(RX);
}

bool e1000_card_say(u64 word)
{
	u8 *d;

	if (!listens())
		return false;
	if (!e1000_card_room()) {
		*reg(ICR) |= RXO;
		return false;
	}
	d = next_descriptor(RX);
	if (!d)
		return false;
	memcpy(d + 8, &word, 8);
	move_on(RX);
	return true;
}

/* Without its check sequence, if that is set. */
bool e1000_card_receive(const void *frame, u32 len)
{
	u32 check = *reg(RCTL) & BIT(26) ? 0 : 4;
	u64 address;
	u8 *to, *d;

	if (listens() && e1000_card_room()) {
		d = next_descriptor(RX);
		if (!d)
			return false;
		memcpy(&address, d, 8);
		to = memory(address, 2048);
		if (!to)
			return false;
		memcpy(to, frame, len);
	}
	return e1000_card_say((len + check) | DONE | WHOLE);
}

static void send_one(u8 *d)
{
	u64 address, word;
	const u8 *from;

	memcpy(&address, d, 8);
	memcpy(&word, d + 8, 8);
	nic.last_len = word & 0xffff;
	from = memory(address, nic.last_len);
	nic.faults += nic.last_len < 60 || nic.last_len > 1514 || (word >> 24 & 0xff) != 0x0b;
	if (from && nic.last_len <= sizeof(nic.last))
		memcpy(nic.last, from, nic.last_len);
	nic.sent++;
	word |= DONE;
	memcpy(d + 8, &word, 8);
}

void e1000_card_send(void)
{
	while ((*reg(TCTL) & EN) && (*reg(STATUS) & LINK) && *reg(TX + HEAD) != *reg(TX + TAIL)) {
		u8 *d = next_descriptor(TX);

		if (!d)
			return;
		send_one(d);
		move_on(TX);
	}
}

/* --- registers ----------------------------------------------------------------------------- */

static u32 little(u64 mac, u32 from, u32 bytes)
{
	u32 value = 0;

	for (u32 i = 0; i < bytes; i++)
		value |= (u32)(mac >> (40 - 8 * (from + i)) & 0xff) << 8 * i;
	return value;
}

static void reset(void)
{
	bool up = *reg(STATUS) & LINK;

	memset(nic.reg, 0, sizeof(nic.reg));
	nic.resets++;
	*reg(CTRL) = nic.stuck ? RESET : 0x28;
	*reg(STATUS) = 0x80;
	e1000_card_link(up);
	if (nic.blank)
		return;
	*reg(RAL) = little(E1000_MAC, 0, 4);
	*reg(RAH) = little(E1000_MAC, 4, 2) | VALID;
}

static void read_eeprom(u32 value)
{
	u32 at = nic.newer ? value >> 2 & 0x3fff : value >> 8 & 0xff;
	u32 done = nic.newer ? 2 : 16;

	nic.faults += !(value & 1) || at > 2;
	*reg(EERD) = nic.mute ? 0 : little(nic.eeprom_mac, at % 3 * 2, 2) << 16 | done;
}

static void check_ring(u32 ring)
{
	u64 base = *reg(ring + LOW) | (u64)*reg(ring + HIGH) << 32;

	nic.faults += base % 16 || *reg(ring + LEN) % 128 || !*reg(ring + LEN);
	(void)memory(base, *reg(ring + LEN));
}

static void set_tail(u32 ring, u32 value)
{
	*reg(ring + TAIL) = value;
	nic.faults += value && value >= ring_len(ring);
	if (ring == TX && !nic.slow)
		e1000_card_send();
}

static u64 card_read(u32 at, u32 width)
{
	u32 value;

	if (nic.gone)
		return ~0ull;
	if (width != 4 || at >= sizeof(nic.reg)) {
		nic.faults++;
		return 0;
	}
	value = *reg(at);
	if (at == ICR)
		*reg(ICR) = 0;
	return value;
}

static void set_control(u32 value)
{
	*reg(CTRL) = value;
	if (value & RESET)
		reset();
	else
		nic.faults += (value & (BIT(30) | BIT(3))) || !(value & BIT(6));
}

static void card_write(u32 at, u32 width, u64 value)
{
	if (nic.gone)
		return;
	if (width != 4 || at >= sizeof(nic.reg)) {
		nic.faults++;
		return;
	}
	if (at == CTRL) {
		set_control((u32)value);
	} else if (at == EERD) {
		read_eeprom((u32)value);
	} else if (at == RX + TAIL || at == TX + TAIL) {
		set_tail(at - TAIL, (u32)value);
	} else {
		*reg(at) = (u32)value;
		if ((at == RCTL || at == TCTL) && (value & EN)) {
			check_ring(at == RCTL ? RX : TX);
			nic.faults += nic.newer && !(*reg(TX + CTL) & BIT(22));
		}
	}
}

static void start(bool newer)
{
	nic = (struct e1000_card){ .newer = newer, .eeprom_mac = E1000_MAC };
	*reg(STATUS) = LINK;
	pc.reg_read = card_read;
	pc.reg_write = card_write;
	pc.config[0] = newer ? 0x10d38086 : 0x100e8086;
	pc_device("e1000");
}

void e1000_card_start(void)
{
	start(false);
}

void e1000_card_start_newer(void)
{
	start(true);
}
