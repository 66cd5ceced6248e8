/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of an NE2000. */
#include "tests/host/ne_card.h"

#include <string.h>

#define PAGE	 256u
#define PROM_END 32

enum { STOP = 1, START = 2, TRANSMIT = 4, READ = 8, WRITE = 16, NO_DMA = 32 };
enum { RECEIVED = 0x01, SENT = 0x02, OVERRUN = 0x10, DMA_DONE = 0x40, RESET = 0x80 };

struct ne_card card;

static void reset(void)
{
	card.command = STOP | NO_DMA;
	card.status |= RESET;
	card.resets++;
}

/* --- remote DMA ---------------------------------------------------------------------------- */

/* Its bytes; beyond what is there, or out of the ring, is a fault of the driver's. */
static u8 *dma_word(u8 direction)
{
	u32 at = card.dma_at;

	if (!(card.command & direction) || card.dma_left < 2 || !(card.data & 1) || at % 2 ||
		at + 2 > CARD_MEMORY || (at >= PROM_END && at < 0x4000)) {
		card.faults++;
		return NULL;
	}
	card.dma_at += 2;
	card.dma_left -= 2;
	if (card.dma_at == card.stop * PAGE)
		card.dma_at = card.start * PAGE;
	if (!card.dma_left && !card.deaf)
		card.status |= DMA_DONE;
	return &card.memory[at];
}

static u16 data_read(void)
{
	const u8 *p = dma_word(READ);
	u16 word = 0;

	if (p)
		memcpy(&word, p, 2);
	return word;
}

static void data_write(u16 word)
{
	u8 *p = dma_word(WRITE);

	if (p && !card.deaf)
		memcpy(p, &word, 2);
}

/* --- the wire ------------------------------------------------------------------------------ */

static bool listens(void)
{
	return (card.command & START) && !(card.receive & 0x20) && !(card.transmit & 6) &&
	       !(card.status & OVERRUN);
}

u32 ne_card_used(void)
{
	u32 ring = card.stop - card.start;

	return (card.current + ring - card.boundary - 1) % ring;
}

bool ne_card_receive(const void *frame, u32 len)
{
	u32 ring = card.stop - card.start, pages = (len + 8 + PAGE - 1) / PAGE;
	u32 next = card.start + (card.current - card.start + pages) % ring;
	u8 header[] = { 1, (u8)next, (u8)(len + 4), (u8)((len + 4) >> 8) };

	if (!listens())
		return false;
	if (ne_card_used() + pages >= ring) {
		card.status |= OVERRUN;
		return false;
	}
	for (u32 i = 0; i < len + 4; i++)
		card.memory[card.start * PAGE +
			    ((card.current - card.start) * PAGE + i) % (ring * PAGE)] =
			i < 4 ? header[i] : ((const u8 *)frame)[i - 4];
	card.current = (u8)next;
	card.status |= RECEIVED;
	return true;
}

void ne_card_end_sending(void)
{
	if (!(card.command & TRANSMIT))
		return;
	card.command &= ~TRANSMIT;
	card.status |= SENT;
	card.sent++;
}

static void transmit(void)
{
	u32 at = card.tx_page * PAGE;

	if (!(card.command & START) || card.tx_len < 60 || card.tx_len > 1514 || at < 0x4000 ||
		at + card.tx_len > card.start * PAGE) {
		card.faults++;
		return;
	}
	card.last_len = card.tx_len;
	memcpy(card.last, card.memory + at, card.tx_len);
	card.command |= TRANSMIT;
	if (!card.slow)
		ne_card_end_sending();
}

/* --- registers ----------------------------------------------------------------------------- */

static void set_command(u8 value)
{
	card.command = (card.command & TRANSMIT) | (value & ~TRANSMIT);
	if (value & STOP) {
		card.status |= RESET;
		card.command &= ~(START | TRANSMIT); /* what was on the wire is cut off */
	} else if (value & START) {
		card.status &= ~RESET;
	}
	if (value & TRANSMIT)
		transmit();
}

static u64 page1(u32 reg)
{
	if (reg >= 1 && reg <= 6)
		return card.address[reg - 1];
	if (reg == 7)
		return card.lie >= 0 ? (u32)card.lie : card.current;
	return card.groups[reg - 8];
}

static void set_page1(u32 reg, u8 value)
{
	if (reg >= 1 && reg <= 6)
		card.address[reg - 1] = value;
	else if (reg == 7)
		card.current = value;
	else
		card.groups[reg - 8] = value;
}

static void set_page0(u32 reg, u8 value)
{
	u8 *const bytes[] = { NULL, &card.start, &card.stop, &card.boundary, &card.tx_page, NULL,
		NULL, NULL, NULL, NULL, NULL, NULL, &card.receive, &card.transmit, &card.data,
		&card.mask };
	u32 *const pairs[] = { [5] = &card.tx_len, [8] = &card.dma_at, [10] = &card.dma_left };

	if (bytes[reg])
		*bytes[reg] = value;
	else if (reg == 7)
		card.status &= ~value | RESET;
	else if (reg == 5 || reg == 8 || reg == 10)
		*pairs[reg] = (*pairs[reg] & 0xff00) | value;
	else
		*pairs[reg - 1] = (*pairs[reg - 1] & 0xff) | (u32)value << 8;
}

static u64 card_read(u32 reg, u32 width)
{
	if (card.gone)
		return ~0ull;
	if (reg == 0x10)
		return width == 2 ? data_read() : (card.faults++, 0);
	card.faults += width != 1 || (reg != 0x1f && reg > 15);
	if (reg == 0x1f)
		reset();
	if (!reg || reg > 15)
		return card.command;
	if (card.command >> 6)
		return page1(reg);
	card.faults += reg != 7; /* what else can be read in page 0 is of no use */
	return card.status;
}

static void card_write(u32 reg, u32 width, u64 value)
{
	if (card.gone)
		return;
	if (reg == 0x10 && width == 2) {
		data_write((u16)value);
		return;
	}
	card.faults += width != 1 || (reg != 0x1f && reg > 15);
	if (!reg)
		set_command((u8)value);
	else if (reg < 16 && card.command >> 6)
		set_page1(reg, (u8)value);
	else if (reg < 16)
		set_page0(reg, (u8)value);
}

void ne_card_start(void)
{
	card = (struct ne_card){ .lie = -1 };
	for (u32 i = 0; i < 12; i++)
		card.memory[i] = (u8)((u64)CARD_MAC >> (40 - i / 2 * 8));
	pc.reg_read = card_read;
	pc.reg_write = card_write;
	pc_device("ne");
}
