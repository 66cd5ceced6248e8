/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI's fixed hardware: PM1 event and control registers and the power-management timer (ACPI
 * Specification, "Fixed Hardware Registers"). ACPI mode is always on, S5 is the only sleep there
 * is. The one event that can happen is the timer's carry, every 2.3 seconds.
 */
#include "drivers/api/bytes.h"
#include "drivers/api/driver.h"
#include "drivers/api/machine.h"
#include "drivers/api/ticks.h"

#define TIMER_HZ   3579545ull
#define TIMER_BITS 24
#define REGION_LEN (MACHINE_PM_TIMER + 4 - MACHINE_PM1_EVENT)

/* Offsets in the block. */
#define PM1_STATUS  0
#define PM1_ENABLE  2
#define PM1_CONTROL (MACHINE_PM1_CONTROL - MACHINE_PM1_EVENT)
#define PM_TIMER    (MACHINE_PM_TIMER - MACHINE_PM1_EVENT)

#define EVENT_TIMER BIT(0)
#define ENABLE_BITS 0x0721 /* timer, global, buttons, clock: those that a guest may look for */

#define CONTROL_SCI	BIT(0)
#define CONTROL_BITS	0x1c02 /* SLP_TYP and BM_RLD are remembered */
#define CONTROL_SLP_TYP 10     /* shift */
#define CONTROL_SLP_EN	BIT(13)

struct pmtimer {
	u16 status, enable, control;
	u64 carries; /* of the timer's highest bit, at the last look */
	bool line;
};

static u64 ticks(void)
{
	return ticks_from_ns(l1_now_ns(), TIMER_HZ);
}

/* TMR_STS is set whenever the highest bit changes. */
static void look(struct pmtimer *p)
{
	u64 carries = ticks() >> (TIMER_BITS - 1);

	if (carries != p->carries)
		p->status |= EVENT_TIMER;
	p->carries = carries;
}

static void update(struct pmtimer *p)
{
	bool line, wait;

	look(p);
	line = p->status & p->enable;
	wait = (p->enable & EVENT_TIMER) && !line;
	l1_timer_arm(wait ? ticks_to_ns((p->carries + 1) << (TIMER_BITS - 1), TIMER_HZ) : 0);
	if (line == p->line)
		return;
	p->line = line;
	l3_raise_irq(MACHINE_SCI, line);
}

static u16 read_register(struct pmtimer *p, u32 offset)
{
	switch (offset) {
	case PM1_STATUS:
		look(p);
		return p->status;
	case PM1_ENABLE:
		return p->enable;
	case PM1_CONTROL:
		return p->control | CONTROL_SCI;
	default:
		return 0;
	}
}

static u8 read_byte(void *state, u32 region, u32 offset)
{
	(void)region;
	if (offset >= PM_TIMER)
		return (ticks() & (BIT(TIMER_BITS) - 1)) >> 8 * (offset - PM_TIMER);
	return read_register(state, offset & ~1u) >> 8 * (offset & 1);
}

static void write_control(struct pmtimer *p, u16 value)
{
	p->control = value & CONTROL_BITS;
	if ((value & CONTROL_SLP_EN) && (value >> CONTROL_SLP_TYP & 7) == MACHINE_SLP_TYP_S5)
		l2_call(PEER_VM, BUS_POWER, POWER_OFF, 0);
}

/* `mask`: which bits are written; status bits are cleared by a one. */
static void write_register(struct pmtimer *p, u32 offset, u16 value, u16 mask)
{
	switch (offset) {
	case PM1_STATUS:
		look(p);
		p->status &= ~(value & mask);
		break;
	case PM1_ENABLE:
		p->enable = ((p->enable & ~mask) | (value & mask)) & ENABLE_BITS;
		break;
	case PM1_CONTROL:
		write_control(p, (p->control & ~mask) | (value & mask));
		return;
	default:
		return;
	}
	update(p);
}

static u64 pmtimer_read(void *state, u32 region, u32 offset, u32 width)
{
	if (likely(offset == PM_TIMER && width == 4))
		return ticks() & (BIT(TIMER_BITS) - 1);
	return bytes_read(read_byte, state, region, offset, width);
}

/* 16-bit registers; a byte changes its half, a double word two of them. */
static void pmtimer_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	(void)region;
	for (u32 at = offset; at < offset + width;) {
		u32 high = at & 1, len = high || at + 1 == offset + width ? 1 : 2;
		u16 mask = (len == 2 ? 0xffff : 0xff) << 8 * high;

		write_register(state, at & ~1u, (value >> 8 * (at - offset)) << 8 * high, mask);
		at += len;
	}
}

static void pmtimer_timer(void *state)
{
	update(state);
}

static void reset(struct pmtimer *p)
{
	if (p->line)
		l3_raise_irq(MACHINE_SCI, false);
	*p = (struct pmtimer){ .carries = ticks() >> (TIMER_BITS - 1) };
	l1_timer_arm(0);
}

static void pmtimer_start(void *state, const struct driver_setup *setup)
{
	(void)setup;
	reset(state);
}

static u64 pmtimer_call(void *state, u32 fn, u64 a, u64 b)
{
	(void)a, (void)b;
	if (fn != BUS_RESET)
		return BUS_NO_PEER;
	reset(state);
	return 0;
}

static const struct driver pmtimer_driver = {
	.name = "pmtimer",
	.role = PEER_COUNT,
	.state_size = sizeof(struct pmtimer),
	.grants = GRANT_LINE(MACHINE_SCI) | GRANT_PEER(PEER_VM) | GRANT_TIMER,
	.regions = { { REGION_PORT, MACHINE_PM1_EVENT, REGION_LEN } },
	.start = pmtimer_start,
	.read = pmtimer_read,
	.write = pmtimer_write,
	.call = pmtimer_call,
	.timer = pmtimer_timer,
};
DRIVER_REGISTER(pmtimer_driver);
