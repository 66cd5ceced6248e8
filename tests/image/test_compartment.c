/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compartments from outside: whatever a driver does in one ends there, with its cause named; the
 * nucleus goes on, and what it stands on is as before.
 */
#include "tests/dialect.h"

#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/time.h"
#include "core/l2/gate.h"
#include "core/l2/placement.h"
#include "kfv/mediation.h"
#include "tests/image/hostile.h"

#define NON_CANONICAL 0x8000000000000000ull
#define SEVERAL	      200 /* "any of these", for what CPUs differ in */

extern char image_start[], driver_text_start[], driver_rodata_start[];

static struct vm vm;

static struct hrsc *place(const struct driver *d)
{
	int err = driver_place(&vm, d, 0, true);

	if (!EXPECT_EQ(err, 0))
		return NULL;
	driver_start(vm.driver[vm.ndrivers - 1]);
	return vm.driver[vm.ndrivers - 1];
}

static void remove_all(void)
{
	while (vm.ndrivers)
		driver_remove(vm.driver[--vm.ndrivers]);
	vm = (struct vm){ 0 };
	time_arm(0); /* no tick for the tests that follow, nor one that has come already */
	asm volatile("sti; nop; cli" ::: "memory");
}

static bool nucleus_is_sound(void)
{
	u64 flags, gs = rdmsr(MSR_GS_BASE);

	asm volatile("pushfq; popq %0" : "=r"(flags));
	return (flags & ~0x8d5ull) == RFLAGS_FIXED && gs == (u64)this_cpu(self) &&
	       cr3_read() == host_cr3 && !this_cpu(compartment) && !this_cpu(crossings) &&
	       !this_cpu(running) && !this_cpu(tss.rsp[0]) && (cr0_read() & CR0_TS);
}

/* The act ends the driver with this cause; then it is started anew. */
static const struct compartment_fault *expect_end(
	struct hrsc *h, enum hostile_act act, u64 value, u64 cause)
{
	const struct compartment_fault *f = &h->compartment->fault;
	bool named;

	driver_start(h);
	EXPECT_EQ(h->state, HRSC_LIVE);
	h->l3->write(h, 0, act, 8, value);
	named = EXPECT_EQ(h->state, HRSC_FAILED);
	if (cause != SEVERAL)
		named &= EXPECT_EQ(f->cause, cause);
	named &= EXPECT(nucleus_is_sound());
	EXPECT_EQ(l2_gate_call(&vm.hrsc, h, BUS_INFO, 0, 0), BUS_NO_PEER);
	if (!named)
		test_printf("# act %u with %#lx: %s\n", act, (unsigned long)value,
			cause_name(f->cause));
	return f;
}

static void expect_fine(struct hrsc *h, enum hostile_act act, u64 value)
{
	driver_start(h);
	h->l3->write(h, 0, act, 8, value);
	if (!EXPECT_EQ(h->state, HRSC_LIVE) || !EXPECT(nucleus_is_sound()))
		test_printf("# act %u with %#lx: %s\n", act, (unsigned long)value,
			cause_name(h->compartment->fault.cause));
}

TEST(compartment_runs_a_driver)
{
	struct hrsc *h = place(&hostile_driver);

	if (!h)
		return;
	vm.nvcpus = 3;
	driver_start(h);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 3);
	h->l3->write(h, 0, ACT_nothing, 8, 0x123456789abcdef0);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0x123456789abcdef0);
	EXPECT_EQ(*(u64 *)h->data, 0x123456789abcdef0);
	h->l1->timer(h);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0x123456789abcdef1);
	EXPECT_EQ(l2_gate_call(&vm.hrsc, h, BUS_INFO, 0, 0), 77);
	expect_fine(h, ACT_registers, 0);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0);
	expect_fine(h, ACT_read, (u64)driver_text_start);
	expect_fine(h, ACT_read, (u64)driver_rodata_start);
	expect_fine(h, ACT_read, COMPARTMENT_STACK - 4 * PAGE_SIZE + 8);
	expect_fine(h, ACT_leave_early, 0);
	EXPECT(nucleus_is_sound());
	remove_all();
}

