/* SPDX-License-Identifier: BSD-2-Clause */
#include "kfv/agent.h"

#include "drivers/api/driver.h"
#include "kfv/mediation.h"
#include "tests/dialect.h"
#include "tests/host/kfv_fake.h"

static u64 findings(const char *agent)
{
	return mediation_findings((u32)agent_find(agent));
}

static enum hook_verdict mmio_write(u64 gpa, u8 width, u64 value)
{
	return HOOK(fake_vcpu[FAKE_A].hrsc.armed, HOOK_L3_MMIO_WRITE, fake_vcpu[FAKE_A].hrsc.id,
		fake_driver[FAKE_A].id, gpa, width, value, 0);
}

/* What a PC kernel and its firmware tables touch at boot, most of it absent from our machine. */
TEST(kfv_range_lets_a_boot_probe)
{
	static const struct {
		u16 first, last;
	} probed[] = { { 0x20, 0x21 }, { 0x40, 0x43 }, { 0x60, 0x64 }, { 0x70, 0x71 },
		{ 0x80, 0x80 }, { 0xa0, 0xa1 }, { 0x170, 0x177 }, { 0x1f0, 0x1f7 },
		{ 0x2e8, 0x2ef }, { 0x2f8, 0x2ff }, { 0x376, 0x376 }, { 0x378, 0x37f },
		{ 0x3b0, 0x3df }, { 0x3e8, 0x3ef }, { 0x3f0, 0x3f7 }, { 0x3f8, 0x3ff },
		{ 0x4d0, 0x4d1 }, { 0xc80, 0xc83 }, { 0xcf8, 0xcfb }, { 0xcfc, 0xcff } };
	u64 before;

	fake_reset();
	before = findings("range");
	for (u32 round = 0; round < 100; round++)
		for (u32 i = 0; i < ARRAY_LEN(probed); i++)
			for (u32 port = probed[i].first; port <= probed[i].last; port++)
				EXPECT_EQ(fake_port(FAKE_A, (u16)port, 1), HOOK_ALLOW);
	EXPECT_EQ(findings("range"), before);
	EXPECT_EQ(fake.touched, 0);
}

TEST(kfv_range_sees_a_sweep)
{
	u32 denied = 0, first = 0;

	fake_reset();
	for (u32 port = 0x1000; port < 0x2000; port++) {
		if (fake_port(FAKE_A, (u16)port, 1) == HOOK_DENY && !denied++)
			first = port;
		fake.now_ns += 1000;
	}
	EXPECT(first >= 0x1000 + 255 && first < 0x1000 + 320); /* some may hash to one bit */
	EXPECT(denied > 3500);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
	EXPECT(fake.throttled_until_ns[FAKE_A] > fake.now_ns - MS * 1000);
	EXPECT_EQ(fake_port(FAKE_B, 0x1000, 1), HOOK_ALLOW);
	/* In the next window it starts anew. */
	fake.now_ns += 9000 * MS;
	EXPECT_EQ(fake_port(FAKE_A, 0x1000, 1), HOOK_ALLOW);
}

TEST(kfv_range_counts_places_not_accesses)
{
	u64 before;

	fake_reset();
	before = findings("range");
	for (u32 i = 0; i < 100000; i++)
		EXPECT_EQ(fake_port(FAKE_A, (u16)(0x1000 + i % 64), 1), HOOK_ALLOW);
	EXPECT_EQ(findings("range"), before);
}

TEST(kfv_range_knows_widths)
{
	u64 before;

	fake_reset();
	before = findings("range");
	fake_port(FAKE_A, 0x3f8, 1);
	fake_port(FAKE_A, 0xcf8, 4);
	fake_port(FAKE_A, 0xcfe, 2);
	fake_port(FAKE_A, 0x608, 4);
	mmio_write(0xfee000b0, 4, 0);
	EXPECT_EQ(findings("range"), before);
	fake_port(FAKE_A, 0x3f8, 2); /* the UART's registers are bytes */
	fake_port(FAKE_A, 0xcfe, 4); /* beyond the end of the data port */
	mmio_write(0xfee000b0, 8, 0);
	mmio_write(0xfec00ffe, 4, 0);
	EXPECT_EQ(findings("range"), before + 4);
	for (u32 i = 0; i < 16; i++)
		EXPECT_EQ(fake_port(FAKE_A, 0x71, 4), i < 11 ? HOOK_ALLOW : HOOK_DENY);
}

TEST(kfv_range_knows_the_ioapic_index)
{
	fake_reset();
	EXPECT_EQ(mmio_write(0xfec00000, 4, 0x3f), HOOK_ALLOW);
	EXPECT_EQ(mmio_write(0xfec00000, 4, 0x40), HOOK_DENY);
	EXPECT_EQ(mmio_write(0xfec00000, 4, 0xffffffff), HOOK_DENY);
	EXPECT_EQ(mmio_write(0xfec00010, 4, 0xffffffff), HOOK_ALLOW);
}

