/* SPDX-License-Identifier: BSD-2-Clause */
#include "kfv/policy.h"

#include "drivers/api/driver.h"
#include "kfv/mediation.h"
#include "kfv/reaction.h"
#include "tests/dialect.h"
#include "tests/host/kfv_fake.h"

#include <stdio.h>
#include <string.h>

/* Loads one policy of the statements, which begin in line 2. Returns what policy_load() said. */
static int load(const char *statements, u32 version, struct config_error *error)
{
	char text[4096];
	int len =
		snprintf(text, sizeof(text), "policy p { version %u\n%s\n}\n", version, statements);

	memset(error, 0, sizeof(*error));
	return policy_load(text, (size_t)len, error);
}

static void refused(const char *statements, u32 line, u32 column, const char *message)
{
	u32 epoch = policy_active()->epoch;
	struct config_error error;

	EXPECT_EQ(load(statements, fake_version, &error), -EINVAL);
	EXPECT_EQ(error.line, line);
	EXPECT_EQ(error.column, column);
	EXPECT_STR(error.message, message);
	EXPECT_EQ(policy_active()->epoch, epoch);
}

TEST(kfv_policy_default_is_sound)
{
	const struct policy *p;

	fake_reset();
	p = policy_active();
	EXPECT_STR(p->table.name, "default");
	EXPECT_EQ(p->table.mode, POLICY_ON);
	EXPECT_EQ(p->table.version, 0);
	EXPECT(p->table.nrules >= 4 && p->table.nplans >= 4);
	EXPECT(p->table.attached & BIT(agent_find("range")));
	EXPECT(p->table.attached & BIT(agent_find("rate")));
	EXPECT(p->table.attached & BIT(agent_find("control")));
	EXPECT(!(p->table.attached & BIT(agent_find("witness"))));
	EXPECT_EQ(p->armed, HOOK_EXIT_BIT(EXIT_HYPERCALL) | HOOK_EXIT_BIT(EXIT_EXCEPTION) |
				    HOOK_EXIT_BIT(EXIT_VIRT_INSN) | HOOK_BIT(HOOK_L1_FAULT) |
				    HOOK_BIT(HOOK_L2_REFUSED) | HOOK_BIT(HOOK_L2_FRAME) |
				    HOOK_BIT(HOOK_L2_ENTER) | HOOK_BIT(HOOK_L3_PORT_READ) |
				    HOOK_BIT(HOOK_L3_PORT_WRITE) | HOOK_BIT(HOOK_L3_MMIO_READ) |
				    HOOK_BIT(HOOK_L3_MMIO_WRITE));
	EXPECT_EQ(fake_vcpu[FAKE_A].hrsc.armed, p->armed);
}

TEST(kfv_policy_says_what_it_refuses)
{
	fake_reset();
	refused("when nobody severity alert do R01", 2, 6,
		"expected the name of an agent, not 'nobody'");
	refused("\nacross probe and L1.nobody within 1s do R18", 3, 18,
		"expected the name of an agent, not 'nobody'");
	refused("agent nobody { a 1 }", 2, 7, "expected the name of an agent, not 'nobody'");
	refused("agent probe { knob 11 }", 2, 15, "probe knob: expected one number from 1 to 10");
	refused("agent probe { knob 1-2 }", 2, 15, "probe knob: expected one number from 1 to 10");
	refused("agent probe { button 1 }", 2, 15, "agent probe has no parameter 'button'");
	refused("when range severity alert do R14", 2, 6,
		"R14 (block DMA) is not available, it needs the IOMMU driver");
	refused("when range severity alert do R01 then R11 after 2 within 1s", 2, 6,
		"R11 (fallback driver) is not available, it needs a second driver of the kind");
	refused("across range within 1s do R14", 2, 8,
		"R14 (block DMA) is not available, it needs the IOMMU driver");
	refused("when range severity alert do R16", 2, 6,
		"R16 (pause VM) is not local to the layer of agent range: expected it after 'across'");
	refused("when range severity alert do R07", 2, 6,
		"R07 (restore field) is not local to the layer of agent range: expected it after 'across'");
}