static void expect_foreign(struct hrsc *h, u64 address)
{
	EXPECT_EQ(expect_end(h, ACT_read, address, VECTOR_PF)->address, address);
	EXPECT_EQ(expect_end(h, ACT_write, address, VECTOR_PF)->address, address);
}

/* What lies in the image and in the pool is there in the compartment's tables, for ring 0. */
static void expect_nucleus_out_of_reach(struct hrsc *h, const struct hrsc *other)
{
	const struct compartment *c = h->compartment;
	const void *const foreign[] = { image_start, &vm, &boot_cpu, (u8 *)this_cpu(tss.ist[0]) - 8,
		host_tables.root, c->space.root, c, c->state, c->stack, other->compartment->state,
		other->compartment->space.root };

	for (u32 i = 0; i < ARRAY_LEN(foreign); i++)
		expect_foreign(h, (u64)foreign[i]);
}

TEST(compartment_reaches_no_foreign_memory)
{
	static const u64 foreign[] = { 0, 8, 0xfee00000 /* the local APIC */, MAP_BASE, WINDOW_BASE,
		COMPARTMENT_STATE - 8, COMPARTMENT_STACK, COMPARTMENT_STACK + PAGE_SIZE,
		0x00007ffffffff000, 0xfffffffffffff000 };
	struct hrsc *h = place(&hostile_driver), *other = place(&granted_driver);
	hpa_t block;

	if (!h || !other || !EXPECT_EQ(block_alloc(OWNER_VM(1), &block), 0))
		return;
	for (u32 i = 0; i < ARRAY_LEN(foreign); i++)
		expect_foreign(h, foreign[i]);
	expect_nucleus_out_of_reach(h, other);
	expect_foreign(h, block.v);
	expect_foreign(h, DIRECT_BASE + block.v);
	expect_end(h, ACT_read, NON_CANONICAL, VECTOR_GP);
	expect_end(h, ACT_write, NON_CANONICAL, VECTOR_GP);
	expect_end(h, ACT_write, (u64)driver_text_start, VECTOR_PF);
	expect_end(h, ACT_write, (u64)driver_rodata_start, VECTOR_PF);
	EXPECT_EQ(other->state, HRSC_LIVE);
	block_free(block);
	remove_all();
}

TEST(compartment_executes_nothing_but_drivers_text)
{
	struct hrsc *h = place(&hostile_driver);
	const u64 nowhere[] = { 0, (u64)image_start, (u64)driver_start, (u64)&vm,
		(u64)driver_rodata_start, COMPARTMENT_STATE, COMPARTMENT_STACK - 64,
		(u64)host_tables.root, 0x20000000 };

	for (u32 i = 0; h && i < ARRAY_LEN(nowhere); i++) {
		EXPECT_EQ(expect_end(h, ACT_jump, nowhere[i], VECTOR_PF)->address, nowhere[i]);
		expect_end(h, ACT_bad_return, nowhere[i], VECTOR_PF);
	}
	if (h)
		expect_end(h, ACT_jump, NON_CANONICAL, SEVERAL);
	remove_all();
}

/* A hypervisor that this machine runs on itself may have an answer to these. */
TEST(compartment_makes_no_hypercall)
{
	static const u8 calls[] = { ACT_vmcall, ACT_vmmcall };
	struct hrsc *h = place(&hostile_driver);

	for (u32 i = 0; h && i < ARRAY_LEN(calls); i++) {
		driver_start(h);
		h->l3->write(h, 0, calls[i], 8, 0);
		EXPECT(nucleus_is_sound());
		EXPECT(h->state == HRSC_FAILED || cpu_features.hypervisor);
	}
	remove_all();
}

