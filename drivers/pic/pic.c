/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's two interrupt controllers: 8259A at 0x20 and, cascaded on its input 2, at 0xa0, with the
 * edge/level registers of PCI machines at 0x4d0 (Intel, "8259A Programmable Interrupt Controller":
 * initialisation and operation command words; "82371SB", ELCR). Lines come by BUS_LINE, the CPU
 * acknowledges by BUS_INTACK, the output is l3_intr().
 */
#include "drivers/api/bytes.h"
#include "drivers/api/driver.h"

enum { MASTER, SLAVE, CHIPS };
enum { REGION_ELCR = CHIPS };

#define CASCADE	 2
#define SPURIOUS 7

#define ICW1	    BIT(4) /* in a write to the command port; else OCW3 if bit 3, else OCW2 */
#define ICW1_ICW4   BIT(0)
#define ICW1_SINGLE BIT(1)
#define ICW4_AEOI   BIT(1)
#define ICW4_NESTED BIT(4)
#define OCW3	    BIT(3)
#define OCW3_RIS    BIT(0)
#define OCW3_RR	    BIT(1)
#define OCW3_POLL   BIT(2)
#define OCW3_SMM    BIT(5)
#define OCW3_ESMM   BIT(6)
#define OCW2_LEVEL  7

/* OCW2's R, SL and EOI bits. */
enum {
	ROTATE_AEOI_CLEAR,
	EOI,
	OCW2_NOP,
	EOI_SPECIFIC,
	ROTATE_AEOI_SET,
	ROTATE_EOI,
	SET_PRIORITY,
	ROTATE_EOI_SPECIFIC
};

struct chip {
	u8 irr, imr, isr;
	u8 lines;  /* their levels now */
	u8 elcr;   /* 1: level */
	u8 lowest; /* the input with the lowest priority */
	u8 base;   /* vector of input 0 */
	u8 icw1;
	u8 expected; /* the next initialisation word, 2-4; 0: none */
	bool aeoi, rotate_aeoi, nested, special_mask, poll, read_isr;
};

struct pic {
	struct chip chip[CHIPS];
	bool intr;
	u64 interrupts, spurious;
};

/* Those that the wiring of a PC fixes to edge: 0, 1, 2, 8 and 13. */
static const u8 elcr_writable[CHIPS] = { 0xf8, 0xde };

static u8 rotate(u8 bits, u32 n)
{
	n &= 7;
	return bits >> n | bits << (8 - n);
}

/* Priority of the first of `bits`, 0 the highest; 8 when there is none. */
static u32 first_priority(const struct chip *c, u8 bits)
{
	return __builtin_ctz(rotate(bits, c->lowest + 1) | 0x100);
}

static u32 input_of(const struct chip *c, u32 priority)
{
	return (c->lowest + 1 + priority) & 7;
}

/* The input to be served next, or -1. */
static int pending(const struct chip *c)
{
	u8 served = c->isr;
	u32 next = first_priority(c, c->irr & ~c->imr);

	if (c->special_mask)
		served &= ~c->imr;
	if (c->nested) /* more from the slave may come while one of it is served */
		served &= ~BIT(CASCADE);
	return next < first_priority(c, served) ? (int)input_of(c, next) : -1;
}

static void update(struct pic *p)
{
	struct chip *master = &p->chip[MASTER];
	bool intr;

	master->irr &= ~BIT(CASCADE);
	if (pending(&p->chip[SLAVE]) >= 0)
		master->irr |= BIT(CASCADE);
	intr = pending(master) >= 0;
	if (intr == p->intr)
		return;
	p->intr = intr;
	l3_intr(intr);
}

static void set_line(struct pic *p, u32 line, bool level)
{
	struct chip *c = &p->chip[line >> 3 & 1];
	u8 bit = BIT(line & 7);

	if (c->elcr & bit)
		c->irr = level ? c->irr | bit : c->irr & ~bit;
	else if (level && !(c->lines & bit))
		c->irr |= bit;
	c->lines = level ? c->lines | bit : c->lines & ~bit;
	update(p);
}

static void acknowledge(struct chip *c, int input)
{
	u8 bit = BIT(input);

	if (!(c->elcr & bit))
		c->irr &= ~bit;
	if (!c->aeoi)
		c->isr |= bit;
	else if (c->rotate_aeoi)
		c->lowest = input;
}

/* The vector of a chip during the CPU's acknowledge cycle; *input: what it serves, or -1. */
static u8 acknowledge_cycle(struct pic *p, u32 chip, int *input)
{
	struct chip *c = &p->chip[chip];

	*input = pending(c);
	if (*input < 0) {
		p->spurious++;
		return c->base + SPURIOUS;
	}
	acknowledge(c, *input);
	return c->base + *input;
}

static u8 intack(struct pic *p)
{
	int input;
	u8 vector = acknowledge_cycle(p, MASTER, &input);

	if (input == CASCADE)
		vector = acknowledge_cycle(p, SLAVE, &input);
	p->interrupts++;
	update(p);
	return vector;
}

static void end_of_interrupt(struct chip *c, u32 input, bool rotate_it)
{
	c->isr &= ~BIT(input);
	if (rotate_it)
		c->lowest = input;
}