TEST(kfv_policy_every_reaction_works_or_is_refused)
{
	for (u32 code = 0; code < REACTIONS; code++) {
		struct config_error error;
		char text[80];

		fake_reset();
		snprintf(text, sizeof(text), "across probe within 1s do R%02u", code);
		if (code == R23_SAFE_STATE) {
			refused(text, 2, 8,
				"R23 (safe state) hits every VM: expected one against the offender");
			continue;
		}
		EXPECT_EQ(load(text, fake_version, &error), reactions[code].run ? 0 : -EINVAL);
		EXPECT(reactions[code].name);
		EXPECT(!reactions[code].run != !reactions[code].needs);
		if (!reactions[code].run)
			EXPECT(strstr(error.message, reactions[code].needs));
	}
}

TEST(kfv_policy_parameters_are_used)
{
	fake_reset();
	fake_policy("agent range { absent 16 }\nwhen range severity warning do R01");
	for (u32 i = 0; i < 32; i++)
		EXPECT_EQ(fake_port(FAKE_A, (u16)(0x1000 + i), 1), i < 15 ? HOOK_ALLOW : HOOK_DENY);
}

TEST(kfv_policy_arms_what_it_needs)
{
	fake_reset();
	fake_policy("when control severity critical do R07");
	EXPECT_EQ(fake_vcpu[FAKE_A].hrsc.armed, HOOK_BIT(HOOK_L2_ENTER));
	fake_policy("mode off\nwhen control severity critical do R07");
	EXPECT_EQ(fake_vcpu[FAKE_A].hrsc.armed, 0);
	EXPECT_EQ(policy_set_mode(POLICY_DETECT), 0);
	EXPECT_EQ(fake_vcpu[FAKE_A].hrsc.armed, HOOK_BIT(HOOK_L2_ENTER));
	/* An agent that is only given parameters is attached, too, and can be switched off. */
	fake_policy("agent probe { knob 1 }");
	EXPECT_EQ(
		fake_vcpu[FAKE_A].hrsc.armed, HOOK_BIT(HOOK_L2_CALL) | HOOK_BIT(HOOK_L3_HYPERCALL));
	EXPECT_EQ(policy_attach((u32)agent_find("probe"), false), 0);
	EXPECT_EQ(fake_vcpu[FAKE_A].hrsc.armed, 0);
}

TEST(kfv_policy_old_versions_are_refused)
{
	struct config_error error;

	fake_reset();
	fake_version += 2;
	EXPECT_EQ(load("mode on", fake_version, &error), 0);
	EXPECT_EQ(load("mode off", fake_version - 1, &error), -EPERM);
	EXPECT_STR(error.message, "version 2 is older than 3, seen before");
	EXPECT_EQ(policy_active()->table.mode, POLICY_ON);
	/* Not by way of the built-in one either. */
	EXPECT_EQ(policy_load(policy_default, strlen(policy_default), &error), 0);
	EXPECT_EQ(load("mode off", fake_version - 1, &error), -EPERM);
	EXPECT_EQ(load("mode off", fake_version, &error), 0);
}

static u64 port_word(u32 word)
{
	return policy_port_word(policy_port_find(fake.ports, "a/net1"), word, 0);
}

/* When it comes into force, in any mode, and when a VM comes; what is refused changes nothing. */
TEST(kfv_policy_owns_ports)
{
	struct config_error error;
	u32 told;

	fake_reset();
	told = fake.ports_told;
	EXPECT_EQ(fake.ports->nports, 0);
	fake_policy("port a/net1 rate 1");
	EXPECT(fake.ports == &policy_active()->table && fake.ports_told == told + 1);
	EXPECT_EQ(port_word(1), 1024);
	EXPECT_EQ(
		load("port a/net1 rate 2\nwhen nobody severity alert do R01", fake_version, &error),
		-EINVAL);
	EXPECT_EQ(load("port a/net1 rate 2\nport a/net1 rate 3", fake_version, &error), -EINVAL);
	EXPECT(error.line == 3 && error.column == 6);
	EXPECT(fake.ports == &policy_active()->table && port_word(1) == 1024);
	EXPECT_EQ(policy_set_mode(POLICY_OFF), 0);
	EXPECT(fake.ports == &policy_active()->table && port_word(1) == 1024);
	told = fake.ports_told;
	hook_vm_created(&fake_vm[FAKE_A].hrsc);
	EXPECT(fake.ports == &policy_active()->table && fake.ports_told == told + 1);
	fake_policy("port b/net1 rate 1");
	EXPECT_EQ(port_word(1), 0);
}