TEST(compartment_has_no_privilege)
{
	static const u8 protected[] = { ACT_cli, ACT_sti, ACT_hlt, ACT_in, ACT_out, ACT_outs,
		ACT_read_cr0, ACT_write_cr0, ACT_read_cr3, ACT_write_cr3, ACT_write_cr4,
		ACT_write_cr8, ACT_write_dr7, ACT_rdmsr, ACT_wrmsr, ACT_lgdt, ACT_lidt, ACT_ltr,
		ACT_lldt, ACT_lmsw, ACT_clts, ACT_invlpg, ACT_invd, ACT_wbinvd, ACT_swapgs,
		ACT_rdpmc, ACT_far_jump, ACT_int_nmi, ACT_int_kick, ACT_int_timer, ACT_int_line,
		ACT_int_df, ACT_int3 };
	/* QEMU pops for IRET and RET as ring 0 would, which SMAP forbids, and has no ICEBP. */
	static const u8 several[] = { ACT_iret_to_ring0, ACT_far_return, ACT_icebp, ACT_xsetbv,
		ACT_sysret, ACT_syscall, ACT_sysenter, ACT_vmxon, ACT_vmrun, ACT_clgi, ACT_mwait };
	struct hrsc *h = place(&hostile_driver);

	for (u32 i = 0; h && i < ARRAY_LEN(protected); i++)
		expect_end(h, protected[i], (u64)driver_text_start, VECTOR_GP);
	for (u32 i = 0; h && i < ARRAY_LEN(several); i++) {
		u64 cause = expect_end(h, several[i], 0, SEVERAL)->cause;

		EXPECT(cause == VECTOR_GP || cause == VECTOR_UD || cause == VECTOR_PF ||
			cause == VECTOR_DB);
	}
	if (h) {
		expect_end(h, ACT_ud2, 0, VECTOR_UD);
		expect_end(h, ACT_divide, 0, 0);
		expect_end(h, ACT_x87, 0, 7); /* the registers there are a guest's */
		expect_end(h, ACT_sse, 0, 7);
	}
	remove_all();
}

/* SDM, "Loading Host Segment and Descriptor-Table Registers": exits leave a limit of 64 KiB. */
static void load_long_gdt(void)
{
	const struct {
		u16 limit;
		u64 base;
	} __packed gdtr = { 0xffff, (u64)this_cpu(self)->gdt };

	asm volatile("lgdt %0" ::"m"(gdtr));
}

TEST(compartment_leaves_no_selectors_or_flags_behind)
{
	struct {
		u16 limit;
		u64 base;
	} __packed gdtr;
	static const u16 refused[] = { SELECTOR_DATA, SELECTOR_CODE, SELECTOR_TSS, 0x40, 0x43, 0x4b,
		0x100b, 0xfffb, 4 };
	struct hrsc *h = place(&hostile_driver);

	for (u32 i = 0; h && i < ARRAY_LEN(refused); i++) {
		load_long_gdt();
		expect_end(h, ACT_load_ds, refused[i], VECTOR_GP);
		expect_end(h, ACT_load_gs, refused[i], VECTOR_GP);
		expect_end(h, ACT_load_ss, refused[i], VECTOR_GP);
	}
	if (h) {
		expect_end(h, ACT_load_ss, 0, VECTOR_GP);
		load_long_gdt();
		expect_fine(h, ACT_nothing, 0);
		asm volatile("sgdt %0" : "=m"(gdtr));
		EXPECT_EQ(gdtr.limit, sizeof(this_cpu(self)->gdt) - 1);
		expect_fine(h, ACT_zero_gs, 0);
		expect_fine(h, ACT_user_selectors, 0);
		expect_fine(
			h, ACT_flags, 0x47cd7); /* AC, NT, IOPL 3, DF, no IF, all of arithmetic */
		expect_fine(h, ACT_flags, 2);
		expect_end(h, ACT_single_step, 0, VECTOR_DB);
	}
	remove_all();
}

