/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's timer: an 8254 at 0x40 and system control port B at 0x61 (Intel, "8254 Programmable
 * Interval Timer": mode definitions, read operations). Channel 0 drives IRQ 0, channel 1 the
 * refresh toggle, channel 2 the speaker. Counters are not stepped: what they hold follows from the
 * time since they were loaded. A rising edge that comes late is raised once; those that it made up
 * for are counted as lost, since an edge-triggered input could not have told them apart.
 */
#include "drivers/api/bytes.h"
#include "drivers/api/driver.h"
#include "drivers/api/ticks.h"

#define PIT_HZ	 1193182ull
#define PIT_IRQ	 0
#define CHANNELS 3
#define SPEAKER	 2
#define CONTROL	 3 /* offset of the control word */

/* No guest gets edges faster than this; they count as lost. */
#define MIN_PERIOD_NS 100000

#define PORTB_GATE    BIT(0)
#define PORTB_BITS    0x0f
#define PORTB_REFRESH BIT(4)
#define PORTB_OUT     BIT(5)
#define REFRESH_SHIFT 14 /* toggles every 16 us, 15 on a PC */

#define READ_BACK	    3 /* in place of the channel */
#define READ_BACK_NO_COUNT  BIT(5)
#define READ_BACK_NO_STATUS BIT(4)
#define STATUS_OUT	    BIT(7)
#define STATUS_NULL	    BIT(6)