/* Every event is judged under one policy or the other, and reports survive the change. */
TEST(kfv_policy_replaced_loses_no_event)
{
	fake_reset();
	fake_policy("when probe severity warning do R00");
	fake.probe_says = SEVERITY_WARNING;
	for (u32 i = 0; i < 1000; i++) {
		fake_call(FAKE_A);
		if (i % 10 == 0)
			fake_policy(i % 20 ? "when probe severity warning do R00"
					   : "when probe severity warning do R01\n"
					     "across probe count 1000 within 10s do R18");
	}
	EXPECT_EQ(fake.probe_seen, 1000);
	EXPECT_STR(fake.acts, "");
	hook_orchestrate();
	fake_policy("across probe count 1000 within 10s do R18");
	for (u32 i = 0; i < 1000; i++)
		fake_call(FAKE_A);
	fake_policy("across probe count 1000 within 10s do R18");
	hook_orchestrate();
	EXPECT_STR(fake.acts, "throttle 1;");
}

/* Each leads beyond a table of the framework, or to what no policy may have. */
#define DAMAGES(X)                                                                                 \
	X(t->mode = POLICY_OFF + 1)                                                                \
	X(t->nrules = CONFIG_HORIZONTALS + 1)                                                      \
	X(t->nplans = CONFIG_VERTICALS + 1)                                                        \
	X(t->nports = CONFIG_PORTS + 1)                                                            \
	X(memset(t->ports[0].name, 'x', sizeof(t->ports[0].name)))                                 \
	X(t->attached = 0xffff)                                                                    \
	X(memset(t->name, 'x', sizeof(t->name)))                                                   \
	X(t->param[agent_find("probe")][0] = 0)                                                    \
	X(t->param[agent_find("probe")][0] = 11)                                                   \
	X(t->rules[0].agent = (u8)agent_count())                                                   \
	X(t->rules[0].severity = SEVERITY_COUNT)                                                   \
	X(t->rules[0].reaction = REACTIONS)                                                        \
	X(t->rules[0].reaction = 10)                                                               \
	X(t->rules[0].reaction = R16_PAUSE)                                                        \
	X(t->rules[0].then = R16_PAUSE)                                                            \
	X(t->plans[0].nsources = 0)                                                                \
	X(t->plans[0].nsources = 3)                                                                \
	X(t->plans[0].source[0].agent = (u8)agent_count())                                         \
	X(t->plans[0].source[0].layer = 4)                                                         \
	X(t->plans[0].reaction = R23_SAFE_STATE)                                                   \
	X(t->plans[0].reaction = 255)                                                              \
	X(t->plans[0].target = TARGET_OBJECT + 1)

static u32 damage_wanted, damage_count;

#define X(change)                                                                                  \
	if (damage_count++ == damage_wanted)                                                       \
		change;
static void damage(struct policy_table *t)
{
	damage_count = 0;
	DAMAGES(X)
}
#undef X

TEST(kfv_policy_refuses_what_the_compiler_should_not_make)
{
	const char *text = "when probe severity warning do R01 then R02 after 4 within 1s\n"
			   "across probe within 1s do R18\nport a/net1 vlan 7";
	u32 epoch;

	fake_reset();
	fake_policy(text);
	epoch = policy_active()->epoch;
	fake.damage = damage;
	damage_wanted = 0;
	do {
		struct config_error error;

		EXPECT_EQ(load(text, fake_version, &error), -EINVAL);
	} while (++damage_wanted < damage_count);
	EXPECT(damage_count == 22);
	EXPECT_EQ(policy_active()->epoch, epoch);
	EXPECT_EQ(policy_active()->table.nrules, 1);
	fake.damage = NULL;
}
