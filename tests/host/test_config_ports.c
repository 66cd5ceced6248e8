/* SPDX-License-Identifier: BSD-2-Clause */
/* What a policy says of ports: its text, the words that a switch is told, and the text of these. */
#include "drivers/api/driver.h"
#include "drivers/api/policy.h"
#include "tests/host/config_text.h"

#define POLICY "policy p { version 1\n"

TEST(config_ports_of_a_policy)
{
	const struct policy_port_text *p = config.policy.ports;

	if (!good(POLICY
		    "port linux/net1 vlan 7 rate 1000 mirror\n"
		    "port a-b/net8 mac 52:54:00:12:34:56 open off ip 10.0.0.2 mirror off rate 0\n"
		    "	port ne@00:03.0 mirror on vlan 0; port b/net1 ip any open }"))
		return;
	EXPECT_EQ(config.policy.nports, 4);
	EXPECT_STR(p[0].name, "linux/net1");
	EXPECT_EQ(p[0].owned, BIT(PORT_VLAN) | BIT(PORT_RATE) | BIT(PORT_MIRROR));
	EXPECT(p[0].port.vlan == 7 && p[0].port.rate_kib == 1000 && p[0].port.mirror);
	EXPECT(p[0].line == 2 && p[0].column == 6);
	EXPECT_STR(p[1].name, "a-b/net8");
	EXPECT_EQ(p[1].owned, BIT(PORT_SETTINGS) - 1 - BIT(PORT_VLAN));
	EXPECT(p[1].port.mac == 0x525400123456 && p[1].port.ip == 0x0a000002);
	EXPECT(!p[1].port.open && !p[1].port.mirror && !p[1].port.rate_kib);
	EXPECT_STR(p[2].name, "ne@00:03.0");
	EXPECT(p[2].port.mirror && p[2].owned == (BIT(PORT_MIRROR) | BIT(PORT_VLAN)));
	EXPECT(p[2].line == 4 && p[2].column == 7);
	EXPECT(p[3].port.open && !p[3].port.ip && p[3].owned == (BIT(PORT_OPEN) | BIT(PORT_IP)));
}

TEST(config_ports_of_a_vm_without_limits)
{
	const struct config_port *p = &config.vms[0].functions[0].port;

	if (good("vm a { memory 8M; kernel k; net x y open off mirror on rate 0 ip any }"))
		EXPECT(!p->open && p->mirror && !p->rate_kib && !p->ip);
}

#define EXPECTED                                                                                   \
	"expected a port as the command ports calls it, like linux/net1 or ne@00:03.0, got "

TEST(config_errors_of_ports)
{
	static const char *const names[] = { "linux", "linux/", "linux/net", "linux/net0",
		"linux/net9", "linux/uart", "/net1", "linux/net12", "@", "ne@", "@x",
		"\"linux/net1\"" };
	char text[1024], words[160];

	bad_in_policy("port", 5, EXPECTED "the end of the line");
	for (u32 i = 0; i < ARRAY_LEN(names); i++) {
		char line[80];

		snprintf(line, sizeof(line), "port %s vlan 1", names[i]);
		snprintf(words, sizeof(words), EXPECTED "\"%s\"",
			names[i][0] == '"' ? "linux/net1" : names[i]);
		bad_in_policy(line, 6, words);
	}
	bad_in_policy("port a34567890123456789012345678901234567/net1 vlan 1", 6,
		EXPECTED "\"a3456789012345678901...\"");
	bad_in_policy("port a/net1", 12,
		"expected vlan, rate, mirror, mac, open or ip, got the end of the line");
	bad_in_policy("port a/net1 down", 13,
		"expected vlan, rate, mirror, mac, open or ip, got \"down\"");
	bad_in_policy("port ne@00:03.0 open", 17, "expected vlan, rate or mirror, got \"open\"");
	bad_in_policy(
		"port ne@00:03.0 vlan 1 ip any", 24, "expected vlan, rate or mirror, got \"ip\"");
	bad_in_policy("port a/net1 vlan 1 vlan 2", 20, "expected vlan only once");
	bad_in_policy("port a/net1 rate", 17,
		"expected a number from 0 to 1048576, got the end of the line");
	bad_in_policy(
		"port a/net1 vlan 4095", 18, "expected a number from 0 to 4094, got \"4095\"");
	bad_in_policy("port a/net1 mirror yes", 20,
		"expected vlan, rate, mirror, mac, open or ip, got \"yes\"");
	bad_in_policy("port a/net1 mac any", 17,
		"expected an address of one card like 52:54:00:12:34:56, got \"any\"");
	bad_in_policy("port a/net1 vlan 1; port a/net1 rate 1", 26,
		"expected settings of a/net1 in one statement only");
	text[0] = 0;
	for (u32 i = 0; i < CONFIG_PORTS; i++)
		sprintf(text + strlen(text), "port a%u/net1 vlan 1;", i);
	strcat(text, "port b/net1 vlan 1");
	bad_in_policy(text, (u32)strlen(text) - 12, "expected at most 32 ports");
}

