/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PC's clock: an MC146818 at 0x70, IRQ 8 (Motorola, "MC146818A Real-Time Clock plus RAM":
 * registers A-D, update cycle), with 128 bytes of CMOS memory. The time registers in it are brought
 * up to date when they are looked at; flags likewise. A timer runs only while an interrupt is
 * enabled and not already asserted.
 */
#include "drivers/api/bytes.h"
#include "drivers/api/driver.h"
#include "drivers/api/machine.h"
#include "drivers/rtc/calendar.h"

#define RTC_PORT   0x70
#define RTC_IRQ	   8
#define CMOS_BYTES 128
#define NS_PER_SEC 1000000000ull

enum {
	SECONDS,
	SECONDS_ALARM,
	MINUTES,
	MINUTES_ALARM,
	HOURS,
	HOURS_ALARM,
	WEEKDAY,
	DAY,
	MONTH,
	YEAR,
	REG_A,
	REG_B,
	REG_C,
	REG_D,
	CENTURY = MACHINE_CENTURY,
};

#define A_UIP	   BIT(7)
#define A_POWER_ON 0x26 /* 32768 Hz, periodic rate 1024 Hz */
#define A_RATE	   0x0f
#define UIP_NS	   244000 /* before each update */

#define B_SET	 BIT(7)
#define B_24H	 BIT(1)
#define B_BINARY BIT(2)
#define D_VALID	 BIT(7)

/* The same bits enable in B and flag in C. */
#define PERIODIC BIT(6)
#define ALARM	 BIT(5)
#define UPDATE	 BIT(4)
#define EVENTS	 (PERIODIC | ALARM | UPDATE)
#define C_IRQ	 BIT(7)

#define HOUR_PM	  BIT(7) /* in 12-hour mode */
#define ALARM_ANY 0xc0	 /* both bits set: every second, minute or hour matches */

/* What a PC's firmware leaves in the memory. */
enum {
	CMOS_EQUIPMENT = 0x14,
	CMOS_BASE_KIB = 0x15,
	CMOS_ABOVE_1M_KIB = 0x17,
	CMOS_CHECKED = 0x10, /* from here up to CMOS_SUM - 1 */
	CMOS_SUM = 0x2e,
	CMOS_ABOVE_1M_AGAIN = 0x30,
	CMOS_ABOVE_16M_64K = 0x34,
	CMOS_ABOVE_4G_64K = 0x5b,
};
#define EQUIPMENT_FPU BIT(1)
#define RAM_BELOW_4G  GIB(3)

struct rtc {
	u8 index;
	bool line;
	u8 cmos[CMOS_BYTES];
	s64 base_s; /* the clock showed this at base_ns */
	u64 base_ns;
	u64 seen_ns; /* flags are right up to here */
	u64 memory_bytes;
	s64 wall_s;
	u64 wall_ns;
};

static s64 clock_s(const struct rtc *r, u64 ns)
{
	return r->base_s + (s64)((ns - r->base_ns) / NS_PER_SEC);
}

static bool halted(const struct rtc *r)
{
	return r->cmos[REG_B] & B_SET;
}

static u8 encode(const struct rtc *r, u32 value)
{
	return r->cmos[REG_B] & B_BINARY ? value : value % 10 | value / 10 << 4;
}

static u32 decode(const struct rtc *r, u8 value)
{
	return r->cmos[REG_B] & B_BINARY ? value : (value & 15) + (value >> 4) * 10;
}

