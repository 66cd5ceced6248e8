/* SPDX-License-Identifier: BSD-2-Clause */
#include "kfv/ho.h"

#include "kfv/reaction.h"
#include "kfv/vo.h"
#include "tests/dialect.h"
#include "tests/host/kfv_fake.h"

#include <stdio.h>
#include <string.h>

/* Fires `n` findings of the probe, `apart_ms` from each other, the orchestrator between them. */
static void attack(u16 vm, enum severity s, u32 n, u32 apart_ms)
{
	fake.probe_says = s;
	for (u32 i = 0; i < n; i++) {
		fake_call(vm);
		hook_orchestrate();
		fake.now_ns += apart_ms * MS;
	}
}

TEST(kfv_ho_escalates_inside_its_window)
{
	fake_reset();
	fake_policy("when probe severity warning do R01 then R02 after 8 within 1s");
	attack(FAKE_A, SEVERITY_WARNING, 8, 10);
	EXPECT_STR(fake.acts, "");
	attack(FAKE_A, SEVERITY_WARNING, 1, 10);
	EXPECT_STR(fake.acts, "throttle 1;");
	/* Slower than that, it never comes to it. */
	attack(FAKE_B, SEVERITY_WARNING, 100, 200);
	EXPECT_STR(fake.acts, "throttle 1;");
}

TEST(kfv_ho_steps_back_only_after_quiet)
{
	fake_reset();
	fake_policy("when probe severity warning do R00 then R01 after 4 within 1s");
	attack(FAKE_A, SEVERITY_WARNING, 5, 10);
	fake.now_ns += 900 * MS;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	fake.now_ns += 900 * MS; /* long past the window, but never quiet for one */
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	fake.now_ns += 1100 * MS;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_ALLOW);
}

TEST(kfv_ho_keeps_denying_while_it_slows_down)
{
	fake_reset();
	fake_policy("when probe severity warning do R01 then R02 after 1 within 1s");
	fake.probe_says = SEVERITY_WARNING;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	EXPECT_STR(fake.acts, "throttle 1;");
}

TEST(kfv_ho_asks_the_strictest_rule_that_is_met)
{
	fake_reset();
	fake_policy("when probe severity alert do R01\nwhen probe severity notice do R00");
	fake.probe_says = SEVERITY_INFO;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_ALLOW);
	fake.probe_says = SEVERITY_WARNING;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_ALLOW);
	fake.probe_says = SEVERITY_CRITICAL;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
}

TEST(kfv_ho_logs_a_flood_in_few_lines)
{
	fake_reset();
	fake_policy("when probe severity warning do R01");
	for (u32 i = 0; i < 1000; i++)
		attack(FAKE_A, SEVERITY_WARNING, 1, 0);
	EXPECT_EQ(fake_logged("\n"), 11); /* the policy's own, then 1, 2, 4, ... 512 */
	EXPECT_EQ(fake_logged(" n=512 "), 1);
}

/* A few may share a bit, by their addresses, and go without a line. */
TEST(kfv_ho_logs_the_first_of_each_kind)
{
	static const char kinds[8][12] = { "another-0", "another-1", "another-2", "another-3",
		"another-4", "another-5", "another-6", "another-7" };
	u32 logged;

	fake_reset();
	fake_policy("when probe severity warning do R01");
	attack(FAKE_A, SEVERITY_WARNING, 100, 0);
	for (u32 i = 0; i < 20; i++) {
		fake.probe_why = kinds[i % ARRAY_LEN(kinds)];
		attack(FAKE_A, SEVERITY_WARNING, 1, 0);
	}
	logged = fake_logged("why=another-");
	EXPECT(logged >= 5 && logged <= 8);
	/* After a window of quiet all is new. */
	fake.now_ns += 1100 * MS;
	attack(FAKE_A, SEVERITY_WARNING, 1, 0);
	EXPECT_EQ(fake_logged("why=another-"), (s64)logged + 1);
}

TEST(kfv_vo_logs_a_flood_in_few_lines)
{
	fake_reset();
	fake_policy("mode detect\nacross probe within 1s do R18");
	attack(FAKE_A, SEVERITY_WARNING, 1000, 1);
	attack(FAKE_A, SEVERITY_NONE, 1, 1);
	EXPECT_EQ(fake_logged("VO probe"), 10);
	EXPECT_EQ(fake_logged("reaction=R18 n=512 "), 1);
}