TEST(kfv_range_takes_any_address)
{
	static const u64 ends[] = { 0, 1, 0x1f, 0xffff, 0x10000, 0xffffffff, 1ull << 32, ~0ull };

	fake_reset();
	for (u32 i = 0; i < ARRAY_LEN(ends); i++)
		for (u32 width = 0; width < 256; width++)
			(void)mmio_write(ends[i], (u8)width, ~0ull);
	(void)hook_fire(HOOK_L3_MMIO_READ, fake_vcpu[FAKE_A].hrsc.id, 0, 0x3f8, ~0ull, 0, 0);
}

static void exits(u32 kind, u32 per_ms, u32 ms)
{
	for (u32 i = 0; i < ms; i++) {
		for (u32 n = 0; n < per_ms; n++)
			fake_exit(FAKE_A, kind);
		fake.now_ns += 1 << 20;
	}
}

TEST(kfv_rate_lets_a_boot_work)
{
	u64 before;

	fake_reset();
	before = findings("rate");
	exits(EXIT_IO, 500, 1000);
	exits(EXIT_S2, 500, 200);
	exits(EXIT_MSR, 200, 200);
	exits(EXIT_CPUID, 200, 200);
	exits(EXIT_EXCEPTION, 100, 1000);
	exits(EXIT_HYPERCALL, 1, 1000);
	EXPECT_EQ(findings("rate"), before);
}

TEST(kfv_rate_lets_a_burst_pass)
{
	u64 before;

	fake_reset();
	exits(EXIT_HYPERCALL, 1, 100);
	before = findings("rate");
	exits(EXIT_HYPERCALL, 100, 1);
	exits(EXIT_HYPERCALL, 1, 100);
	EXPECT_EQ(findings("rate"), before);
	/* From idle, too: what was long ago does not count. */
	fake.now_ns += 60000 * MS;
	exits(EXIT_HYPERCALL, 100, 1);
	exits(EXIT_HYPERCALL, 1, 10);
	EXPECT_EQ(findings("rate"), before);
}

TEST(kfv_rate_forgets_what_was_before_a_pause)
{
	u64 before;

	fake_reset();
	exits(EXIT_HYPERCALL, 1, 100);
	before = findings("rate");
	for (u32 i = 0; i < 20; i++) {
		exits(EXIT_HYPERCALL, 100, 1);
		fake.now_ns += 100 << 20;
	}
	EXPECT_EQ(findings("rate"), before);
}

TEST(kfv_rate_waits_until_it_is_warm)
{
	u64 before;

	fake_reset();
	before = findings("rate");
	exits(EXIT_HYPERCALL, 8, 60);
	EXPECT_EQ(findings("rate"), before);
	exits(EXIT_HYPERCALL, 8, 10);
	EXPECT(findings("rate") > before);
}

TEST(kfv_rate_sees_a_flood)
{
	fake_reset();
	exits(EXIT_HYPERCALL, 1, 100);
	exits(EXIT_HYPERCALL, 1000, 3);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
	EXPECT(fake.throttled_until_ns[FAKE_A] > fake.now_ns);
	EXPECT_EQ(fake.throttled_vcpu, fake_vcpu[FAKE_A].hrsc.id);
	EXPECT_EQ(fake.throttled_until_ns[FAKE_B], 0);
	EXPECT_EQ(fake.called, BIT(FAKE_A));
}

TEST(kfv_rate_sees_a_slow_machine_flooded)
{
	fake_reset();
	exits(EXIT_HYPERCALL, 30, 64);
	exits(EXIT_HYPERCALL, 30, 16);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
}

TEST(kfv_rate_takes_any_kind)
{
	fake_reset();
	exits(EXIT_KINDS, 1000, 10);
	exits(31, 1000, 10);
	(void)hook_fire(HOOK_L1_EXIT, host_hrsc.id, fake_vcpu[FAKE_A].hrsc.id, ~0u, 0, 0, 0);
	EXPECT_EQ(fake.touched, 0);
}

TEST(kfv_control_restores_before_the_entry)
{
	fake_reset();
	EXPECT_EQ(fake_enter(FAKE_A), HOOK_ALLOW);
	fake.broken[FAKE_A] = "intercepts 3";
	EXPECT_EQ(fake_enter(FAKE_A), HOOK_ALLOW);
	EXPECT(!fake.broken[FAKE_A]);
	hook_orchestrate();
	EXPECT_EQ(fake_logged("L2 control critical vm=a op=L2_ENTER"), 1);
	EXPECT_EQ(fake_logged("verdict=allow reaction=R07 n=1 why=intercepts%203 mac="), 1);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
}

TEST(kfv_control_keeps_the_unrepairable_out)
{
	fake_reset();
	fake.broken[FAKE_A] = "nested-cr3";
	fake.unrepairable = true;
	EXPECT_EQ(fake_enter(FAKE_A), HOOK_DENY);
	EXPECT_EQ(fake_enter(FAKE_B), HOOK_ALLOW);
}

