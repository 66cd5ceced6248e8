/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own voice: a ring of lines that `log` shows again, and the serial console, to
 * which the ring is drained outside of exit paths.
 */
#pragma once

#include "core/l1/lock.h"
#include "core/lib/types.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* One line, without its newline; longer than 255 bytes is cut. Never blocks. */
void log_print(enum log_level level, const char *fmt, ...) __printf(2, 3);
/* Text as it is, without time or level: banners, command output. */
void out(const char *fmt, ...) __printf(1, 2);

#define log_error(...) log_print(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_print(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_print(LOG_DEBUG, __VA_ARGS__)

/*
 * Where text goes from now on; at first it is written to the serial port and the screen at once.
 * The sink waits for room if `wait` says so, else it drops what does not fit: log lines never
 * block.
 */
void log_set_sink(void (*write)(const char *text, u32 len, bool wait), void (*flush)(void));
/* LOCK_CONSOLE, which the sink is called under: all that leads to the serial ports. */
extern struct lock console_lock;
/* Everything out, by polling: before the machine stops. */
void log_flush(void);

/* The ring: the last LOG_BYTES of all bytes ever stored. */
#define LOG_BYTES 65536ul
extern char log_store[LOG_BYTES];
extern u64 log_stored;
/* To the sink, which waits. */
void log_out(const char *text, u32 len);
/* diag/out.c: prints the last n lines of the ring to the console. */
void log_replay(u32 n);

/* Stops this machine with the reason on every screen there is, a register dump and a backtrace. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;

/* An invariant of ours; stays on in release. */
#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (unlikely(!(x)))                                                                \
			panic("%s:%d: broken invariant: %s", __FILE__, __LINE__, #x);              \
	} while (0)