TEST(kfv_vo_acts_across_layers)
{
	fake_reset();
	fake_policy("across L3.probe and L2.probe count 3 within 1s do R18");
	fake.probe_says = SEVERITY_WARNING;
	fake_call(FAKE_A);
	fake_call(FAKE_A);
	hook_orchestrate();
	EXPECT_STR(fake.acts, "");
	(void)HOOK(~0ull, HOOK_L3_HYPERCALL, fake_vcpu[FAKE_A].hrsc.id, 0, 0, 0, 0, 0);
	hook_orchestrate();
	EXPECT_STR(fake.acts, "throttle 1;");
	EXPECT_EQ(fake_logged("VO probe warning vm=a op=L3_HYPERCALL"), 1);
}

TEST(kfv_vo_waits_for_every_source)
{
	fake_reset();
	fake_policy("across L3.probe and L2.probe count 2 within 1s do R18");
	attack(FAKE_A, SEVERITY_CRITICAL, 5, 1);
	EXPECT_STR(fake.acts, "");
}

TEST(kfv_vo_reads_the_worst_of_what_came)
{
	static const enum severity came[] = { SEVERITY_WARNING, SEVERITY_CRITICAL,
		SEVERITY_WARNING };

	fake_reset();
	fake_policy("across probe count 3 within 1s do R18");
	for (u32 i = 0; i < ARRAY_LEN(came); i++) {
		fake.probe_says = came[i];
		fake_call(FAKE_A);
	}
	hook_orchestrate();
	EXPECT_STR(fake.acts, "throttle 1;");
	EXPECT_EQ(fake_logged("VO probe critical"), 1);
}

TEST(kfv_vo_adds_up_one_vm_only)
{
	fake_reset();
	fake_policy("across probe count 4 within 1s do R18");
	for (u32 i = 0; i < 3; i++) {
		attack(FAKE_A, SEVERITY_WARNING, 1, 1);
		attack(FAKE_B, SEVERITY_WARNING, 1, 1);
	}
	EXPECT_STR(fake.acts, "");
	attack(FAKE_B, SEVERITY_WARNING, 1, 1);
	EXPECT_STR(fake.acts, "throttle 2;");
	/* Too far apart, and below WARNING: never. */
	fake.now_ns += 2000 * MS;
	attack(FAKE_A, SEVERITY_WARNING, 50, 400);
	attack(FAKE_A, SEVERITY_NOTICE, 50, 1);
	EXPECT_STR(fake.acts, "throttle 2;");
}

TEST(kfv_vo_contains_snapshots_repairs_verifies_releases)
{
	fake_reset();
	fake_policy("across probe within 1s do R07");
	fake.broken[FAKE_A] = "asid";
	attack(FAKE_A, SEVERITY_CRITICAL, 1, 0);
	EXPECT_STR(fake.acts, "pause 1;measure 1;restore 1;resume 1;");
	EXPECT(fake.running[FAKE_A]);
	hook_orchestrate();
	EXPECT(strstr(fake.log, "why=contain"));
	EXPECT(strstr(strstr(fake.log, "why=contain"), "args=0xabababababababab,"));
	EXPECT(strstr(strstr(fake.log, "snapshot info"), "verdict=done reaction=R07"));
	EXPECT(strstr(
		strstr(fake.log, "reaction=R07"), "verdict=done reaction=R00 n=1 why=verify"));
	EXPECT(strstr(strstr(fake.log, "why=verify"), "why=release"));
}

TEST(kfv_vo_does_not_release_what_is_not_intact)
{
	fake_reset();
	fake_policy("across probe within 1s do R22");
	fake.broken[FAKE_A] = "asid";
	attack(FAKE_A, SEVERITY_CRITICAL, 1, 0);
	EXPECT_STR(fake.acts, "pause 1;measure 1;keep 1;");
	fake.now_ns += 3600000 * MS;
	hook_orchestrate();
	EXPECT(!fake.running[FAKE_A]);
	EXPECT_EQ(hook_deadline_ns(), 0);
}

TEST(kfv_vo_leaves_a_pause_of_the_operator)
{
	fake_reset();
	fake_policy("across probe within 1s do R22");
	fake.running[FAKE_A] = false;
	attack(FAKE_A, SEVERITY_CRITICAL, 1, 0);
	EXPECT_STR(fake.acts, "measure 1;keep 1;");
}