static void end_highest(struct chip *c, bool rotate_it)
{
	u32 priority = first_priority(c, c->special_mask ? c->isr & ~c->imr : c->isr);

	if (priority < 8)
		end_of_interrupt(c, input_of(c, priority), rotate_it);
}

static void write_ocw2(struct chip *c, u8 value)
{
	u32 input = value & OCW2_LEVEL;

	switch (value >> 5) {
	case EOI:
	case ROTATE_EOI:
		end_highest(c, value >> 5 == ROTATE_EOI);
		break;
	case EOI_SPECIFIC:
	case ROTATE_EOI_SPECIFIC:
		end_of_interrupt(c, input, value >> 5 == ROTATE_EOI_SPECIFIC);
		break;
	case ROTATE_AEOI_CLEAR:
	case ROTATE_AEOI_SET:
		c->rotate_aeoi = value >> 5 == ROTATE_AEOI_SET;
		break;
	case SET_PRIORITY:
		c->lowest = input;
		break;
	}
}

static void write_ocw3(struct chip *c, u8 value)
{
	c->poll = value & OCW3_POLL;
	if (value & OCW3_RR)
		c->read_isr = value & OCW3_RIS;
	if (value & OCW3_ESMM)
		c->special_mask = value & OCW3_SMM;
}

/* The edge latches are cleared; a level that is still there counts on. */
static void write_icw1(struct chip *c, u8 value)
{
	*c = (struct chip){
		.lines = c->lines,
		.elcr = c->elcr,
		.irr = c->lines & c->elcr,
		.base = c->base,
		.lowest = 7,
		.icw1 = value,
		.expected = 2,
	};
}

static void write_icw(struct chip *c, u8 value)
{
	bool icw4 = c->icw1 & ICW1_ICW4;

	if (c->expected == 2) {
		c->base = value & 0xf8;
		c->expected = !(c->icw1 & ICW1_SINGLE) ? 3 : icw4 ? 4 : 0;
	} else if (c->expected == 3) { /* the wiring of the cascade is fixed */
		c->expected = icw4 ? 4 : 0;
	} else {
		c->aeoi = value & ICW4_AEOI;
		c->nested = value & ICW4_NESTED;
		c->expected = 0;
	}
}

static void write_elcr(struct pic *p, u32 chip, u8 value)
{
	struct chip *c = &p->chip[chip];

	c->elcr = value & elcr_writable[chip];
	c->irr = (c->irr & ~c->elcr) | (c->lines & c->elcr);
}

/* OCW3's poll: the read itself acknowledges. */
static u8 poll(struct pic *p, struct chip *c)
{
	int input = pending(c);

	c->poll = false;
	if (input < 0)
		return SPURIOUS;
	acknowledge(c, input);
	update(p);
	return 0x80 | input;
}

static u8 read_port(void *state, u32 region, u32 offset)
{
	struct pic *p = state;
	struct chip *c;

	if (region == REGION_ELCR)
		return p->chip[offset].elcr;
	c = &p->chip[region];
	if (unlikely(c->poll))
		return poll(p, c);
	if (offset)
		return c->imr;
	return c->read_isr ? c->isr : c->irr;
}

static void write_port(void *state, u32 region, u32 offset, u8 value)
{
	struct pic *p = state;
	struct chip *c = &p->chip[region & 1];

	if (region == REGION_ELCR)
		write_elcr(p, offset, value);
	else if (offset && c->expected)
		write_icw(c, value);
	else if (offset)
		c->imr = value;
	else if (value & ICW1)
		write_icw1(c, value);
	else if (value & OCW3)
		write_ocw3(c, value);
	else
		write_ocw2(c, value);
	update(p);
}

static u64 pic_read(void *state, u32 region, u32 offset, u32 width)
{
	return bytes_read(read_port, state, region, offset, width);
}

static void pic_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	bytes_write(write_port, state, region, offset, width, value);
}

/* Everything masked, as firmware leaves it; nobody handles these interrupts yet. */
static void reset(struct pic *p)
{
	if (p->intr)
		l3_intr(false);
	*p = (struct pic){ .chip = { { .imr = 0xff, .lowest = 7, .base = 0x08 },
				   { .imr = 0xff, .lowest = 7, .base = 0x70 } } };
}

static void pic_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

/* BUS_INFO: 0 interrupts acknowledged, 1 spurious ones among them. */
static u64 pic_call(void *state, u32 fn, u64 a, u64 b)
{
	struct pic *p = state;

	switch (fn) {
	case BUS_LINE:
		if (a < 16 && a != CASCADE)
			set_line(p, a, b);
		return 0;
	case BUS_INTACK:
		return intack(p);
	case BUS_RESET:
		reset(p);
		return 0;
	case BUS_INFO:
		return a == 0 ? p->interrupts : a == 1 ? p->spurious : BUS_NO_PEER;
	default:
		return BUS_NO_PEER;
	}
}

static const struct driver pic_driver = {
	.name = "pic",
	.role = PEER_PIC,
	.state_size = sizeof(struct pic),
	.grants = GRANT_INTR,
	.regions = { [MASTER] = { REGION_PORT, 0x20, 2 },
		[SLAVE] = { REGION_PORT, 0xa0, 2 },
		[REGION_ELCR] = { REGION_PORT, 0x4d0, 2 } },
	.start = pic_start,
	.read = pic_read,
	.write = pic_write,
	.call = pic_call,
};
DRIVER_REGISTER(pic_driver);
