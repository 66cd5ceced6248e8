/* SPDX-License-Identifier: BSD-2-Clause */
/* The log ring, and the way of text out of the nucleus. */
#include "core/l1/log.h"

#include "boot/screen.h"
#include "core/l1/lock.h"
#include "core/l1/time.h"
#include "core/l1/uart_port.h"
#include "core/lib/fmt.h"

#define LOG_BYTES 65536ul
#define LINE_TEXT 255
#define OUT_PIECE 64

static const char *const level_names[] = {
	[LOG_ERROR] = "error: ",
	[LOG_WARN] = "warning: ",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "debug: ",
};

struct lock console_lock = LOCK_INIT(LOCK_CONSOLE);
static char store[LOG_BYTES]; /* (l) console_lock */
static u64 stored; /* (l) bytes ever stored; the last LOG_BYTES of them are in the ring */

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
		store[stored++ % LOG_BYTES] = line[i];
	if (level < LOG_DEBUG)
		sink(line, (u32)len, false);
	lock_give_again(&console_lock, taken);
}

/* Collects pieces, so that text of any length passes. */
struct out_sink {
	struct fmt_sink fmt;
	u32 len;
	char piece[OUT_PIECE];
};

static void out_flush(struct out_sink *o)
{
	bool taken = lock_take_again(&console_lock);

	if (o->len)
		sink(o->piece, o->len, true);
	o->len = 0;
	lock_give_again(&console_lock, taken);
}

static void out_put(struct fmt_sink *fmt, char c)
{
	struct out_sink *o = container_of(fmt, struct out_sink, fmt);

	o->piece[o->len++] = c;
	if (o->len == OUT_PIECE)
		out_flush(o);
}

void out(const char *fmt, ...)
{
	struct out_sink o = { .fmt.put = out_put };
	va_list args;

	va_start(args, fmt);
	fmt_v(&o.fmt, fmt, args);
	va_end(args);
	out_flush(&o);
}

/* Where the last n lines begin. */
static u64 last_lines(u32 n)
{
	u64 oldest = stored > LOG_BYTES ? stored - LOG_BYTES : 0, at = stored;

	while (at > oldest && (store[(at - 1) % LOG_BYTES] != '\n' || n--))
		at--;
	return at;
}

void log_replay(u32 n)
{
	char piece[OUT_PIECE];
	u64 at = 0, end = stored;
	u32 len = 1;

	while (len) {
		lock_take(&console_lock);
		at = MAX(at ? at : last_lines(n), stored - MIN(stored, LOG_BYTES));
		for (len = 0; len < OUT_PIECE && at < end; at++)
			piece[len++] = store[at % LOG_BYTES];
		lock_give(&console_lock);
		out("%.*s", (int)len, piece);
	}
}