TEST(compartment_stays_in_its_stack_and_data)
{
	struct hrsc *h = place(&hostile_driver);

	if (!h)
		return;
	expect_end(h, ACT_recurse, 0, CAUSE_STACK);
	expect_end(h, ACT_stack_low, 1, CAUSE_STACK);
	expect_end(h, ACT_stack_nowhere, 0, VECTOR_PF);
	expect_end(h, ACT_stack_noncanonical, NON_CANONICAL, SEVERAL); /* #SS; QEMU: #GP */
	expect_fine(h, ACT_stack_of_nucleus, (u64)this_cpu(stack) + 4096);
	expect_end(h, ACT_smash_data, 1, CAUSE_DATA);
	expect_end(h, ACT_run_over_data, 1, CAUSE_DATA);
	remove_all();
}

TEST(compartment_has_a_budget)
{
	struct hrsc *h = place(&hostile_driver), *other = place(&granted_driver);

	if (!h || !other)
		return;
	expect_end(h, ACT_loop, 1, CAUSE_BUDGET);
	expect_end(h, ACT_loop_calling, 1, CAUSE_BUDGET);
	expect_end(h, ACT_loop_interrupts_off, 0, CAUSE_BUDGET);
	driver_start(h);
	driver_start(other);
	EXPECT_EQ(l2_gate_call(&vm.hrsc, other, BUS_CONSOLE_DRAINED, 0, 0), ~0ull);
	EXPECT_EQ(other->state, HRSC_FAILED);
	EXPECT_EQ(h->state, HRSC_LIVE);
	remove_all();
}

TEST(compartment_calls_what_it_is_granted)
{
	struct hrsc *h = place(&hostile_driver), *other = place(&granted_driver);

	if (!h || !other)
		return;
	expect_end(h, ACT_call_unknown, 0, CAUSE_CALL);
	expect_end(h, ACT_call_huge, 0, CAUSE_CALL);
	expect_end(h, ACT_call_peer, PEER_VM, CAUSE_GRANT);
	expect_end(h, ACT_call_peer, PEER_UART, CAUSE_GRANT);
	expect_end(h, ACT_call_nobody, 0, CAUSE_GRANT);
	expect_end(h, ACT_raise_line, 4, CAUSE_GRANT);
	expect_end(h, ACT_raise_high_line, 0, CAUSE_GRANT);
	expect_end(h, ACT_send_msi, 0, CAUSE_GRANT);
	expect_end(h, ACT_set_intr, 1, CAUSE_GRANT);
	expect_end(h, ACT_arm_timer, 1, CAUSE_GRANT);
	expect_end(h, ACT_read_ram, 0, CAUSE_GRANT);
	expect_end(h, ACT_random, 0, CAUSE_GRANT);
	expect_end(h, ACT_disk, 0, CAUSE_GRANT);
	driver_start(h);
	h->l3->write(h, 0, ACT_call_peer, 8, PEER_PIT);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 77); /* itself, a second time */
	expect_end(h, ACT_call_self, 0, SEVERAL);
	EXPECT(h->compartment->fault.cause == CAUSE_NESTING ||
		h->compartment->fault.cause == CAUSE_STACK);
	driver_start(h);
	other->l3->write(other, 0, ACT_call_peer, 8, PEER_PIT);
	EXPECT_EQ(other->l3->read(other, 0, 0, 8), 77);
	other->l3->write(other, 0, ACT_arm_timer, 8, 5);
	EXPECT_EQ(other->deadline_ns, 5);
	EXPECT_EQ(other->state, HRSC_LIVE);
	EXPECT_EQ(h->state, HRSC_LIVE);
	remove_all();
}

/* Pointers into its own data and stack alone. */
TEST(compartment_lends_its_own_memory)
{
	struct hrsc *h = place(&granted_driver);
	const u64 foreign[] = { 0, (u64)image_start, (u64)&vm, COMPARTMENT_STATE - 1,
		COMPARTMENT_STATE + PAGE_SIZE - 7, COMPARTMENT_STACK - 7,
		COMPARTMENT_STACK - 4 * PAGE_SIZE - 1, (u64)driver_rodata_start, ~0ull };

	for (u32 i = 0; h && i < ARRAY_LEN(foreign); i++) {
		EXPECT_EQ(expect_end(h, ACT_read_ram, foreign[i], CAUSE_POINTER)->address,
			foreign[i]);
		expect_end(h, ACT_random, foreign[i], CAUSE_POINTER);
	}
	if (h) {
		expect_fine(h, ACT_read_ram, COMPARTMENT_STATE + PAGE_SIZE - 8);
		expect_fine(h, ACT_read_ram, COMPARTMENT_STACK - 4 * PAGE_SIZE + 8);
	}
	remove_all();
}

