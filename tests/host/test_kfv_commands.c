/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/l1/command.h"

#include "kfv/evidence.h"
#include "kfv/mediation.h"
#include "tests/dialect.h"
#include "tests/host/kfv_fake.h"

#include <stdio.h>
#include <string.h>

extern const struct command *const __start_kfv_commands[], *const __stop_kfv_commands[];

/* Runs "name argument" and leaves what it printed in fake.log. */
static int run(const char *name, const char *first, const char *second)
{
	char *argv[] = { (char *)name, (char *)first, (char *)second };
	int argc = 1 + !!first + !!second;

	fake.log[0] = 0;
	for (const struct command *const *c = __start_kfv_commands; c < __stop_kfv_commands; c++)
		if (!strcmp((*c)->name, name))
			return (*c)->run(argc, argv);
	return -ENOENT;
}

static void fits_the_screen(void)
{
	for (const char *line = fake.log; *line; line = strchr(line, '\n') + 1) {
		if (!EXPECT(strchr(line, '\n')))
			return;
		if (!EXPECT(strchr(line, '\n') - line <= 80))
			test_printf("# %.*s\n", (int)(strchr(line, '\n') - line), line);
	}
}

TEST(kfv_command_hooks)
{
	char line[32];

	fake_reset();
	EXPECT_EQ(run("hooks", NULL, NULL), 0);
	fits_the_screen();
	EXPECT_EQ(fake_logged("\n"), 32);
	EXPECT(fake_logged("L1_EXIT          L1 in"));
	EXPECT(fake_logged("  rate\n"));
	EXPECT(!fake_logged("witness"));
	EXPECT_EQ(run("hooks", "arm", NULL), 0);
	EXPECT_EQ(run("hooks", NULL, NULL), 0);
	EXPECT_EQ(fake_logged("witness\n"), 31);
	fits_the_screen();
	EXPECT_EQ(run("hooks", "disarm", NULL), 0);
	snprintf(line, sizeof(line), "%20lu  control\n",
		(unsigned long)hook_fired(HOOK_L2_ENTER) + 1);
	fake_enter(FAKE_A);
	EXPECT_EQ(run("hooks", NULL, NULL), 0);
	EXPECT_EQ(fake_logged(line), 1);
	EXPECT_EQ(run("hooks", "what", NULL), -EINVAL);
}

TEST(kfv_command_agents)
{
	fake_reset();
	EXPECT_EQ(run("agents", NULL, NULL), 0);
	fits_the_screen();
	EXPECT(fake_logged("range      attached"));
	EXPECT(fake_logged("witness    idle"));
	EXPECT(fake_logged("calls 3, traps 400, shift 6, warm 64\n"));
	EXPECT_EQ(run("agents", "what", NULL), -EINVAL);
}

/* What `policy` shows is a policy: loaded again, it shows the same. */
TEST(kfv_command_policy_can_be_read_back)
{
	static char shown[4096];

	fake_reset();
	EXPECT_EQ(run("policy", NULL, NULL), 0);
	fits_the_screen();
	EXPECT(fake_logged("policy default, version 0, mode on\n"));
	snprintf(shown, sizeof(shown), "%s", strchr(fake.log, '\n') + 1);
	fake_policy(shown);
	EXPECT_EQ(run("policy", NULL, NULL), 0);
	EXPECT_STR(strchr(fake.log, '\n') + 1, shown);
}

TEST(kfv_command_policy_shows_ports)
{
	fake_reset();
	fake_policy("port linux/net1 vlan 7 mirror");
	EXPECT_EQ(run("policy", NULL, NULL), 0);
	EXPECT(fake_logged("\nport linux/net1 vlan 7 mirror on # not there\n"));
	(void)strcpy(fake_driver[FAKE_A].name, "linux/net1");
	fake_driver[FAKE_A].net = &fake_driver[FAKE_B];
	EXPECT_EQ(run("policy", NULL, NULL), 0);
	EXPECT(fake_logged("\nport linux/net1 vlan 7 mirror on\n"));
	(void)strcpy(fake_driver[FAKE_A].name, "a");
	fake_driver[FAKE_A].net = NULL;
}

TEST(kfv_command_policy_mode)
{
	fake_reset();
	EXPECT_EQ(run("policy", "mode", "detect"), 0);
	EXPECT_EQ(policy_active()->table.mode, POLICY_DETECT);
	EXPECT_EQ(run("policy", "mode", "loud"), -EINVAL);
	EXPECT_EQ(run("policy", "mode", NULL), -EINVAL);
	EXPECT_EQ(policy_active()->table.mode, POLICY_DETECT);
}

TEST(kfv_command_policy_load)
{
	char text[200];

	fake_reset();
	snprintf(text, sizeof(text),
		"policy strict {\nversion %u\nwhen range severity notice do R01 }", fake_version);
	fake.module = text;
	EXPECT_EQ(run("policy", "load", "policy.conf"), 0);
	EXPECT_STR(fake.log, "");
	EXPECT_STR(policy_active()->table.name, "strict");
	fake.module = "policy bad {\n version 1\n when range severity notice do R17\n}";
	EXPECT_EQ(run("policy", "load", "policy.conf"), 0);
	EXPECT_STR(fake.log,
		"policy.conf:3:7: R17 (none) is not available, it needs a meaning in the catalogue\n");
	fake.module = "policy bad {\n version 1\n when range severity notice R01\n}";
	EXPECT_EQ(run("policy", "load", "policy.conf"), 0);
	EXPECT(fake_logged("policy.conf:3:29: expected do"));
	fake.module = "";
	EXPECT_EQ(run("policy", "load", "policy.conf"), 0);
	EXPECT_STR(fake.log, "policy.conf:1:1: expected a policy block\n");
	EXPECT_EQ(run("policy", "load", "nothing"), 0);
	EXPECT_STR(fake.log, "there is no boot module nothing\n");
	EXPECT_STR(policy_active()->table.name, "strict");
}

TEST(kfv_command_events)
{
	fake_reset();
	fake_policy("when probe severity warning do R01\nacross probe count 3 within 1s do R18");
	fake.probe_says = SEVERITY_WARNING;
	for (u32 i = 0; i < 100; i++)
		fake_call(FAKE_A);
	hook_orchestrate();
	EXPECT_EQ(run("events", NULL, NULL), 0);
	fits_the_screen();
	EXPECT(fake_logged("a probe: told-to at L2_CALL(0x1, 0x2)\n"));
	EXPECT(fake_logged("warning, 64 times; denied, answered by R01 deny\n"));
	EXPECT(fake_logged("VO a probe: told-to"));
	EXPECT_EQ(run("events", "2", NULL), 0);
	EXPECT_EQ(fake_logged("\n"), 4);
	EXPECT_EQ(run("events", "99999999999", NULL), 0);
	fits_the_screen();
	EXPECT_EQ(run("events", "0", NULL), 0);
	EXPECT_STR(fake.log, "");
	EXPECT_EQ(run("events", "x", NULL), -EINVAL);
	EXPECT_EQ(run("events", "key", NULL), 0);
	EXPECT_EQ(strlen(fake.log), 33);
}