TEST(kfv_control_trusts_the_registry_alone)
{
	fake_reset();
	/* A's vCPU with B's structure, and an id that is no vCPU. */
	(void)hook_fire(HOOK_L2_ENTER, fake_vcpu[FAKE_A].hrsc.id, 0,
		(u64)fake_vcpu[FAKE_B].hv.control, 0, 0, 0);
	(void)hook_fire(HOOK_L2_ENTER, fake_driver[FAKE_A].id, 0, (u64)fake_vcpu[FAKE_A].hv.control,
		0, 0, 0);
	(void)hook_fire(HOOK_L2_ENTER, 250, 0, 0, 0, 0, 0);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
	hook_orchestrate();
	EXPECT_EQ(fake_logged("why=foreign-structure"), 1);
	EXPECT(fake_logged("why=no-such-vcpu"));
}

static void forge(u64 how)
{
	(void)HOOK(fake_driver[FAKE_A].armed, HOOK_L2_REFUSED, fake_driver[FAKE_A].id,
		fake_driver[0].id, how, 0x525400000002, 0, 0);
}

/* Whoever it claims to be, its own port is cut off, and nobody else is touched. */
TEST(kfv_forgery_isolates_who_forges)
{
	u64 before;

	fake_reset();
	before = findings("forgery");
	for (u32 i = 0; i < 16; i++)
		forge(FORGED_MAC + i % 3);
	EXPECT_EQ(findings("forgery"), before + 16);
	EXPECT_EQ(fake.touched, 0);
	forge(FORGED_IP);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
	EXPECT_EQ(fake.isolated, fake_driver[FAKE_A].id);
	EXPECT_STR(fake.acts, "isolate 1;");
}

TEST(kfv_forgery_now_and_then_is_noted)
{
	fake_reset();
	for (u32 i = 0; i < 100; i++) {
		forge(FORGED_ARP);
		fake.now_ns += 100 * MS;
	}
	EXPECT_EQ(fake.touched, 0);
}

/* Frames to a switch, from A's network device or from B's, `per_ms` of them in each millisecond. */
static u32 frames(u16 vm, u32 per_ms, u32 ms, u32 len)
{
	u32 dropped = 0;

	for (u32 i = 0; i < ms; i++) {
		for (u32 n = 0; n < per_ms; n++)
			dropped +=
				HOOK(fake_driver[vm].armed, HOOK_L2_FRAME, fake_driver[vm].id,
					fake_driver[FAKE_B].id, BUS_FRAME, n, len, 0) == HOOK_DENY;
		fake.now_ns += 1 << 20;
	}
	return dropped;
}

TEST(kfv_flood_is_held_to_less_for_a_time)
{
	u32 dropped;

	fake_reset();
	EXPECT_EQ(frames(FAKE_A, 200, 200, 72), 0);
	dropped = frames(FAKE_A, 2000, 100, 72);
	EXPECT(dropped > 90 * (2000 - 32) && dropped < 100 * 2000);
	EXPECT_EQ(frames(FAKE_A, 32, 1, 72), 0); /* an eighth of the limit */
	EXPECT_EQ(frames(FAKE_A, 80, 500, 72), 500 * (80 - 32));
	(void)frames(FAKE_A, 32, 600, 72);
	EXPECT_EQ(frames(FAKE_A, 200, 200, 72), 0);
	EXPECT_EQ(fake.touched, 0); /* its vCPUs run on */
	/* What was found long ago does not count. */
	EXPECT(frames(FAKE_A, 2000, 100, 72));
	fake.now_ns += 2000 * MS;
	EXPECT_EQ(frames(FAKE_A, 200, 10, 72), 0);
}

TEST(kfv_flood_of_bytes)
{
	fake_reset();
	EXPECT_EQ(frames(FAKE_A, 16, 500, 0xf000), 0);
	EXPECT(frames(FAKE_A, 160, 100, 0xf000) > 8000);
}

/* A boot announces itself; whoever answers as many as come is not who floods. */
TEST(kfv_flood_lets_bursts_and_answers_pass)
{
	u64 before;

	fake_reset();
	before = findings("flood");
	EXPECT_EQ(frames(FAKE_A, 1000, 1, 72), 0);
	EXPECT_EQ(frames(FAKE_A, 1, 100, 72), 0);
	EXPECT_EQ(findings("flood"), before);
	for (u32 i = 0; i < 200; i++) {
		u32 passed = 1200 - frames(FAKE_A, 1200, 1, 72);

		fake.now_ns -= 1 << 20;
		EXPECT_EQ(frames(FAKE_B, passed, 1, 72), 0);
	}
	EXPECT(findings("flood") > before);
	hook_orchestrate();
	EXPECT_EQ(fake.touched & ~BIT(FAKE_A), 0);
	EXPECT(!fake_logged("vm=b"));
}

/* What comes in by an uplink is of no VM. */
TEST(kfv_flood_from_outside_hits_nobody)
{
	u64 before;

	fake_reset();
	before = findings("flood");
	fake_driver[FAKE_A].vm_id = 0;
	EXPECT_EQ(frames(FAKE_A, 500, 200, 1526), 0);
	fake_driver[FAKE_A].vm_id = FAKE_A;
	EXPECT_EQ(findings("flood"), before);
	EXPECT_EQ(fake.touched, 0);
}
