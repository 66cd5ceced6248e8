/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switches in the image itself: one that fails again and again until it begins anew has its ports,
 * as they were configured and as they were changed since; one port that is cut off is so for good.
 */
#include "tests/dialect.h"

#include "core/l2/bus.h"
#include "core/l2/net.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "kfv/policy.h"
#include "tests/image/deaths.h"

#define MAC(n)	  (0x525400000000ull + (n))
#define VLAN(n)	  ((u64)(n) << BUS_PORT_VLAN)
#define VLAN_BITS VLAN(0xfff)
#define IP	  0x0a000002u

enum { SENT, RECEIVED, REFUSED, LOST }; /* BUS_INFO of a port: drivers/vswitch/vswitch.c */

static struct vm nobody;
static struct hrsc end[2];
static u8 frame[12 + 60];

static void put(u32 at, u64 value, u32 len)
{
	for (u32 i = 0; i < len; i++)
		frame[12 + at + i] = (u8)(value >> 8 * (len - 1 - i));
}

static u64 count(u32 port, u32 item)
{
	return net_call(&end[port], BUS_INFO, item, 0);
}

/* An IPv4 frame to everybody. */
static void send_from(u32 port, u64 mac, u32 ip)
{
	const struct bus_piece piece = { .at = (u64)frame, .len = sizeof(frame) };
	s64 handle = bus_grant(&end[port], end[port].net, NULL, &piece, 1, BUS_READ);

	put(0, ~0ull, 6);
	put(6, mac, 6);
	put(12, 0x0800, 2);
	put(26, ip, 4);
	if (EXPECT(handle > 0))
		net_call(&end[port], BUS_FRAME, (u64)handle, sizeof(frame));
	bus_revoke(&end[port], (u64)handle);
}

static void send(u64 mac, u32 ip)
{
	send_from(0, mac, ip);
}

static void set_up(void)
{
	for (u32 i = 0; i < 2; i++) {
		const struct config_function f = { .name = "end",
			.source = "anew",
			.port = { .mac = MAC(i), .ip = i ? 0 : IP, .vlan = 7 } };

		end[i] = (struct hrsc){ .owner = &nobody };
		EXPECT_EQ(hrsc_add(&end[i], HRSC_DRIVER, 0, i ? "end/net1" : "end/net2"), 0);
		EXPECT_EQ(bus_open(&end[i]), 0);
		EXPECT_EQ(net_attach(&end[i], &f), 0);
	}
}

static void tear_down(void)
{
	for (u32 i = 0; i < 2; i++) {
		net_detach(&end[i]);
		bus_close(&end[i]);
		hrsc_remove(&end[i]);
	}
}

/* What port 1 hears of it is lost there, as it has no buffers. */
static void expect_rules(void)
{
	u64 sent = count(0, SENT), refused = count(0, REFUSED), lost = count(1, LOST);

	send(MAC(0), IP);
	EXPECT_EQ(count(0, SENT), sent + 1);
	EXPECT_EQ(count(1, LOST), lost + 1);
	send(MAC(1), IP);
	send(MAC(0), IP + 1);
	EXPECT_EQ(count(0, REFUSED), refused + 2);
	EXPECT_EQ(count(1, LOST), lost + 1);
}

TEST(switch_that_begins_anew_has_its_ports)
{
	struct hrsc *s;
	u32 restarts;

	set_up();
	s = end[0].net;
	restarts = s->restarts;
	expect_rules();
	for (u32 i = 0; i < 2; i++)
		net_set(&end[i], 0, VLAN_BITS, VLAN(9 + i));
	send(MAC(0), IP);
	EXPECT_EQ(count(1, LOST), 1); /* not in the same VLAN any more */
	net_set(&end[1], 0, VLAN_BITS, VLAN(9));
	s->armed = policy_active()->armed; /* for R10 */
	deaths_next(s, 4); /* a call and its repetition, and of the next one the same */
	EXPECT_EQ(count(0, SENT), ~0ull);
	EXPECT_EQ(count(0, SENT), ~0ull);
	EXPECT_EQ(s->state, HRSC_LIVE);
	EXPECT_EQ(s->restarts, restarts + 4);
	EXPECT_EQ(count(0, SENT), 0); /* these are new */
	expect_rules();
	s->armed = 0;
	tear_down();
}

