/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a boot that cannot go on: what, why and what to do, wherever it can be read. */
#include "boot/reason.h"
#include "boot/screen.h"
#include "core/l1/log.h"
#include "core/l1/power.h"
#include "core/l1/uart_port.h"
#include "core/lib/fmt.h"

static const struct {
	const char *text, *hint;
} reasons[REASON_COUNT] = { [REASON_NONE] = { "no reason given", "report the text above" },
#define X(number, name, text, hint) [number] = { text, hint },
	BOOT_REASONS(X)
#undef X
};

static void say(const char *text)
{
	uart_port_puts_polled(text);
	screen_puts(text);
}

void boot_fail(enum boot_reason reason, const char *fmt, ...)
{
	char line[256], details[200];
	va_list args;

	if ((u32)reason >= REASON_COUNT)
		reason = REASON_NONE;
	va_start(args, fmt);
	fmt_string_v(details, sizeof(details), fmt, args);
	va_end(args);
	fmt_string(
		line, sizeof(line), "\nKFV boot failure %02d: %s\n", reason, reasons[reason].text);
	say(line);
	if (details[0]) {
		fmt_string(line, sizeof(line), "  %s\n", details);
		say(line);
	}
	fmt_string(line, sizeof(line), "  What to do: %s.\n", reasons[reason].hint);
	say(line);
	machine_stop_after_panic();
}