TEST(kfv_vo_releases_after_quiet_and_later_each_time)
{
	fake_reset();
	fake_policy("across probe within 1s do R16");
	for (u32 strike = 0; strike < 3; strike++) {
		u64 hold_ns = 5000 * MS << strike;

		attack(FAKE_A, SEVERITY_WARNING, 1, 0);
		EXPECT(!fake.running[FAKE_A]);
		EXPECT_EQ(hook_deadline_ns(), fake.now_ns + hold_ns);
		fake.now_ns += hold_ns - 1;
		hook_orchestrate();
		EXPECT(!fake.running[FAKE_A]);
		fake.now_ns++;
		hook_orchestrate();
		EXPECT(fake.running[FAKE_A]);
		hook_orchestrate();
	}
	EXPECT_EQ(fake_logged("release info"), 3);
}

TEST(kfv_vo_holds_for_good_when_integrity_is_hurt)
{
	fake_reset();
	for (u32 i = 0; i < 4; i++) {
		fake.broken[FAKE_A] = "asid";
		EXPECT_EQ(fake_enter(FAKE_A), HOOK_ALLOW);
		hook_orchestrate();
		EXPECT_EQ(fake.running[FAKE_A], i < 3);
		fake.now_ns += 100 * MS;
	}
	fake.now_ns += 3600000 * MS;
	hook_orchestrate();
	EXPECT(!fake.running[FAKE_A]);
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
}

/* A16 under the default policy: rate limit, then the vCPU is throttled, then the VM is paused. */
TEST(kfv_default_policy_answers_a_hypercall_flood)
{
	u32 ms = 0;

	fake_reset();
	for (; fake.running[FAKE_A] && ms < 20000; ms++) {
		for (u32 i = 0; i < 30 && fake.now_ns >= fake.throttled_until_ns[FAKE_A]; i++)
			fake_exit(FAKE_A, EXIT_HYPERCALL);
		hook_orchestrate();
		fake.now_ns += MS;
	}
	EXPECT(ms < 10000);
	EXPECT_EQ(fake_logged("VO rate warning vm=a op=L1_EXIT args=0x7,0x1000,0x64 verdict=done "
			      "reaction=R18") > 0,
		1);
	EXPECT(fake_logged("reaction=R16"));
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
}

/* A21: a flood of small things from A must not hide one great thing of B, nor one of A. */
TEST(kfv_flood_hides_nothing)
{
	fake_reset();
	fake_policy("when probe severity notice do R00\n"
		    "when probe severity critical do R01\n"
		    "across probe count 1000 within 1s do R22\n"
		    "across control within 1s do R16\n"
		    "when control severity critical do R07");
	fake.probe_says = SEVERITY_WARNING;
	for (u32 i = 0; i < 999; i++)
		fake_call(FAKE_A);
	fake.probe_says = SEVERITY_CRITICAL;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	fake.broken[FAKE_B] = "asid";
	EXPECT_EQ(fake_enter(FAKE_B), HOOK_ALLOW);
	hook_orchestrate(); /* once is enough for both */
	EXPECT(strstr(fake.acts, "measure 1;"));
	EXPECT(strstr(fake.acts, "pause 2;measure 2;"));
	EXPECT_EQ(fake_logged("L2 probe critical vm=a"), 1);
	EXPECT_EQ(fake_logged("VO probe critical vm=a"), 4); /* contain, keep, verify, release */
	EXPECT_EQ(fake_logged("L2 control critical vm=b"), 1);
}

TEST(kfv_silenced_orchestrator_is_noticed)
{
	fake_reset();
	fake_policy("when probe severity warning do R01");
	fake.probe_says = SEVERITY_CRITICAL;
	fake_call(FAKE_A);
	fake.now_ns += 900 * MS;
	fake_call(FAKE_A);
	EXPECT_STR(fake.acts, "");
	fake.now_ns += 200 * MS;
	fake_call(FAKE_A);
	EXPECT_STR(fake.acts, "safe;");
	/* Not while it waits for who copies a VM, but once that is over. */
	fake_reset();
	fake_policy("when probe severity warning do R01");
	fake.probe_says = SEVERITY_CRITICAL;
	fake_call(FAKE_A);
	for (u32 i = 0; i < 20; i++) {
		fake.now_ns += 100 * MS;
		hook_busy();
		fake_call(FAKE_A);
	}
	EXPECT_STR(fake.acts, "");
	fake.now_ns += 1100 * MS;
	fake_call(FAKE_A);
	EXPECT_STR(fake.acts, "safe;");
	/* Not when it reads. */
	fake_reset();
	fake_policy("when probe severity warning do R01");
	attack(FAKE_A, SEVERITY_CRITICAL, 10, 900);
	EXPECT_STR(fake.acts, "");
}

