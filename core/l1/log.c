/* SPDX-License-Identifier: BSD-2-Clause */
/* The log ring, and the way of text out of the nucleus. */
#include "core/l1/log.h"

#include "boot/screen.h"
#include "core/l1/lock.h"
#include "core/l1/time.h"
#include "core/l1/uart_port.h"
#include "core/lib/fmt.h"

#define LINE_TEXT 255

static const char *const level_names[] = {
	[LOG_ERROR] = "error: ",
	[LOG_WARN] = "warning: ",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "debug: ",
};

struct lock console_lock = LOCK_INIT(LOCK_CONSOLE);
char log_store[LOG_BYTES]; /* (l) console_lock */
u64 log_stored;		   /* (l) */

static void write_at_once(const char *text, u32 len, bool wait)
{
	(void)wait;
	uart_port_write_polled(text, len);
	screen_write(text, len);
}

static void (*sink)(const char *text, u32 len, bool wait) = write_at_once; /* (o) */
static void (*sink_flush)(void) = uart_port_sync;			   /* (o) */

void log_set_sink(void (*write)(const char *text, u32 len, bool wait), void (*flush)(void))
{
	sink = write;
	sink_flush = flush;
}

void log_flush(void)
{
	sink_flush();
}

void log_print(enum log_level level, const char *fmt, ...)
{
	char line[LINE_TEXT + 32], text[LINE_TEXT + 1];
	u64 ms = time_now_ns() / 1000000;
	va_list args;
	bool taken;
	int len;

	va_start(args, fmt);
	fmt_string_v(text, sizeof(text), fmt, args);
	va_end(args);
	len = fmt_string(line, sizeof(line), "[%5lu.%03lu] %s%s\n", ms / 1000, ms % 1000,
		level_names[level], text);
	taken = lock_take_again(&console_lock);
	for (int i = 0; i < len; i++)
		log_store[log_stored++ % LOG_BYTES] = line[i];
	if (level < LOG_DEBUG)
		sink(line, (u32)len, false);
	lock_give_again(&console_lock, taken);
}

void log_out(const char *text, u32 len)
{
	bool taken = lock_take_again(&console_lock);

	sink(text, len, true);
	lock_give_again(&console_lock, taken);
}