enum access { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

enum mode {
	MODE_COUNT,	   /* 0: interrupt on terminal count */
	MODE_ONE_SHOT,	   /* 1: started by the gate */
	MODE_RATE,	   /* 2 */
	MODE_SQUARE,	   /* 3 */
	MODE_STROBE,	   /* 4 */
	MODE_GATED_STROBE, /* 5: started by the gate */
};

struct channel {
	u8 control; /* access, mode and BCD bits of the control word */
	u8 mode, access;
	bool bcd, gate;
	bool loaded;		    /* counts, or would with its gate open */
	bool stopped;		    /* `start` holds the ticks elapsed when it stopped */
	bool write_high, read_high; /* the high byte comes next */
	u8 low;			    /* first byte of a count being written */
	u8 latched;		    /* bytes of `latch` still to be read */
	bool status_latched;
	u8 status;
	u16 latch;
	u32 count, reload; /* ticks, 1 to 65536; reload takes effect when the gate starts it */
	u64 start;	   /* tick when count was loaded */
};

struct pit {
	struct channel channel[CHANNELS];
	u8 portb;
	bool line;
	u64 edge;    /* tick of channel 0's next rising edge, 0: none */
	u64 last_ns; /* when the last edge was raised */
	u64 ticks, lost;
};

static u64 now_tick(void)
{
	return ticks_from_ns(l1_now_ns(), PIT_HZ);
}

static u64 elapsed(const struct channel *c, u64 now)
{
	return c->stopped ? c->start : now - c->start;
}

static bool periodic(const struct channel *c)
{
	return c->mode == MODE_RATE || c->mode == MODE_SQUARE;
}

static bool output(const struct channel *c, u64 now)
{
	u64 ticks = elapsed(c, now);

	if (!c->loaded)
		return c->mode != MODE_COUNT;
	if (periodic(c) && c->stopped)
		return true;
	switch (c->mode) {
	case MODE_COUNT:
	case MODE_ONE_SHOT:
		return ticks >= c->count;
	case MODE_RATE:
		return ticks % c->count != c->count - 1;
	case MODE_SQUARE:
		return ticks % c->count < (c->count + 1) / 2;
	default:
		return ticks != c->count;
	}
}

static u16 to_bcd(u32 value)
{
	return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

static u32 from_bcd(u16 value)
{
	return (value & 15) + (value >> 4 & 15) * 10 + (value >> 8 & 15) * 100 +
	       (value >> 12) * 1000;
}

/* The counting element, as it would be read. */
static u16 counter(const struct channel *c, u64 now)
{
	u32 modulus = c->bcd ? 10000 : 65536;
	u64 ticks = elapsed(c, now);
	u32 value, half = (c->count + 1) / 2;

	if (!c->loaded)
		return 0;
	if (c->mode == MODE_SQUARE) { /* by twos, in two halves, an odd count less one */
		ticks %= c->count;
		value = (c->count & ~1u) - 2 * (ticks < half ? ticks : ticks - half);
	} else if (c->mode == MODE_RATE) {
		value = c->count - ticks % c->count;
	} else {
		value = c->count + modulus * 2 - ticks % modulus;
	}
	value %= modulus;
	return c->bcd ? to_bcd(value) : value;
}

static void set_line(struct pit *p, bool level)
{
	if (level == p->line)
		return;
	p->line = level;
	l3_raise_irq(PIT_IRQ, level);
}

static void arm(const struct pit *p)
{
	u64 due = p->edge ? ticks_to_ns(p->edge, PIT_HZ) : 0;

	if (due && due < p->last_ns + MIN_PERIOD_NS)
		due = p->last_ns + MIN_PERIOD_NS;
	l1_timer_arm(due);
}

/* Channel 0 was given a control word or a count: IRQ 0 and its next edge follow. */
static void reschedule(struct pit *p, u64 now)
{
	const struct channel *c = &p->channel[0];

	p->edge = 0;
	if (c->loaded)
		p->edge = c->start + c->count + (c->mode == MODE_STROBE);
	set_line(p, output(c, now));
	arm(p);
}

static void pit_timer(void *state)
{
	struct pit *p = state;
	const struct channel *c = &p->channel[0];
	u64 now = now_tick();

	if (p->edge && now >= p->edge) {
		set_line(p, false);
		set_line(p, true);
		p->last_ns = l1_now_ns();
		p->ticks++;
		if (periodic(c)) {
			u64 missed = (now - p->edge) / c->count;

			p->lost += missed;
			p->edge += (missed + 1) * c->count;
		} else {
			p->edge = 0;
		}
	}
	arm(p);
}

/* Modes 1 and 5 wait for their gate, the others count from now on. */
static void load(struct channel *c, u16 value, u64 now)
{
	u32 count = c->bcd ? from_bcd(value) : value;

	c->reload = count ? count : c->bcd ? 10000 : 65536;
	if (c->mode == MODE_ONE_SHOT || c->mode == MODE_GATED_STROBE)
		return;
	c->count = c->reload;
	c->loaded = true;
	c->stopped = !c->gate;
	c->start = c->stopped ? 0 : now;
}

static void set_gate(struct channel *c, bool gate, u64 now)
{
	bool rising = gate && !c->gate;

	if (gate == c->gate)
		return;
	c->gate = gate;
	if (c->mode == MODE_ONE_SHOT || c->mode == MODE_GATED_STROBE) {
		if (!rising || !c->reload)
			return;
		c->count = c->reload;
		c->loaded = true;
		c->start = now;
	} else if (c->loaded && rising) {
		c->start = periodic(c) ? now : now - c->start;
		c->stopped = false;
	} else if (c->loaded) {
		c->start = now - c->start;
		c->stopped = true;
	}
}

static void latch_count(struct channel *c, u64 now)
{
	if (c->latched)
		return;
	c->latch = counter(c, now);
	c->latched = c->access == ACCESS_BOTH ? 2 : 1;
}

static void latch_status(struct channel *c, u64 now)
{
	if (c->status_latched)
		return;
	c->status = c->control | (output(c, now) ? STATUS_OUT : 0) | (c->loaded ? 0 : STATUS_NULL);
	c->status_latched = true;
}

static void read_back(struct pit *p, u8 value, u64 now)
{
	for (u32 i = 0; i < CHANNELS; i++) {
		if (!(value & BIT(i + 1)))
			continue;
		if (!(value & READ_BACK_NO_COUNT))
			latch_count(&p->channel[i], now);
		if (!(value & READ_BACK_NO_STATUS))
			latch_status(&p->channel[i], now);
	}
}

static void write_control(struct pit *p, u8 value, u64 now)
{
	u32 index = value >> 6;
	struct channel *c = &p->channel[index];

	if (index == READ_BACK) {
		read_back(p, value, now);
		return;
	}
	if ((value >> 4 & 3) == ACCESS_LATCH) {
		latch_count(c, now);
		return;
	}
	*c = (struct channel){
		.control = value & 0x3f,
		.access = value >> 4 & 3,
		.mode = (value >> 1 & 7) > MODE_GATED_STROBE ? value >> 1 & 3 : value >> 1 & 7,
		.bcd = value & 1,
		.gate = c->gate,
	};
	if (index == 0)
		reschedule(p, now);
}

static void write_count(struct pit *p, u32 index, u8 value, u64 now)
{
	struct channel *c = &p->channel[index];

	if (c->access == ACCESS_BOTH && !c->write_high) {
		c->low = value;
		c->write_high = true;
		if (c->mode == MODE_COUNT) /* the first byte stops it, OUT goes low */
			c->loaded = false;
	} else {
		c->write_high = false;
		load(c,
			c->access == ACCESS_BOTH   ? value << 8 | c->low
			: c->access == ACCESS_HIGH ? value << 8
						   : value,
			now);
	}
	if (index == 0)
		reschedule(p, now);
}

static u8 read_latch(struct channel *c)
{
	bool high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->latched == 1);

	c->latched--;
	return high ? c->latch >> 8 : c->latch;
}

static u8 read_count(struct channel *c, u64 now)
{
	bool high = c->access == ACCESS_HIGH;
	u16 value;

	if (c->status_latched) {
		c->status_latched = false;
		return c->status;
	}
	if (c->latched)
		return read_latch(c);
	value = counter(c, now);
	if (c->access == ACCESS_BOTH) {
		high = c->read_high;
		c->read_high = !high;
	}
	return high ? value >> 8 : value;
}

static u8 read_portb(const struct pit *p, u64 now)
{
	u8 refresh = l1_now_ns() >> REFRESH_SHIFT & 1 ? PORTB_REFRESH : 0;

	return p->portb | refresh | (output(&p->channel[SPEAKER], now) ? PORTB_OUT : 0);
}

static void write_portb(struct pit *p, u8 value, u64 now)
{
	p->portb = value & PORTB_BITS;
	set_gate(&p->channel[SPEAKER], value & PORTB_GATE, now);
}

enum { REGION_TIMER, REGION_PORTB };

static u8 read_port(void *state, u32 region, u32 offset)
{
	struct pit *p = state;

	if (region == REGION_PORTB)
		return read_portb(p, now_tick());
	return offset == CONTROL ? 0xff : read_count(&p->channel[offset], now_tick());
}

static void write_port(void *state, u32 region, u32 offset, u8 value)
{
	struct pit *p = state;

	if (region == REGION_PORTB)
		write_portb(p, value, now_tick());
	else if (offset == CONTROL)
		write_control(p, value, now_tick());
	else
		write_count(p, offset, value, now_tick());
}

static u64 pit_read(void *state, u32 region, u32 offset, u32 width)
{
	return bytes_read(read_port, state, region, offset, width);
}

static void pit_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	bytes_write(write_port, state, region, offset, width, value);
}

