/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several vCPUs from inside: starting them (SDM volume 3, "MP Initialization Protocol Algorithm for
 * MP Systems"), interrupts from one to another, sleep and wake, one time for all.
 *
 * Command line: vcpus=N (2), rounds=N (200), churn=1 (no tests: for ever yields, sleeps and sends
 * interrupts, and says now and then how often each vCPU did), bench=1 (no tests: what vCPUs cost
 * that share a CPU), greed=N (no tests: one vCPU takes what it can get, in one of the ways below).
 * Exits with 0 if all passed.
 */
#include "tests/dialect.h"
#include "core/lib/string.h"
#include "tests/guests/kit/kit.h"
#include "tests/guests/kit/trap.h"
#include "tests/guests/smp/ap.h"

#define VECTOR_PING    0x60
#define VECTOR_PONG    0x61
#define VECTOR_NMI     2
#define ICR_INIT       0x4500
#define ICR_STARTUP    0x4600
#define ICR_NMI	       0x4400
#define ICR_FIXED      0x4000
#define ICR_ALL_BUT_ME 0xc0000
#define WAIT_MS	       20000 /* on an emulator that is itself put off */
#define TSC_ROUNDS     3000
#define TELL_TURNS     200
#define COUNT_TICKS    (1ull << 27)
#define BENCH_RUNS     51
#define DEAF_ROUNDS    5

enum job { JOB_SLEEP, JOB_TSC, JOB_SPIN_OFF, JOB_YIELD, JOB_CROWD, JOB_TICKS, JOB_DEAF };

extern const u8 ap_begin[], ap_end[];

static volatile u32 turns[AP_MAX], started[AP_MAX], pings[AP_MAX], nmis[AP_MAX], pongs, tsc_done;
static volatile enum job job;
static volatile u32 woken, deaf;
static u8 deaf_to; /* what its task priority keeps out; 0: interrupts are off */
static volatile u64 tsc_last, tsc_back;
static u32 tsc_lock, vcpus, rounds;
static bool churn;

static u32 me(void)
{
	return apic_read(APIC_ID) >> 24;
}

static void send(u32 to, u32 command)
{
	apic_write(APIC_ICR_HIGH, to << 24);
	apic_write(APIC_ICR_LOW, command);
}

static void ping(void)
{
	pings[me()]++;
	apic_write(APIC_EOI, 0);
	if (!churn)
		send(0, ICR_FIXED | VECTOR_PONG);
}

static void pong(void)
{
	pongs++;
	apic_write(APIC_EOI, 0);
}

static void nmi(void)
{
	nmis[me()]++;
}

static void tick(void)
{
	apic_write(APIC_EOI, 0);
}

/* Each reads the TSC in turn: no reading may lie before the one before it. */
static void read_tsc(void)
{
	u64 now;

	while (__atomic_exchange_n(&tsc_lock, 1, __ATOMIC_ACQUIRE))
		pause();
	now = rdtsc();
	if (now < tsc_last)
		tsc_back = tsc_last - now;
	tsc_last = now;
	__atomic_store_n(&tsc_lock, 0, __ATOMIC_RELEASE);
}

static void race_tsc(void)
{
	for (u32 i = 0; i < TSC_ROUNDS; i++)
		read_tsc();
	__atomic_add_fetch(&tsc_done, 1, __ATOMIC_RELEASE);
}

/* How often each vCPU went round, and whether time went on for all of them. */
static void tell_churn(void)
{
	print("churn");
	for (u32 id = 0; id < vcpus; id++)
		print(" %u", turns[id]);
	print(tsc_back ? " TIME WENT BACK\n" : "\n");
}

static void churn_for_ever(u32 id) __noreturn;
static void churn_for_ever(u32 id)
{
	timer_periodic(1000 + 300 * id);
	for (u32 i = id;; i++) {
		turns[id]++;
		read_tsc();
		if (id == 0 && i % TELL_TURNS == 0)
			tell_churn();
		if (hypervisor_present())
			hypercall(HYPERCALL_YIELD, 0, 0, 0);
		if (i % 3 == 0)
			send((id + 1) % vcpus, ICR_FIXED | VECTOR_PING);
		if (i % 4 == 0)
			wait_interrupt();
		else if (i % 4 == 1)
			asm volatile("sti; nop; cli");
	}
}

/* Ways to keep a CPU to itself; a scheduler leaves it no more than its share. */
static void spin_masked(void)
{
	for (;;)
		asm volatile("" ::: "memory");
}

static void spin_open(void)
{
	interrupts_on();
	spin_masked();
}

static void exit_often(void)
{
	for (;;)
		(void)cpuid(0, 0);
}

static void write_port(void)
{
	for (;;)
		out8(0x80, 0);
}

static void sleep_shortly(void)
{
	timer_periodic(100);
	for (;;)
		wait_interrupt();
}

static void kick_itself(void)
{
	interrupt_handle(VECTOR_PING, tick);
	for (;;) {
		send(0, ICR_FIXED | VECTOR_PING);
		wait_interrupt();
	}
}

/* With the planted bug: the CPU itself. */
static void get_stuck(void)
{
	hypercall(HYPERCALL_VULN_STUCK, 0, 0, 0);
}

static void break_order(void)
{
	hypercall(HYPERCALL_VULN_ORDER, 0, 0, 0);
}

static void take_two(void)
{
	hypercall(HYPERCALL_VULN_ORDER, 1, 0, 0);
}

/* As one that waits for a lock, which nobody gives back. */
static void wait_for_nothing(void)
{
	interrupts_on();
	for (;;)
		pause();
}

/* Its timer is due as often as it can be, whether it has the CPU or not. */
static void tick_often(void)
{
	timer_periodic(50);
	spin_open();
}

/* How often it goes round in a stretch of time, which is less if others take it. */
static void count_rounds(void)
{
	for (;;) {
		u64 n = 0, end = rdtsc() + COUNT_TICKS;

		while (rdtsc() < end)
			n++;
		print("counted %lu\n", n);
	}
}

/* Asleep, but for what may not be masked: an interrupt that is does not end a HLT. */
static void sleep_deaf(void)
{
	apic_write(APIC_TPR, deaf_to);
	for (deaf = 1; job == JOB_DEAF; woken++) {
		if (deaf_to)
			wait_interrupt();
		else
			asm volatile("hlt" ::: "memory");
	}
	deaf = 0;
	apic_write(APIC_TPR, 0);
}

void ap_main(u32 id) __noreturn;
void ap_main(u32 id)
{
	enum job done = JOB_SLEEP;

	trap_init();
	apic_write(APIC_SVR, 0x100 | VECTOR_SPURIOUS);
	started[id]++;
	if (churn)
		churn_for_ever(id);
	for (;;) {
		if (job == JOB_TSC && done != JOB_TSC)
			race_tsc();
		if (job == JOB_CROWD)
			wait_for_nothing();
		if (job == JOB_TICKS)
			tick_often();
		if (job == JOB_DEAF && id == 1)
			sleep_deaf();
		done = job;
		while (job == JOB_YIELD)
			hypercall(HYPERCALL_YIELD, 0, 0, 0);
		if (job == JOB_SPIN_OFF) {
			while (job == JOB_SPIN_OFF)
				pause(); /* interrupts off: only an NMI or an INIT gets through */
			continue;
		}
		wait_interrupt();
	}
}

static bool reaches(const volatile u32 *count, u32 target)
{
	u64 start = rdtsc();

	interrupts_on();
	while (*count < target && rdtsc() - start < tsc_hz / 1000 * WAIT_MS)
		pause();
	interrupts_off();
	return *count >= target;
}

static bool start(u32 id)
{
	u32 before = started[id];

	memcpy((void *)AP_PAGE, ap_begin, (size_t)(ap_end - ap_begin));
	send(id, ICR_INIT);
	pit_wait(1000);
	send(id, ICR_STARTUP | AP_PAGE >> 12);
	return reaches(&started[id], before + 1);
}

static void all_begin(enum job what)
{
	job = what;
	for (u32 id = 1; id < vcpus; id++)
		start(id);
}

/* Every vCPU: what one gives way for is another of this VM. */
static void crowd(void)
{
	all_begin(JOB_CROWD);
	wait_for_nothing();
}

static void crowd_of_timers(void)
{
	all_begin(JOB_TICKS);
	tick_often();
}

typedef void (*greed_fn)(void);
static const greed_fn greed[] = { spin_masked, exit_often, write_port, sleep_shortly, kick_itself,
	get_stuck, spin_open, break_order, take_two, crowd, crowd_of_timers, count_rounds };

static void wake_all(void)
{
	for (u32 id = 1; id < vcpus; id++)
		send(id, ICR_FIXED | VECTOR_PING);
}

TEST(smp_every_vcpu_starts)
{
	for (u32 id = 1; id < vcpus; id++)
		EXPECT(started[id] >= 1);
}

TEST(smp_a_second_startup_is_ignored)
{
	u32 before = started[1];

	send(1, ICR_STARTUP | AP_PAGE >> 12);
	pit_wait(20000);
	EXPECT_EQ(started[1], before);
}

TEST(smp_interrupts_go_there_and_back)
{
	for (u32 id = 1; id < vcpus; id++) {
		u32 before = pings[id];

		for (u32 i = 0; i < rounds; i++) {
			u32 answers = pongs;

			send(id, ICR_FIXED | VECTOR_PING);
			if (!EXPECT(reaches(&pings[id], before + i + 1)) ||
				!EXPECT(reaches(&pongs, answers + 1)))
				return;
		}
	}
}

TEST(smp_one_for_all_others)
{
	u32 mine = pings[0], before[AP_MAX];

	for (u32 id = 1; id < vcpus; id++)
		before[id] = pings[id];
	send(0, ICR_FIXED | ICR_ALL_BUT_ME | VECTOR_PING);
	for (u32 id = 1; id < vcpus; id++)
		EXPECT(reaches(&pings[id], before[id] + 1));
	EXPECT_EQ(pings[0], mine);
}

TEST(smp_nmis_arrive_with_interrupts_off)
{
	job = JOB_SPIN_OFF;
	wake_all();
	for (u32 id = 1; id < vcpus; id++) {
		u32 before = nmis[id];

		send(id, ICR_NMI);
		EXPECT(reaches(&nmis[id], before + 1));
	}
	job = JOB_SLEEP;
}

/* Interrupts that are kept out wait; an NMI gets through, and then they do. */
static void expect_deaf(u8 priority)
{
	u32 before = nmis[1], answers;

	woken = 0;
	deaf_to = priority;
	job = JOB_DEAF;
	wake_all();
	EXPECT(reaches(&deaf, 1));
	pit_wait(20000);
	answers = pings[1];
	for (u32 i = 0; i < DEAF_ROUNDS; i++) {
		send(1, ICR_FIXED | VECTOR_PING);
		pit_wait(1000);
	}
	EXPECT_EQ(woken, 0);
	EXPECT_EQ(pings[1], answers);
	job = JOB_SLEEP;
	send(1, ICR_NMI);
	EXPECT(reaches(&nmis[1], before + 1));
	EXPECT(reaches(&pings[1], answers + 1));
	EXPECT_EQ(woken, 1);
}

TEST(smp_a_halt_with_interrupts_off_ends_by_nmi_alone)
{
	expect_deaf(0);
}

TEST(smp_a_halt_is_not_ended_below_the_task_priority)
{
	expect_deaf(VECTOR_PING | 0xf);
}

TEST(smp_a_deaf_one_is_started_anew)
{
	u32 before = started[1];

	deaf_to = 0;
	job = JOB_DEAF;
	wake_all();
	EXPECT(reaches(&deaf, 1));
	pit_wait(5000);
	job = JOB_SLEEP;
	EXPECT(start(1));
	EXPECT_EQ(started[1], before + 1);
	deaf = 0;
}

TEST(smp_an_init_stops_what_spins)
{
	u32 before = started[1];

	job = JOB_SPIN_OFF;
	wake_all();
	pit_wait(5000);
	EXPECT(start(1));
	EXPECT_EQ(started[1], before + 1);
	job = JOB_SLEEP;
}

TEST(smp_time_never_goes_back)
{
	tsc_last = tsc_back = tsc_done = 0;
	job = JOB_TSC;
	wake_all();
	race_tsc();
	EXPECT(reaches(&tsc_done, vcpus));
	EXPECT_EQ(tsc_back, 0);
	job = JOB_SLEEP;
}

/* One goes to sleep until the other has answered. */
static u64 round_trip(void)
{
	u32 answers = pongs;
	u64 begun = rdtsc();

	send(1, ICR_FIXED | VECTOR_PING);
	while (pongs == answers)
		wait_interrupt();
	return rdtsc() - begun;
}

/* Both give way to each other all the time. */
static u64 switches(void)
{
	u64 begun = rdtsc();

	hypercall(HYPERCALL_YIELD, 0, 0, 0);
	return (rdtsc() - begun) / 2;
}

static volatile u64 arrived;

static void arrive(void)
{
	arrived = rdtsc();
	apic_write(APIC_EOI, 0);
}

/* From when the timer was to fire until its handler runs. */
static u64 timer_latency(bool asleep)
{
	u64 ticks = apic_hz / 2000, due;

	arrived = 0;
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
	apic_write(APIC_TIMER_START, (u32)ticks);
	due = rdtsc() + ticks * tsc_hz / apic_hz;
	if (!asleep)
		interrupts_on();
	while (!arrived)
		if (asleep)
			wait_interrupt();
	interrupts_off();
	return arrived > due ? arrived - due : 0;
}

static u64 latency_spinning(void)
{
	return timer_latency(false);
}

static u64 latency_asleep(void)
{
	return timer_latency(true);
}

static void bench(const char *name, u64 (*measure)(void))
{
	u64 values[BENCH_RUNS];

	for (u32 i = 0; i < BENCH_RUNS; i++)
		values[i] = measure();
	report(name, values, BENCH_RUNS, 0);
}

static u32 bench_all(void)
{
	bench("ipi.round_trip", round_trip);
	interrupt_handle(VECTOR_TIMER, arrive);
	bench("irq.latency", latency_spinning);
	bench("wake.hlt", latency_asleep);
	job = JOB_YIELD;
	wake_all();
	bench("sched.switch", switches);
	return 0;
}

u32 guest_main(void)
{
	vcpus = (u32)argument_number("vcpus", 2);
	rounds = (u32)argument_number("rounds", 200);
	churn = argument_number("churn", 0);
	print("smp guest of %u vCPUs\n", vcpus);
	timer_calibrate();
	interrupt_handle(VECTOR_PING, ping);
	interrupt_handle(VECTOR_PONG, pong);
	interrupt_handle(VECTOR_TIMER, tick);
	interrupt_handle(VECTOR_NMI, nmi);
	if (argument("greed"))
		greed[argument_number("greed", 0) % ARRAY_LEN(greed)]();
	for (u32 id = 1; id < vcpus; id++)
		start(id);
	if (argument_number("bench", 0))
		return bench_all();
	if (!churn)
		return tests_run(NULL) ? 1 : 0;
	churn_for_ever(0);
}
