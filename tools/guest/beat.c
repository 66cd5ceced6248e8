/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * beat [MS]: prints "beat N TIME LATE" every MS milliseconds for ever. TIME is the guest's
 * monotonic clock and LATE how far past its deadline the beat came, both in microseconds. The
 * deadlines are absolute, so a delay does not shift the beats after it. Relies on Linux system
 * calls alone (Linux man-pages, section 2), since the guest has no C library.
 */
#include <stdint.h>

#define SYS_write	    1
#define SYS_clock_gettime   228
#define SYS_clock_nanosleep 230
#define CLOCK_MONOTONIC	    1
#define TIMER_ABSTIME	    1
#define USEC_PER_SEC	    1000000
#define DEFAULT_PERIOD_MS   200

struct timespec {
	int64_t sec;
	int64_t nsec;
};

static long syscall4(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

static int64_t now_us(void)
{
	struct timespec ts = { 0, 0 };

	syscall4(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&ts, 0, 0);
	return ts.sec * USEC_PER_SEC + ts.nsec / 1000;
}

static void sleep_until_us(int64_t when)
{
	struct timespec ts = { when / USEC_PER_SEC, when % USEC_PER_SEC * 1000 };

	syscall4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&ts, 0);
}

/* Writes a space and the number, returns the new end. */
static char *put_number(char *end, uint64_t n)
{
	char digits[20];
	int len = 0;

	do
		digits[len++] = '0' + n % 10;
	while ((n /= 10) != 0);
	*end++ = ' ';
	while (len)
		*end++ = digits[--len];
	return end;
}

static void print_beat(uint64_t n, int64_t time_us, int64_t late_us)
{
	char line[80] = "beat";
	char *end = line + 4;

	end = put_number(end, n);
	end = put_number(end, time_us);
	end = put_number(end, late_us);
	*end++ = '\n';
	syscall4(SYS_write, 1, (long)line, end - line, 0);
}

static int64_t parse_ms(const char *s)
{
	int64_t ms = 0;

	while (*s >= '0' && *s <= '9' && ms < USEC_PER_SEC)
		ms = ms * 10 + *s++ - '0';
	return ms ? ms : DEFAULT_PERIOD_MS;
}

/* Called by _start with the initial stack: argc, then argv. */
__attribute__((noreturn, used)) static void beat_main(const uint64_t *stack)
{
	int64_t period_us =
		(stack[0] > 1 ? parse_ms((const char *)stack[2]) : DEFAULT_PERIOD_MS) * 1000;
	int64_t due = now_us();

	for (uint64_t n = 0;; n++) {
		int64_t now = now_us();

		print_beat(n, now, now - due);
		due += period_us;
		sleep_until_us(due);
	}
}

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call beat_main\n");
