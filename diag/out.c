/* SPDX-License-Identifier: BSD-2-Clause */
/* Text for whoever reads the console: command output, and the log once more. */
#include "core/l1/log.h"
#include "core/lib/fmt.h"

#define OUT_PIECE 64

/* Collects pieces, so that text of any length passes. */
struct out_sink {
	struct fmt_sink fmt;
	u32 len;
	char piece[OUT_PIECE];
};

static void out_flush(struct out_sink *o)
{
	if (o->len)
		log_out(o->piece, o->len);
	o->len = 0;
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
	u64 oldest = log_stored > LOG_BYTES ? log_stored - LOG_BYTES : 0, at = log_stored;

	while (at > oldest && (log_store[(at - 1) % LOG_BYTES] != '\n' || n--))
		at--;
	return at;
}

void log_replay(u32 n)
{
	char piece[OUT_PIECE];
	u64 at = 0, end = log_stored;
	u32 len = 1;

	while (len) {
		lock_take(&console_lock);
		at = MAX(at ? at : last_lines(n), log_stored - MIN(log_stored, LOG_BYTES));
		for (len = 0; len < OUT_PIECE && at < end; at++)
			piece[len++] = log_store[at % LOG_BYTES];
		lock_give(&console_lock);
		out("%.*s", (int)len, piece);
	}
}
