/* SPDX-License-Identifier: BSD-2-Clause */
/* The Gregorian calendar: seconds since 1970 and dates, without leap seconds. */
#pragma once

#include "core/lib/types.h"

struct calendar {
	u32 year;    /* 0 to 9999 */
	u32 month;   /* 1 to 12 */
	u32 day;     /* from 1 */
	u32 weekday; /* 1: Sunday */
	u32 hour, minute, second;
};

void calendar_from_seconds(struct calendar *c, s64 seconds);
/* The weekday is not looked at; what is out of range carries over, months wrap to 1-12. */
s64 calendar_to_seconds(const struct calendar *c);
/* 0 to 86399 */
u32 calendar_second_of_day(s64 seconds);