/* Who calls one that fails hears no answer, and goes on. */
TEST(compartment_failure_stays_with_its_driver)
{
	struct hrsc *h = place(&hostile_driver), *other = place(&granted_driver);
	enum policy_mode mode = policy_active()->table.mode;
	u64 before = witness_seen(HOOK_L1_FAULT);

	if (!h || !other)
		return;
	EXPECT_EQ(policy_set_mode(POLICY_OFF), 0); /* nobody repairs it */
	EXPECT_EQ(hook_arm_all(true), 0);
	h->armed = other->armed = HOOK_BIT(HOOK_L1_FAULT);
	*(u64 *)h->compartment->stack ^= 1;
	other->l3->write(other, 0, ACT_call_peer, 8, PEER_PIT);
	EXPECT_EQ(h->state, HRSC_FAILED);
	EXPECT_EQ(h->compartment->fault.cause, CAUSE_STACK);
	EXPECT_EQ(other->state, HRSC_LIVE);
	EXPECT_EQ(other->l3->read(other, 0, 0, 8), BUS_NO_PEER);
	EXPECT_EQ(witness_seen(HOOK_L1_FAULT) - before, 1);
	EXPECT_EQ(hook_arm_all(false), 0);
	EXPECT_EQ(policy_set_mode(mode), 0);
	remove_all();
}

static u64 failures; /* that act_fail_once is to have */

static u64 vm_answer(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	(void)h, (void)fn, (void)a, (void)b;
	return failures ? failures--, 1 : 0;
}

/* The driver fails so many times in one call, the default policy being in force. */
static void fail_times(struct hrsc *h, u64 n)
{
	failures = n;
	h->l3->write(h, 0, ACT_fail_once, 8, 0);
	EXPECT(nucleus_is_sound());
}

TEST(compartment_is_rebooted_under_its_guest)
{
	static const struct l2_if bus = { .call = vm_answer };
	struct hrsc *h = place(&granted_driver);
	u32 generation = h ? h->generation : 0, n = 0;

	if (!h)
		return;
	vm.hrsc.l2 = &bus;
	vm.hrsc.state = HRSC_LIVE;
	h->armed = HOOK_BIT(HOOK_L1_FAULT);
	h->l3->write(h, 0, ACT_nothing, 8, 41);
	fail_times(h, 1); /* as if nothing had been */
	EXPECT_EQ(h->state, HRSC_LIVE);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 42);
	EXPECT_EQ(h->generation, generation + 1);
	fail_times(h, 2); /* without the call */
	EXPECT_EQ(h->state, HRSC_LIVE);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 42);
	EXPECT_EQ(h->generation, generation + 3);
	fail_times(h, 2);
	fail_times(h, 2); /* from the start */
	EXPECT_EQ(h->state, HRSC_LIVE);
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), 0);
	EXPECT_EQ(h->generation, generation + 7);
	while (n++ < 100 && h->state == HRSC_LIVE)
		fail_times(h, 1);
	EXPECT(n > 20 && n < 100); /* too often of late: for good */
	EXPECT_EQ(h->l3->read(h, 0, 0, 8), ~0ull);
	remove_all();
}

TEST(compartment_gives_its_pages_back)
{
	struct frame_stats before, after;

	frame_stats(&before);
	for (u32 i = 0; i < 50; i++) {
		struct hrsc *h = place(&hostile_driver);

		if (h)
			expect_end(h, ACT_ud2, 0, VECTOR_UD);
		remove_all();
	}
	frame_stats(&after);
	EXPECT_EQ(after.nucleus_used, before.nucleus_used);
	EXPECT_EQ(after.tables, before.tables);
}
