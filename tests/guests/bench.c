/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What exits cost, in ticks of the TSC for one iteration, the empty loop's cost taken off. Where
 * the emulator counts instructions the TSC does too, and the figures are exact. One line for each:
 *
 *	BENCH exit.cpuid <median> min <smallest>
 *
 * The first line says when it came, for how long the boot took.
 *
 * Command line: iterations=100, runs=9.
 */
#include "tests/guests/kit/kit.h"

#define RUNS_MAX    31
#define TOUCHES_MAX 1024
#define PAGES_FROM  MIB(4) /* 4 KiB apart up to here + TOUCHES_MAX pages; behind it 2 MiB apart */
#define BLOCKS_FROM MIB(16)
#define PIC_MASK    0x21
#define UART_STATUS 0x3fd
#define MSR_SEEN    MSR_APIC_BASE

static volatile u32 interrupts;

static void count_interrupt(void)
{
	interrupts++;
	apic_write(APIC_EOI, 0);
}

/* Defines a function that does `what` n times and returns the ticks that took. */
#define LOOP(id, what)                                                                             \
	static u64 id(u32 n)                                                                       \
	{                                                                                          \
		u64 start = rdtsc();                                                               \
                                                                                                   \
		while (n--) {                                                                      \
			what;                                                                      \
			asm volatile("" ::: "memory");                                             \
		}                                                                                  \
		return rdtsc() - start;                                                            \
	}

LOOP(loop_empty, (void)0)
LOOP(loop_cpuid, cpuid(0, 0))
LOOP(loop_hypercall, hypercall(HYPERCALL_NOP, 0, 0, 0))
LOOP(loop_msr_read, rdmsr(MSR_SEEN))
LOOP(loop_port_pic, in8(PIC_MASK))
LOOP(loop_port_uart, in8(UART_STATUS))
LOOP(loop_apic_read, apic_read(APIC_ID))
LOOP(loop_eoi, apic_write(APIC_EOI, 0))

/* Sent, delivered, handled and ended: two exits, and an injection. */
static void self_ipi(void)
{
	u32 before = interrupts;

	apic_write(APIC_ICR_LOW, APIC_SELF | VECTOR_TEST);
	while (interrupts == before)
		asm volatile("" ::: "memory");
}

static u64 loop_self_ipi(u32 n)
{
	u64 start = rdtsc(), ticks;

	interrupts_on();
	while (n--)
		self_ipi();
	ticks = rdtsc() - start;
	interrupts_off();
	return ticks;
}

static const struct {
	const char *name;
	u64 (*loop)(u32 n);
	bool needs_hypervisor;
} benches[] = {
	{ "exit.cpuid", loop_cpuid, false },
	{ "exit.hypercall", loop_hypercall, true },
	{ "exit.msr_read", loop_msr_read, false },
	{ "exit.port_pic", loop_port_pic, false },
	{ "exit.port_uart", loop_port_uart, false },
	{ "exit.apic_read", loop_apic_read, false },
	{ "exit.eoi", loop_eoi, false },
	{ "exit.self_ipi", loop_self_ipi, false },
};

/* The first run warms up and is not counted. */
static u64 loop_overhead(u32 iterations, u32 runs)
{
	u64 ticks, best = ~0ull;

	for (u32 i = 0; i <= runs; i++) {
		ticks = loop_empty(iterations);
		best = i ? MIN(best, ticks) : best;
	}
	return best / iterations;
}

static void bench_loop(u32 which, u32 iterations, u32 runs, u64 overhead)
{
	u64 values[RUNS_MAX];

	benches[which].loop(iterations);
	for (u32 i = 0; i < runs; i++)
		values[i] = benches[which].loop(iterations) / iterations;
	report(benches[which].name, values, runs, overhead);
}

/* Every touch is timed by itself, as no page can be new twice. */
static void bench_touch(const char *name, u64 from, u64 step, u64 end)
{
	static u64 values[TOUCHES_MAX];
	u64 overhead = ~0ull, start;
	u32 n = 0;

	for (u32 i = 0; i < RUNS_MAX; i++) {
		start = rdtsc();
		asm volatile("" ::: "memory");
		overhead = MIN(overhead, rdtsc() - start);
	}
	for (u64 at = from; n < TOUCHES_MAX && at < end; at += step) {
		start = rdtsc();
		*(volatile u64 *)at = at;
		values[n++] = rdtsc() - start;
	}
	if (n)
		report(name, values, n, overhead);
}

u32 guest_main(void)
{
	u32 iterations = argument_number("iterations", 100), runs = argument_number("runs", 9);
	u64 overhead;

	print("bench began at TSC %lu\n", rdtsc());
	runs = MAX(MIN(runs, (u32)RUNS_MAX), 1u);
	iterations = MAX(iterations, 1u);
	timer_calibrate();
	interrupt_handle(VECTOR_TEST, count_interrupt);
	overhead = loop_overhead(iterations, runs);
	print("bench %u iterations, %u runs, loop overhead %lu ticks\n", iterations, runs,
		overhead);
	for (u32 i = 0; i < ARRAY_LEN(benches); i++)
		if (hypervisor_present() || !benches[i].needs_hypervisor)
			bench_loop(i, iterations, runs, overhead);
	bench_touch("touch.4k", PAGES_FROM, PAGE_SIZE, BLOCKS_FROM);
	bench_touch("touch.2m", BLOCKS_FROM, BLOCK_SIZE, ram_end());
	return 0;
}
