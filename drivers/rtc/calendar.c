/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dates by counting from 1 March of a year 0 that starts a cycle of 400 years: February's leap day
 * then ends a year, and months of 153 days in five follow each other (ISO 8601, the proleptic
 * Gregorian calendar).
 */
#include "drivers/rtc/calendar.h"

#define DAY_SECONDS   86400
#define CYCLE_DAYS    146097 /* 400 years */
#define EPOCH_DAYS    719468 /* from 1 March of the year 0 to 1 January 1970 */
#define EPOCH_WEEKDAY 4	     /* a Thursday; Sunday is 0 */

static s64 floor_div(s64 a, s64 b)
{
	return a / b - (a % b < 0);
}

u32 calendar_second_of_day(s64 seconds)
{
	return seconds - floor_div(seconds, DAY_SECONDS) * DAY_SECONDS;
}

void calendar_from_seconds(struct calendar *c, s64 seconds)
{
	s64 days = floor_div(seconds, DAY_SECONDS),
	    cycle = floor_div(days + EPOCH_DAYS, CYCLE_DAYS);
	u32 of_day = calendar_second_of_day(seconds);
	u32 of_cycle = days + EPOCH_DAYS - cycle * CYCLE_DAYS;
	u32 year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
	u32 of_year = of_cycle - (365 * year + year / 4 - year / 100);
	u32 month = (5 * of_year + 2) / 153; /* 0: March */

	c->second = of_day % 60;
	c->minute = of_day / 60 % 60;
	c->hour = of_day / 3600;
	c->weekday = days + EPOCH_WEEKDAY - floor_div(days + EPOCH_WEEKDAY, 7) * 7 + 1;
	c->day = of_year - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = year + cycle * 400 + (c->month <= 2);
}

s64 calendar_to_seconds(const struct calendar *c)
{
	u32 month = (c->month + 11) % 12 + 1;
	s64 year = (s64)c->year - (month <= 2), cycle = floor_div(year, 400);
	u32 of_cycle = year - cycle * 400;
	u32 of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5;
	s64 days = (s64)of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year + c->day - 1;

	days += cycle * CYCLE_DAYS - EPOCH_DAYS;
	return days * DAY_SECONDS + c->hour * 3600 + c->minute * 60 + c->second;
}