/* A driver in an attacker's hands names what another one has granted, by a call or in its ring. */
TEST(switch_uses_no_grant_of_another_port)
{
	static u8 victims[BUS_FRAME_MAX];
	static struct bus_buffer ring[BUS_BUFFERS_MOST];
	const struct bus_piece room = { .at = (u64)victims, .len = sizeof(victims) };
	const struct bus_piece list = { .at = (u64)ring, .len = sizeof(ring) };
	s64 theirs, own;

	set_up();
	theirs = bus_grant(&end[1], end[1].net, NULL, &room, 1, BUS_READ | BUS_WRITE);
	own = bus_grant(&end[0], end[0].net, NULL, &list, 1, BUS_READ);
	EXPECT(theirs > 0 && own > 0);
	EXPECT_EQ(net_call(&end[0], BUS_FRAME, (u64)theirs, sizeof(frame)), BUS_NO_PEER);
	EXPECT_EQ(net_call(&end[0], BUS_BUFFER, (u64)theirs, sizeof(victims)), BUS_NO_PEER);
	ring[0] = (struct bus_buffer){ .grant = (u64)theirs, .len = sizeof(victims) };
	EXPECT_EQ(net_call(&end[0], BUS_BUFFERS, (u64)own, 1), 0);
	send_from(1, MAC(1), IP + 1);
	EXPECT_EQ(count(1, SENT), 1);
	for (u32 i = 0; i < sizeof(victims); i++)
		if (!EXPECT_EQ(victims[i], 0))
			break;
	EXPECT_EQ(bus_revoke(&end[1], (u64)theirs), 0); /* it was not used */
	tear_down();
}

static void put_in_force(const char *statement)
{
	struct config_error e;
	char text[120];
	u32 len = (u32)fmt_string(text, sizeof(text),
		"policy ports { version 1; when fault severity warning do R10; %s }", statement);

	EXPECT_EQ(policy_load(text, len, &e), 0);
}

static void expect_lost(u64 more)
{
	u64 lost = count(1, LOST);

	send(MAC(0), IP);
	EXPECT_EQ(count(1, LOST), lost + more);
}

/* Also of one that comes later, and behind a switch that begins anew; then it is as before. */
TEST(switch_ports_that_the_policy_owns)
{
	struct hrsc *s;
	struct config_error e;

	put_in_force("port end/net2 vlan 9 ip any");
	set_up();
	s = end[0].net;
	expect_lost(1);
	hook_vm_created(&host_hrsc);
	expect_lost(0);
	put_in_force("port end/net1 vlan 9; port end/net2 vlan 9");
	expect_rules();
	deaths_next(s, 4);
	EXPECT_EQ(count(0, SENT), ~0ull);
	EXPECT_EQ(count(0, SENT), ~0ull);
	EXPECT_EQ(count(0, SENT), 0);
	expect_rules();
	EXPECT_EQ(net_set(&end[0], 0, 0, 0) & VLAN_BITS, VLAN(7)); /* what the VM asks for */
	net_set(&end[0], 0, VLAN_BITS, VLAN(8));
	expect_rules();
	put_in_force("port end/net1 vlan 8");
	expect_rules();
	EXPECT_EQ(policy_set_mode(POLICY_OFF), 0);
	expect_rules();
	EXPECT_EQ(policy_load(policy_default, strlen(policy_default), &e), 0);
	expect_lost(0);
	net_set(&end[0], 0, VLAN_BITS, VLAN(7));
	expect_rules();
	tear_down();
}

TEST(switch_port_that_is_cut_off)
{
	set_up();
	EXPECT_EQ(net_isolate(&end[0], true), 0);
	EXPECT_EQ(count(0, SENT), BUS_NO_PEER);
	send(MAC(0), IP);
	EXPECT_EQ(count(1, LOST), 0);
	EXPECT_EQ(net_isolate(&end[0], false), 0);
	expect_rules();
	tear_down();
	EXPECT_EQ(net_isolate(&end[0], true), -ENOENT);
	EXPECT_EQ(net_isolate(NULL, true), -ENOENT);
}
