/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call of a driver costs in either placement, a message, two grants with a copy of 64 bytes
 * between them, and what a hook costs, in ticks of the TSC for
 * one crossing: with nothing armed, with one agent that
 * finds nothing, and with one whose finding goes to the horizontal orchestrator. Instructions,
 * where the emulator counts those. One line for each, as the bench guest has them:
 *
 *	BENCH hook.unarmed <median> min <smallest>
 */
#include "tests/dialect.h"

#include "arch/x86/cpu.h"
#include "core/l1/gate.h"
#include "core/l1/frame.h"
#include "core/l2/bus.h"
#include "core/l2/memory.h"
#include "core/l2/placement.h"
#include "core/lib/string.h"
#include "kfv/mediation.h"
#include "tests/image/hostile.h"

#define RUNS	  5
#define CROSSINGS 1000

#define PIC	    0x20
#define WRONG_WIDTH 2 /* the range agent notices that */

static struct vm vm;
static struct hrsc vcpu, *placed;

/* Defines a function: it fills in what one `what` took in each run, the runs in order of that. */
#define LOOP(id, what)                                                                             \
	static void id(u64 *values)                                                                \
	{                                                                                          \
		for (u32 run = 0; run < RUNS; run++) {                                             \
			u64 start = rdtsc();                                                       \
                                                                                                   \
			for (u32 n = CROSSINGS; n; n--) {                                          \
				what;                                                              \
				asm volatile("" ::: "memory");                                     \
			}                                                                          \
			insert(values, run, (rdtsc() - start) / CROSSINGS);                        \
		}                                                                                  \
	}

/* Two ends of the bus with RAM, of which one sends the other 64 bytes. */
#define BYTES	64
#define VM_SLOT 14

static struct hrsc end[2];
static hpa_t block[2];
static struct vm owner[2];
static bool missed; /* something did not come */

static void pass_message(void)
{
	struct bus_message m;

	missed |= bus_send(&end[0], &end[1], BUS_INFO, 1, 2) < 0 || !bus_receive(&end[1], &m);
}

static void pass_bytes(void)
{
	const struct bus_piece piece = { .at = PAGE_SIZE, .len = BYTES };
	u64 from = (u64)bus_grant(&end[0], &vcpu, &owner[0], &piece, 1, BUS_READ);
	u64 to = (u64)bus_grant(&end[1], &vcpu, &owner[1], &piece, 1, BUS_WRITE);

	missed |= bus_copy(&vcpu, to, from, &vm, BUS_LENGTHS(0, 0, BYTES)) < 0;
	bus_revoke(&end[0], from);
}

static void insert(u64 *values, u32 n, u64 value)
{
	for (; n && values[n - 1] > value; n--)
		values[n] = values[n - 1];
	values[n] = value;
}

LOOP(pass_nothing, (void)0)
LOOP(pass_exit_gate, l1_gate_exit(&vcpu, EXIT_CPUID, 0, n))
LOOP(pass_gate, (void)placed->l3->read(placed, 0, 0, 8))
LOOP(pass_port_hook,
	(void)HOOK(vcpu.armed, HOOK_L3_PORT_READ, vcpu.id, vm.hrsc.id, PIC, WRONG_WIDTH, 0, 0))

LOOP(pass_messages, pass_message())
LOOP(pass_grants, pass_bytes())

static void report(const char *name, void (*pass)(u64 *values))
{
	u64 values[RUNS], nothing[RUNS];

	lock_order_checked = false;
	pass_nothing(nothing);
	pass(values);
	lock_order_checked = true;
	test_printf("BENCH %s %lu min %lu\n", name, values[RUNS / 2] - nothing[0],
		values[0] - nothing[0]);
}

static bool add_machine(void)
{
	vm.hrsc.owner = &vm;
	return EXPECT_EQ(
		hrsc_add(&vm.hrsc, HRSC_VM, 0, "bench") | hrsc_add(&vcpu, HRSC_VCPU, 0, "bench"),
		0);
}

static void remove_machine(void)
{
	hrsc_remove(&vm.hrsc);
	hrsc_remove(&vcpu);
}

/* A driver's read() that returns a number it has, asked for through its interface. */
static void report_gate(const char *name, bool is_confined)
{
	if (!EXPECT_EQ(driver_place(&vm, &hostile_driver, 0, is_confined), 0))
		return;
	placed = vm.driver[--vm.ndrivers];
	driver_start(placed);
	report(name, pass_gate);
	EXPECT_EQ(placed->state, HRSC_LIVE);
	driver_remove(placed);
	vm = (struct vm){ 0 };
}

TEST(bench_gate_calls)
{
	report_gate("gate.trusted", false);
	report_gate("gate.confined", true);
}

TEST(bench_bus)
{
	if (!add_machine())
		return;
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(block_alloc(OWNER_VM(VM_SLOT + i), &block[i]), 0);
		owner[i] = (struct vm){ .memory_bytes = BLOCK_SIZE, .blocks = &block[i] };
		EXPECT_EQ(hrsc_add(&end[i], HRSC_DRIVER, 0, "end") | bus_open(&end[i]), 0);
	}
	report("bus.message", pass_messages);
	report("bus.copy", pass_grants);
	EXPECT(!missed);
	for (u32 i = 0; i < 2; i++) {
		bus_close(&end[i]);
		hrsc_remove(&end[i]);
		block_give(block[i]);
	}
	remove_machine();
}

TEST(bench_hook_without_finding)
{
	enum policy_mode mode = policy_active()->table.mode;
	u64 before = witness_seen(HOOK_L1_EXIT);

	if (!add_machine())
		return;
	EXPECT_EQ(policy_set_mode(POLICY_OFF), 0);
	report("hook.unarmed", pass_exit_gate);
	EXPECT_EQ(witness_seen(HOOK_L1_EXIT), before);
	EXPECT_EQ(hook_arm_all(true), 0);
	report("hook.armed", pass_exit_gate);
	EXPECT_EQ(witness_seen(HOOK_L1_EXIT) - before, RUNS * CROSSINGS);
	EXPECT_EQ(hook_arm_all(false), 0);
	EXPECT_EQ(policy_set_mode(mode), 0);
	remove_machine();
}

TEST(bench_hook_with_finding)
{
	static const char text[] = "policy bench { version 1\n"
				   "agent range { widths 100000 }\n"
				   "when range severity notice do R00 }\n";
	u32 range = (u32)agent_find("range");
	u64 before = mediation_findings(range);
	struct config_error e;

	if (!add_machine())
		return;
	EXPECT_EQ(policy_load(text, strlen(text), &e), 0);
	report("hook.finding", pass_port_hook);
	EXPECT_EQ(mediation_findings(range) - before, RUNS * CROSSINGS);
	EXPECT_EQ(policy_load(policy_default, strlen(policy_default), &e), 0);
	remove_machine();
}
