/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts the application processors, one after the other (SDM volume 3, "Multiple-Processor
 * Management"): each gets its percpu record, stacks and windows, is sent INIT and STARTUP, and
 * reports. How far its TSC is from the boot CPU's is measured while it does.
 *
 * One that wakes too late halts, wherever it is: in the page below 1 MiB, which knows the APIC id
 * of the one that is wanted; by the INIT that it is sent; and before it answers, as whoever takes
 * `starting` away, the boot CPU or the new one, has decided.
 */
#include "boot/ap.h"

#include "boot/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "boot/mb2.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/lib/string.h"
#include "core/loop.h"

#if CONFIG_TEST
#include "tests/dialect.h"
#endif

#define LOW_FIRST     0x8000ul /* below lie a BIOS's data, and UEFI loaders' tables */
#define LOW_END	      0x9f000ul
#define GUARD_PAGES   1
#define STACK_PAGES   (STACK_BYTES / PAGE_SIZE)
#define AREA_PAGES    (GUARD_PAGES + STACK_PAGES + 3) /* and the stacks of NMI, #DF, #MC */
#define INIT_WAIT_NS  10000000ull
#define AGAIN_NS      1000000ull
#define GIVE_UP_NS    1000000000ull
#define TSC_SKEW_LOUD 2000 /* ticks: more than a measurement of a good clock is off by */
#define TSC_ROUNDS    64
#define NOBODY	      0x100u

struct ap_fields {
	u32 apic; /* its low 8 bits: who is to go on, NOBODY */
	u32 cr3;
	u32 target;
	u16 target_selector, gdt_limit;
	u32 gdt_base, zero;
	u64 stack, cpu, main;
} __packed;

extern const char ap_page[], ap_page_end[], ap_fields[];

enum ap_state { AP_STARTED, AP_READY, AP_FAILED };

static struct percpu *starting;		 /* (a) NULL: it has come, or is too late */
static volatile u32 state;		 /* (a) of the one being started */
static volatile u64 tsc_asked, tsc_told; /* (a) the ball that both CPUs play */
static struct hv_features offers;	 /* (o) by the CPU that is being started */
static volatile bool released;		 /* (a) */

static void wait_ns(u64 ns)
{
	u64 end = time_now_ns() + ns;

	while (time_now_ns() < end)
		cpu_relax();
}

/* The new CPU's side: its TSC for each question. */
static void tell_tsc(void)
{
	for (u64 round = 1; round <= TSC_ROUNDS; round++) {
		while (tsc_asked != round)
			cpu_relax();
		tsc_told = rdtsc();
	}
}

/*
 * How far the other TSC is ahead, from the round that took the shortest time: *error is by how much
 * that may be wrong.
 */
static s64 tsc_ahead(s64 *error)
{
	u64 shortest = ~0ull;
	s64 ahead = 0;

	tsc_asked = 0;
	for (u64 round = 1; round <= TSC_ROUNDS; round++) {
		u64 from = rdtsc(), took;

		tsc_told = 0;
		tsc_asked = round;
		while (!tsc_told)
			cpu_relax();
		took = rdtsc() - from;
		if (took < shortest) {
			shortest = took;
			ahead = (s64)(tsc_told - from - took / 2);
			*error = (s64)(took / 2);
		}
	}
	return ahead;
}

/* Flushes come by kick, and a VM that could not be created may be given back. */
static void await_kick(void)
{
	asm volatile("sti; hlt; cli" ::: "memory");
	smp_quiet();
}

#if CONFIG_TEST
static void (*volatile errand)(void); /* (a) */
static volatile u32 errands;	      /* (a) given so far */
static u32 busy;		      /* (a) CPUs that have not done the last one */

static void run_errand(u32 *done)
{
	if (*done == errands)
		return;
	*done = errands;
	errand();
	__atomic_sub_fetch(&busy, 1, __ATOMIC_RELEASE);
}

void ap_errand(void (*fn)(void))
{
	errand = fn;
	busy = cpu_count - 1;
	errands++;
	for (u32 id = 1; id < cpu_count; id++)
		smp_kick(id);
	fn();
	while (__atomic_load_n(&busy, __ATOMIC_ACQUIRE))
		smp_quiet();
}

/*
 * late=N: the first one is too late. 1: its STARTUP reaches it while the next one is started. 2: it
 * comes, and stands still until the next one has come. No INIT stops these two. 3: as 2, with INIT.
 */
static struct {
	u32 apic, came, parked; /* (a) */
} late;

/* Does this STARTUP get lost? */
static bool late_startup(u32 apic, u64 page)
{
	if (test_number("late", 0) != 1)
		return false;
	if (!late.apic)
		late.apic = apic;
	if (apic != late.apic) {
		apic_send(late.apic, IPI_STARTUP((u8)(page >> PAGE_SHIFT)));
		wait_ns(INIT_WAIT_NS);
	}
	return apic == late.apic;
}

static bool late_init(void)
{
	u64 which = test_number("late", 0);

	return which == 1 || which == 2;
}

static void late_comes(void)
{
	bool first = __atomic_add_fetch(&late.came, 1, __ATOMIC_SEQ_CST) == 1;

	while (first && test_number("late", 0) > 1 && *(volatile u32 *)&late.came == 1)
		cpu_relax();
}

static void late_parks(void)
{
	late.parked++;
}

static void late_tell(void)
{
	if (!test_number("late", 0))
		return;
	wait_ns(INIT_WAIT_NS);
	log_info("late: %u came, %u parked", late.came, late.parked);
}
#else
#define run_errand(done)	 (void)(done)
#define late_startup(apic, page) false
#define late_init()		 false
#define late_comes()		 ((void)0)
#define late_parks()		 ((void)0)
#define late_tell()		 ((void)0)
#endif

/* cpu is the one that is waited for, and from now on nobody is. */
static bool claim(struct percpu *cpu)
{
	return __atomic_compare_exchange_n(
		&starting, &cpu, NULL, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void park(void) __noreturn;
static void park(void)
{
	for (;;)
		asm volatile("cli; hlt");
}

static void ap_main(struct percpu *cpu) __noreturn;
static void ap_main(struct percpu *cpu)
{
	u32 done = 0;
	int err;

	late_comes();
	if (!claim(cpu)) {
		late_parks();
		park();
	}
	tables_load(cpu);
	cpu_set_modes();
	err = apic_init();
	if (!err && hv->probe(&offers)) /* firmware may have locked each CPU, or none */
		err = -ENODEV;
	if (!err)
		err = hv->cpu_enable();
	state = err ? AP_FAILED : AP_READY;
	if (err)
		park();
	tell_tsc();
	while (!released) {
		await_kick();
		run_errand(&done);
	}
	loop_run();
}

/* A page of RAM below 1 MiB that nothing of the loader's lies in. */
static u64 low_page(const struct boot_info *info)
{
	for (u64 at = LOW_FIRST; at < LOW_END; at += PAGE_SIZE) {
		for (u32 i = 0; i < info->nranges; i++) {
			const struct memory_range *r = &info->ranges[i];

			if (r->usable && at >= r->base && at + PAGE_SIZE <= r->base + r->len)
				return at;
		}
	}
	return 0;
}

/* The windows lie where the CPU's number says, and those left out never come to use theirs. */
static int make_windows(struct percpu *cpu)
{
	static struct percpu *last;

	if (!last || last->id != cpu->id) {
		if (window_init(cpu) < 0)
			return -ENOMEM;
		last = cpu;
	}
	cpu->window_table = last->window_table;
	cpu->window = last->window;
	return 0;
}

/* CPU number `id`, with stacks above a page that is not there; NULL: the pool is empty. */
static struct percpu *make_cpu(u32 id, u32 apic)
{
	u32 pages = PAGES_FOR(sizeof(struct percpu));
	struct percpu *cpu = pages_alloc(pages, FRAME_DATA);
	u8 *area = pages_alloc(AREA_PAGES, FRAME_DATA);

	if (!cpu || !area)
		return NULL;
	cpu->id = id;
	cpu->apic_id = apic;
	cpu->stack = area + GUARD_PAGES * PAGE_SIZE;
	cpu->ist = cpu->stack + STACK_BYTES;
	if (make_windows(cpu) < 0)
		return NULL;
	pt_unmap(&host_tables, (u64)area, PAGE_SIZE);
	return cpu;
}

static void fill_page(u8 *page, u64 at, const struct percpu *cpu)
{
	struct ap_fields *f = (struct ap_fields *)(page + (ap_fields - ap_page));

	memcpy(page, ap_page, (u64)(ap_page_end - ap_page));
	f->apic = (u8)cpu->apic_id;
	f->cr3 = (u32)cr3_read();
	f->target += (u32)at;
	f->gdt_base += (u32)at;
	f->stack = (u64)cpu->stack + STACK_BYTES;
	f->cpu = (u64)cpu;
	f->main = (u64)ap_main;
}

static bool answered(u64 ns)
{
	for (u64 end = time_now_ns() + ns; state == AP_STARTED && time_now_ns() < end;)
		cpu_relax();
	return state != AP_STARTED;
}

static void send_startup(u32 apic, u64 page)
{
	if (!late_startup(apic, page))
		apic_send(apic, IPI_STARTUP((u8)(page >> PAGE_SHIFT)));
}

static bool wake(struct percpu *cpu, u64 page)
{
	state = AP_STARTED;
	__atomic_store_n(&starting, cpu, __ATOMIC_SEQ_CST);
	apic_send(cpu->apic_id, IPI_INIT);
	wait_ns(INIT_WAIT_NS);
	send_startup(cpu->apic_id, page);
	if (answered(AGAIN_NS))
		return true;
	send_startup(cpu->apic_id, page);
	return answered(GIVE_UP_NS);
}

/* What it has not come past yet it will not; if it has come, it is about to answer. */
static bool give_up(struct percpu *cpu, u8 *mapped)
{
	if (!claim(cpu))
		return answered(GIVE_UP_NS);
	/* `apic`, which is first */
	__atomic_store_n((u32 *)(mapped + (ap_fields - ap_page)), NOBODY, __ATOMIC_SEQ_CST);
	if (!late_init())
		apic_send(cpu->apic_id, IPI_INIT);
	wait_ns(INIT_WAIT_NS);
	return false;
}

/* Clocks that differ would let a VM's time jump with its vCPU. */
static void check_tsc(u32 apic)
{
	s64 error = 0, ahead = tsc_ahead(&error);

	if (ahead <= error + TSC_SKEW_LOUD && -ahead <= error + TSC_SKEW_LOUD)
		return;
	cpu_features.invariant_tsc = false; /* nor may guests take it for one clock */
	log_warn("CPU with APIC id %u: its TSC is %ld ticks off the boot CPU's", apic, ahead);
}

static void start_one(u32 apic, u64 page, u8 *mapped)
{
	struct percpu *cpu = make_cpu(cpu_count, apic);

	if (!cpu) {
		log_warn("CPU with APIC id %u: no memory left for it", apic);
		return;
	}
	fill_page(mapped, page, cpu);
	if ((!wake(cpu, page) && !give_up(cpu, mapped)) || state == AP_FAILED) {
		log_warn("CPU with APIC id %u: %s; it is left out", apic,
			state == AP_FAILED ? "virtualisation cannot be switched on"
					   : "did not start within a second");
		return;
	}
	check_tsc(apic);
	cpus[cpu_count++] = cpu;
}

void ap_start(const struct boot_info *info, u32 max)
{
	u64 page = low_page(info);
	u8 *mapped = page ? host_map(HPA(page), PAGE_SIZE, PROT_RW) : NULL;

	smp_init();
	if (acpi.ncpus < 2 || max < 2)
		return;
	if (!mapped || pt_map(&host_tables, page, HPA(page), PAGE_SIZE, PROT_RX) < 0) {
		log_warn("the other CPUs need a free page below 1 MiB, and there is none");
		return;
	}
	for (u32 i = 0; i < acpi.ncpus && cpu_count < MIN(max, CPU_MAX); i++) {
		if (acpi.apic_id[i] != boot_cpu.apic_id)
			start_one(acpi.apic_id[i], page, mapped);
	}
	pt_unmap(&host_tables, page, PAGE_SIZE);
	pt_unmap(&host_tables, (u64)mapped, PAGE_SIZE);
	smp_flush();
	late_tell();
}

void ap_release(void)
{
	released = true;
	for (u32 id = 1; id < cpu_count; id++)
		smp_kick(id);
}
