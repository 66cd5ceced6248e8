/* SPDX-License-Identifier: BSD-2-Clause */
#include "kfv/mediation.h"

#include "core/l1/gate.h"
#include "core/l2/vm.h"
#include "tests/dialect.h"
#include "tests/host/kfv_fake.h"

static const u16 all_ops[] = {
#define X(name, iface, args) HOOK_##name,
	HOOK_TABLE(X)
#undef X
};

TEST(kfv_unarmed_hook_is_not_fired)
{
	u64 before = hook_fired(HOOK_L2_CALL);

	fake_reset();
	EXPECT_EQ(HOOK(0, HOOK_L2_CALL, 1, 2, 0, 0, 0, 0), HOOK_ALLOW);
	EXPECT_EQ(HOOK(~HOOK_BIT(HOOK_L2_CALL), HOOK_L2_CALL, 1, 2, 0, 0, 0, 0), HOOK_ALLOW);
	EXPECT_EQ(hook_fired(HOOK_L2_CALL), before);
	(void)HOOK(HOOK_BIT(HOOK_L2_CALL), HOOK_L2_CALL, 1, 2, 0, 0, 0, 0);
	EXPECT_EQ(hook_fired(HOOK_L2_CALL), before + 1);
}

TEST(kfv_every_hook_has_a_place_of_its_own)
{
	for (u32 i = 0; i < ARRAY_LEN(all_ops); i++)
		for (u32 j = 0; j < i; j++)
			EXPECT(HOOK_INDEX(all_ops[i]) != HOOK_INDEX(all_ops[j]));
	for (u32 i = 0; i < ARRAY_LEN(all_ops); i++)
		EXPECT(HOOK_INDEX(all_ops[i]) < HOOK_SLOTS);
}

TEST(kfv_witness_sees_every_hook)
{
	fake_reset();
	EXPECT_EQ(hook_arm_all(true), 0);
	for (u32 i = 0; i < ARRAY_LEN(all_ops); i++) {
		u64 before = witness_seen(all_ops[i]);

		if (all_ops[i] == HOOK_L1_EXIT)
			l1_gate_exit(&fake_driver[FAKE_A], EXIT_CPUID, 0, 0);
		else
			(void)HOOK(fake_driver[FAKE_A].armed, all_ops[i], fake_driver[FAKE_A].id, 0,
				0, 1, 0, 0);
		EXPECT_EQ(witness_seen(all_ops[i]), before + 1);
	}
	EXPECT_EQ(hook_arm_all(false), 0);
	EXPECT_EQ(fake_driver[FAKE_A].armed & HOOK_BIT(HOOK_L3_IRQ), 0);
}

TEST(kfv_event_tells_who_and_what)
{
	fake_reset();
	fake_policy("when probe severity info do R00");
	fake.probe_says = SEVERITY_INFO;
	fake_call(FAKE_B);
	EXPECT_EQ(fake.probe_event.op, HOOK_L2_CALL);
	EXPECT_EQ(fake.probe_event.vm, FAKE_B);
	EXPECT_EQ(fake.probe_event.layer, 2);
	EXPECT_EQ(fake.probe_event.subject, fake_driver[FAKE_B].id);
	EXPECT_EQ(fake.probe_event.time_ns, fake.now_ns);
	EXPECT_EQ(fake.probe_event.arg[2], 3);
	/* What the host does to an hRSC of A is A's event. */
	(void)HOOK(~0ull, HOOK_L2_CALL, host_hrsc.id, fake_vcpu[FAKE_A].hrsc.id, 0, 0, 0, 0);
	EXPECT_EQ(fake.probe_event.vm, FAKE_A);
	/* An id that nobody has is the host's. */
	(void)HOOK(~0ull, HOOK_L2_CALL, 250, 250, 0, 0, 0, 0);
	EXPECT_EQ(fake.probe_event.vm, 0);
}

TEST(kfv_strictest_answer_counts)
{
	fake_reset();
	fake_policy("when probe severity warning do R01\nwhen echo severity warning do R01");
	fake.probe_says = SEVERITY_WARNING;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	fake.probe_says = SEVERITY_NONE;
	fake.echo_says = SEVERITY_WARNING;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	fake.echo_says = SEVERITY_NONE;
	EXPECT_EQ(fake_call(FAKE_A), HOOK_ALLOW);
}

TEST(kfv_modes)
{
	fake_reset();
	fake.probe_says = SEVERITY_WARNING;

	fake_policy("when probe severity warning do R01\nmode off");
	EXPECT_EQ(fake_driver[FAKE_A].armed, 0);
	EXPECT_EQ(fake_call(FAKE_A), HOOK_ALLOW);
	EXPECT_EQ(fake.probe_seen, 0);

	fake_policy("when probe severity warning do R01\nmode detect");
	EXPECT_EQ(fake_call(FAKE_A), HOOK_ALLOW);
	EXPECT_EQ(fake.probe_seen, 1);
	hook_orchestrate();
	EXPECT_EQ(fake_logged("L2 probe warning vm=a op=L2_CALL args=0x1,0x2,0x3 verdict=withheld "
			      "reaction=R01 n=1 why=told-to mac="),
		1);

	fake.now_ns += 10000 * MS;
	EXPECT_EQ(policy_set_mode(POLICY_ON), 0);
	EXPECT_EQ(fake_call(FAKE_A), HOOK_DENY);
	hook_orchestrate();
	EXPECT_EQ(fake_logged("verdict=deny reaction=R01"), 1);
}