static u8 encode_hour(const struct rtc *r, u32 hour)
{
	if (r->cmos[REG_B] & B_24H)
		return encode(r, hour);
	return encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static u32 decode_hour(const struct rtc *r, u8 value)
{
	if (r->cmos[REG_B] & B_24H)
		return decode(r, value);
	return decode(r, value & ~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

/* The registers show the time of now, unless they are being set. */
static void show_time(struct rtc *r)
{
	struct calendar c;

	if (halted(r))
		return;
	calendar_from_seconds(&c, clock_s(r, l1_now_ns()));
	r->cmos[SECONDS] = encode(r, c.second);
	r->cmos[MINUTES] = encode(r, c.minute);
	r->cmos[HOURS] = encode_hour(r, c.hour);
	r->cmos[WEEKDAY] = encode(r, c.weekday);
	r->cmos[DAY] = encode(r, c.day);
	r->cmos[MONTH] = encode(r, c.month);
	r->cmos[YEAR] = encode(r, c.year % 100);
	r->cmos[CENTURY] = encode(r, c.year / 100);
}

/* The clock goes on from what the registers show; values out of range carry over. */
static void take_time(struct rtc *r)
{
	struct calendar c = {
		.year = decode(r, r->cmos[CENTURY]) % 100 * 100 + decode(r, r->cmos[YEAR]) % 100,
		.month = decode(r, r->cmos[MONTH]),
		.day = decode(r, r->cmos[DAY]),
		.hour = decode_hour(r, r->cmos[HOURS]),
		.minute = decode(r, r->cmos[MINUTES]),
		.second = decode(r, r->cmos[SECONDS]),
	};

	r->base_s = calendar_to_seconds(&c);
	r->base_ns = l1_now_ns();
}

static u64 period_ns(const struct rtc *r)
{
	u32 rate = r->cmos[REG_A] & A_RATE;

	if (!rate)
		return 0;
	rate = rate < 3 ? rate + 6 : rate - 1; /* 1 and 2 are 256 and 128 Hz */
	return (NS_PER_SEC << rate) >> 15;
}

/* Does `value` of an alarm register match? */
static bool alarm_matches(u8 alarm, u8 value)
{
	return (alarm & ALARM_ANY) == ALARM_ANY || alarm == value;
}

/* Seconds from `clock` to the next alarm after it, 0 when there is never one: at most 24 hours,
 * 60 minutes and 60 seconds are tried. */
static u32 seconds_to_alarm(const struct rtc *r, s64 clock)
{
	s64 t = clock + 1;

	for (u32 tries = 0; tries < 2 * (25 + 60 + 60); tries++) {
		u32 of_day = calendar_second_of_day(t);

		if (!alarm_matches(r->cmos[HOURS_ALARM], encode_hour(r, of_day / 3600)))
			t += 3600 - of_day % 3600;
		else if (!alarm_matches(r->cmos[MINUTES_ALARM], encode(r, of_day / 60 % 60)))
			t += 60 - of_day % 60;
		else if (!alarm_matches(r->cmos[SECONDS_ALARM], encode(r, of_day % 60)))
			t++;
		else
			return t - clock;
	}
	return 0;
}

/* When `event` happens next after the moment `from`; 0: never. */
static u64 next_event(const struct rtc *r, u8 event, u64 from)
{
	u64 period = period_ns(r), second = (from - r->base_ns) / NS_PER_SEC;
	u32 wait = 1;

	if (event == PERIODIC)
		return period ? (from / period + 1) * period : 0;
	if (halted(r))
		return 0;
	if (event == ALARM)
		wait = seconds_to_alarm(r, r->base_s + (s64)second);
	return wait ? r->base_ns + (second + wait) * NS_PER_SEC : 0;
}

/* Sets the flags of what has happened since the last look. */
static void look(struct rtc *r)
{
	u64 now = l1_now_ns();

	for (u8 event = UPDATE; event <= PERIODIC; event <<= 1) {
		u64 at = r->cmos[REG_C] & event ? 0 : next_event(r, event, r->seen_ns);

		if (at && at <= now)
			r->cmos[REG_C] |= event;
	}
	r->seen_ns = now;
}

static void arm(const struct rtc *r)
{
	u64 first = 0;

	for (u8 event = UPDATE; event <= PERIODIC && !r->line; event <<= 1) {
		u64 at = r->cmos[REG_B] & event ? next_event(r, event, r->seen_ns) : 0;

		if (at && (!first || at < first))
			first = at;
	}
	l1_timer_arm(first);
}

static void update(struct rtc *r)
{
	bool line;

	look(r);
	line = r->cmos[REG_B] & r->cmos[REG_C] & EVENTS;
	if (line)
		r->cmos[REG_C] |= C_IRQ;
	if (line != r->line) {
		r->line = line;
		l3_raise_irq(RTC_IRQ, line);
	}
	arm(r);
}

/* Reading clears C, and with it the line. */
static u8 read_c(struct rtc *r)
{
	u8 flags;

	look(r);
	if (r->cmos[REG_B] & r->cmos[REG_C] & EVENTS)
		r->cmos[REG_C] |= C_IRQ;
	flags = r->cmos[REG_C];
	r->cmos[REG_C] = 0;
	update(r);
	return flags;
}

static u8 read_a(const struct rtc *r)
{
	u64 in_second = (l1_now_ns() - r->base_ns) % NS_PER_SEC;

	return r->cmos[REG_A] | (!halted(r) && in_second >= NS_PER_SEC - UIP_NS ? A_UIP : 0);
}

static bool shows_time(u8 index)
{
	return index == CENTURY || (index <= YEAR && index != SECONDS_ALARM &&
					   index != MINUTES_ALARM && index != HOURS_ALARM);
}

static u8 read_data(struct rtc *r)
{
	if (r->index == REG_A)
		return read_a(r);
	if (r->index == REG_C)
		return read_c(r);
	if (shows_time(r->index))
		show_time(r);
	return r->cmos[r->index];
}

/* Time stands still while SET is on, and goes on from what the registers then show. */
static void write_b(struct rtc *r, u8 value)
{
	bool was_halted = halted(r);

	if (!was_halted)
		show_time(r);
	r->cmos[REG_B] = value & B_SET ? value & ~UPDATE : value;
	if (was_halted && !halted(r))
		take_time(r);
}

static void write_data(struct rtc *r, u8 value)
{
	u8 index = r->index;

	look(r);
	if (shows_time(index)) {
		show_time(r);
		r->cmos[index] = value;
		if (!halted(r))
			take_time(r);
	} else if (index == REG_A) {
		r->cmos[REG_A] = value & ~A_UIP;
	} else if (index == REG_B) {
		write_b(r, value);
	} else if (index != REG_C && index != REG_D) {
		r->cmos[index] = value;
	}
	update(r);
}

static u8 read_port(void *state, u32 region, u32 offset)
{
	(void)region;
	return offset ? read_data(state) : 0xff;
}

/* Bit 7 of the index masks the NMI of a PC's chipset; no such NMI exists. */
static void write_port(void *state, u32 region, u32 offset, u8 value)
{
	struct rtc *r = state;

	(void)region;
	if (offset)
		write_data(r, value);
	else
		r->index = value % CMOS_BYTES;
}

static u64 rtc_read(void *state, u32 region, u32 offset, u32 width)
{
	return bytes_read(read_port, state, region, offset, width);
}

static void rtc_write(void *state, u32 region, u32 offset, u32 width, u64 value)
{
	bytes_write(write_port, state, region, offset, width, value);
}

static void rtc_timer(void *state)
{
	update(state);
}

static void put(struct rtc *r, u32 at, u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		r->cmos[at + i] = value >> 8 * i;
}

static u64 above(u64 memory, u64 start, u64 unit, u64 most)
{
	u64 units = memory > start ? (memory - start) / unit : 0;

	return MIN(units, most);
}

static void fill_memory(struct rtc *r)
{
	u64 low = MIN(r->memory_bytes, RAM_BELOW_4G), sum = 0;

	put(r, CMOS_EQUIPMENT, EQUIPMENT_FPU, 1);
	put(r, CMOS_BASE_KIB, 640, 2);
	put(r, CMOS_ABOVE_1M_KIB, above(low, MIB(1), KIB(1), 0xffff), 2);
	put(r, CMOS_ABOVE_1M_AGAIN, above(low, MIB(1), KIB(1), 0xffff), 2);
	put(r, CMOS_ABOVE_16M_64K, above(low, MIB(16), KIB(64), 0xffff), 2);
	put(r, CMOS_ABOVE_4G_64K, above(r->memory_bytes, low, KIB(64), 0xffffff), 3);
	for (u32 i = CMOS_CHECKED; i < CMOS_SUM; i++)
		sum += r->cmos[i];
	put(r, CMOS_SUM, sum >> 8, 1);
	put(r, CMOS_SUM + 1, sum, 1);
}

static void reset(struct rtc *r)
{
	if (r->line)
		l3_raise_irq(RTC_IRQ, false);
	r->line = false;
	r->index = 0;
	r->base_s = r->wall_s;
	r->base_ns = r->wall_ns;
	r->seen_ns = l1_now_ns();
	for (u32 i = 0; i < CMOS_BYTES; i++)
		r->cmos[i] = 0;
	r->cmos[REG_A] = A_POWER_ON;
	r->cmos[REG_B] = B_24H;
	r->cmos[REG_D] = D_VALID;
	fill_memory(r);
	l1_timer_arm(0);
}

static void rtc_start(void *state, const struct driver_setup *setup)
{
	struct rtc *r = state;

	r->memory_bytes = setup->memory_bytes;
	r->wall_s = setup->wall_clock_s;
	r->wall_ns = setup->wall_clock_at_ns;
	reset(r);
}

static u64 rtc_call(void *state, u32 fn, u64 a, u64 b)
{
	(void)a, (void)b;
	if (fn != BUS_RESET)
		return BUS_NO_PEER;
	reset(state);
	return 0;
}

static const struct driver rtc_driver = {
	.name = "rtc",
	.role = PEER_COUNT,
	.state_size = sizeof(struct rtc),
	.grants = GRANT_LINE(RTC_IRQ) | GRANT_TIMER,
	.regions = { { REGION_PORT, RTC_PORT, 2 } },
	.start = rtc_start,
	.read = rtc_read,
	.write = rtc_write,
	.call = rtc_call,
	.timer = rtc_timer,
};
DRIVER_REGISTER(rtc_driver);
