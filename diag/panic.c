/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own end; what it shows of the machine is in diag/panic_dump.c. Works with as
 * little as possible: polls the serial port, allocates nothing, takes no lock, and never returns.
 */
#include "arch/x86/panic.h"

#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "boot/screen.h"
#include "core/l1/log.h"
#include "core/l1/power.h"
#include "core/l1/uart_port.h"
#include "core/lib/fmt.h"
#include "core/lib/text.h"

void panic_say(const char *fmt, ...)
{
	char line[200];
	va_list args;

	va_start(args, fmt);
	fmt_string_v(line, sizeof(line), fmt, args);
	va_end(args);
	uart_port_puts_polled(line);
	screen_puts(line);
}

/*
 * The first line is said when the log before it is out. A panic on the way there says both; one
 * more is the end.
 */
static void begin(const char *why)
{
	static char first[200];
	static u32 depth;

	irq_off();
	tables_find_gs();
	smp_stop_others();
	if (depth++ > 1)
		machine_halt();
	if (depth == 1) {
		(void)text_copy(first, sizeof(first), why);
		log_flush();
		panic_say("\nKFV PANIC: %s\n", why);
	} else {
		panic_say("\nKFV PANIC: %s\nwhile it panicked: %s\n", first, why);
	}
}

static void end(void) __noreturn;
static void end(void)
{
	panic_say("The machine is stopped. Please report the lines above.\n");
	machine_stop_after_panic();
}

void panic(const char *fmt, ...)
{
	char line[200];
	va_list args;

	va_start(args, fmt);
	fmt_string_v(line, sizeof(line), fmt, args);
	va_end(args);
	begin(line);
	backtrace_print((u64)__builtin_return_address(0), (u64)__builtin_frame_address(0));
	end();
}

void panic_exception(const struct trap_frame *f)
{
	char line[80];

	fmt_string(line, sizeof(line), "exception %lu (%s) in the hypervisor", f->vector,
		cause_name(f->vector));
	begin(line);
	panic_dump(f);
	backtrace_print(f->rip, f->rbp);
	end();
}