/* A18: whatever A's events name, nobody but A pays. */
TEST(kfv_reactions_hit_the_offender_only)
{
	static const char *const targets[] = { "vm", "subject", "object" };

	for (u32 t = 0; t < ARRAY_LEN(targets); t++) {
		for (u32 code = 0; code < REACTIONS; code++) {
			char text[100];

			if (!reactions[code].run || code == R23_SAFE_STATE)
				continue;
			fake_reset();
			snprintf(text, sizeof(text), "across probe within 1s do R%02u on %s", code,
				targets[t]);
			fake_policy(text);
			fake.probe_says = SEVERITY_CRITICAL;
			(void)hook_fire(HOOK_L2_CALL, fake_driver[FAKE_A].id,
				fake_vcpu[FAKE_B].hrsc.id, 0, 0, 0, 0);
			hook_orchestrate();
			EXPECT_EQ(fake.touched & ~BIT(FAKE_A), 0);
			EXPECT(fake.throttled_vcpu != fake_vcpu[FAKE_B].hrsc.id);
		}
	}
}

/* Whatever a VM makes the gates report, in whatever order: bounded, and it pays alone. */
TEST(kfv_random_events)
{
	static const u16 ops[] = {
#define X(name, iface, args) HOOK_##name,
		HOOK_TABLE(X)
#undef X
	};
	static const u64 interesting[] = { 0, 1, 4, 8, 0x3f8, 0xcf8, 0xffff, 0xfec00000, 0xfee00000,
		~0ull, 1ull << 63, EXIT_HYPERCALL, EXIT_EXCEPTION };
	u64 x = 88172645463325252ull;

	fake_reset();
	for (u32 i = 0; i < 200000; i++) {
		u64 a[3];

		for (u32 n = 0; n < 3; n++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			a[n] = x & 1 ? interesting[(x >> 8) % ARRAY_LEN(interesting)]
				     : x >> (x % 64);
		}
		fake.probe_says = (x >> 20) % SEVERITY_COUNT;
		fake.broken[FAKE_A] = x >> 30 & 15 ? NULL : "field";
		(void)hook_fire(ops[(x >> 40) % ARRAY_LEN(ops)], fake_vcpu[FAKE_A].hrsc.id,
			(u16)(x >> 50), a[0], a[1], a[2], x);
		fake.now_ns += (x >> 35) % 100000;
		if (!(x >> 45 & 7))
			hook_orchestrate();
		fake.acts[0] = 0;
		fake.log[0] = fake.json[0] = 0;
	}
	EXPECT_EQ(fake.touched, BIT(FAKE_A));
}

TEST(kfv_event_of_the_host_hits_nobody)
{
	fake_reset();
	fake_policy("when probe severity warning do R02\nacross probe within 1s do R16");
	fake.probe_says = SEVERITY_CRITICAL;
	(void)hook_fire(HOOK_L2_CALL, 0, 0, 0, 0, 0, 0);
	hook_orchestrate();
	EXPECT_EQ(fake.touched, 0);
	EXPECT(fake_logged("vm=host op=L2_CALL args=0x0 verdict=failed reaction=R02"));
}

TEST(kfv_detect_withholds_everything)
{
	fake_reset();
	fake_policy(
		"mode detect\nwhen probe severity warning do R01\nacross probe within 1s do R16");
	attack(FAKE_A, SEVERITY_CRITICAL, 20, 10);
	hook_orchestrate();
	EXPECT_STR(fake.acts, "");
	EXPECT(fake_logged(
		"L2 probe critical vm=a op=L2_CALL args=0x1,0x2,0x3 verdict=withheld reaction=R01"));
	EXPECT(fake_logged(
		"VO probe critical vm=a op=L2_CALL args=0x1,0x2,0x3 verdict=withheld reaction=R16"));
}