/* All channels wait for a count; 0 and 1 have their gates wired open. */
static void reset(struct pit *p)
{
	set_line(p, false);
	*p = (struct pit){ 0 };
	for (u32 i = 0; i < CHANNELS; i++)
		p->channel[i] = (struct channel){ .access = ACCESS_BOTH, .gate = i != SPEAKER };
	l1_timer_arm(0);
}

static void pit_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

/* BUS_INFO: 0 edges raised on IRQ 0, 1 edges lost because they came too late. */
static u64 pit_call(void *state, u32 fn, u64 a, u64 b)
{
	struct pit *p = state;

	(void)b;
	switch (fn) {
	case BUS_RESET:
		reset(p);
		return 0;
	case BUS_INFO:
		return a == 0 ? p->ticks : a == 1 ? p->lost : BUS_NO_PEER;
	default:
		return BUS_NO_PEER;
	}
}

static const struct driver pit_driver = {
	.name = "pit",
	.role = PEER_PIT,
	.state_size = sizeof(struct pit),
	.grants = GRANT_LINE(PIT_IRQ) | GRANT_TIMER,
	.regions = { [REGION_TIMER] = { REGION_PORT, 0x40, 4 },
		[REGION_PORTB] = { REGION_PORT, 0x61, 1 } },
	.start = pit_start,
	.read = pit_read,
	.write = pit_write,
	.call = pit_call,
	.timer = pit_timer,
};
DRIVER_REGISTER(pit_driver);