static struct policy_table table;

static bool compile(const char *statements)
{
	static const struct catalogue none;
	struct config_error why = { 0 };
	char text[1024];

	snprintf(text, sizeof(text), POLICY "%s }", statements);
	return good(text) && EXPECT_EQ(policy_compile(&table, &config.policy, &none, &why), 0);
}

#define OWN_0 (BUS_PORT_USED | 9ull << BUS_PORT_VLAN | BUS_PORT_MIRROR | 0x020000000001)
#define OWN_1 (0x0a000001ull << 32 | 5000 << 10)

TEST(config_ports_are_bound)
{
	const struct policy_port *p;

	if (!compile("port a/net1 vlan 7 mirror off open; port b/net2 rate 1 ip 1.2.3.4\n"
		     "port c/net1 mac 52:54:00:12:34:56 rate 0 ip any vlan 0"))
		return;
	EXPECT_EQ(table.nports, 3);
	p = policy_port_find(&table, "a/net1");
	EXPECT_EQ(policy_port_word(p, 0, OWN_0),
		BUS_PORT_USED | 7ull << BUS_PORT_VLAN | BUS_PORT_OPEN | 0x020000000001);
	EXPECT_EQ(policy_port_word(p, 1, OWN_1), OWN_1);
	p = policy_port_find(&table, "b/net2");
	EXPECT_EQ(policy_port_word(p, 0, OWN_0), OWN_0);
	EXPECT_EQ(policy_port_word(p, 1, OWN_1), 0x01020304ull << 32 | 1024);
	p = policy_port_find(&table, "c/net1");
	EXPECT_EQ(policy_port_word(p, 0, OWN_0), BUS_PORT_USED | BUS_PORT_MIRROR | 0x525400123456);
	EXPECT_EQ(policy_port_word(p, 1, OWN_1), 0);
	table.ports[2].mask[0] = ~0ull;
	EXPECT(policy_port_word(p, 0, OWN_0) & BUS_PORT_USED);
	p = policy_port_find(&table, "c/net2");
	EXPECT(!p);
	EXPECT_EQ(policy_port_word(p, 0, OWN_0), OWN_0);
}

/* What is shown can be put into a policy again. */
TEST(config_ports_are_shown_as_they_are_written)
{
	static const char *const ports[] = { "a/net1 vlan 7", "a/net1 rate 0 ip any",
		"a/net1 mirror off", "ne@00:03.0 vlan 4094 rate 1048576 mirror on",
		"a23456789012345678901234567890x/net8 vlan 4094 rate 1048576 mirror off "
		"mac 52:54:00:ab:cd:ef open off ip 223.255.255.255" };
	char statement[200], shown[POLICY_PORT_TEXT];

	for (u32 i = 0; i < ARRAY_LEN(ports); i++) {
		snprintf(statement, sizeof(statement), "port %s", ports[i]);
		if (!compile(statement))
			continue;
		policy_port_print(shown, sizeof(shown), &table.ports[0]);
		EXPECT_STR(shown, ports[i]);
	}
}
