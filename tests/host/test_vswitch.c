/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ports of a switch may send, and what is changed of that while they are at work. */
#include "tests/host/fake_instance.h"
#include "tests/host/stations.h"

/* Bytes of a frame that write_frame() has written. */
static void put(u32 at, u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		pc.ram[SEND_AT + 12 + at + i] = (u8)(value >> 8 * (bytes - 1 - i));
}

static bool passes(u32 len)
{
	send_it(1, 12 + len);
	return hears(2);
}

static bool passes_ip(u64 type, u32 at, u64 ip)
{
	write_frame(PC_MAC(2), PC_MAC(1));
	put(12, type, 2);
	put(22, PC_MAC(1), 6);
	put(at, ip, 4);
	return passes(LEN);
}

#define IP	 0x0a000002ull
#define IPV4(ip) passes_ip(0x0800, 26, ip)
#define ARP(ip)	 passes_ip(0x0806, 28, ip)

TEST(switch_holds_ip_addresses_to_their_ports)
{
	stations(2, 0);
	configure(1, 0, IP << 32);
	EXPECT(IPV4(IP) && ARP(IP));
	EXPECT(IPV4(0) && ARP(0)); /* DHCP, and asking whether an address is free */
	EXPECT_EQ(switch_count(1, 2), 0);
	EXPECT(!IPV4(IP + 1) && !ARP(IP + 1) && !IPV4(~0ull) && !ARP(IP << 8));
	EXPECT_EQ(switch_count(1, 2), 4);
	EXPECT(passes_ip(0x86dd, 26, 1)); /* IPv6 */
	write_frame(PC_MAC(2), PC_MAC(1));
	put(12, 0x0806, 2);
	put(22, PC_MAC(2), 6); /* in ARP it is another */
	put(28, IP, 4);
	EXPECT(!passes(LEN));
	write_frame(PC_MAC(2), PC_MAC(1));
	put(12, 0x0806, 2);
	EXPECT(!passes(14)); /* what is not there is not its address */
	configure(1, BUS_PORT_OPEN, IP << 32);
	EXPECT(IPV4(IP + 1) && ARP(IP + 1));
	configure(1, 0, 0);
	EXPECT(IPV4(IP + 1) && ARP(IP + 1));
	pc_stop();
}

/* While they are at work: no buffer is lost. */
TEST(switch_ports_change_at_work)
{
	u64 behind = 0x525400aaaaaa;

	stations(3, 0);
	for (u32 i = 0; i < 100; i++) {
		configure(2, i % 2 ? BUS_PORT_MIRROR : 0, i << 20);
		send(1, PC_MAC(2));
		EXPECT(hears(2));
	}
	EXPECT_EQ(switch_count(2, 1), 100);
	configure(2, BUS_PORT_OPEN, 0);
	write_frame(PC_MAC(1), behind);
	send_it(2, 12 + LEN);
	EXPECT(hears(1));
	guest_slot = 3;
	asked[3] = used_index(RX);
	configure_vlan(2, 7); /* what was learnt there does not lead out of the VLAN */
	send(1, behind);
	EXPECT(!hears(2));
	EXPECT(hears(3));
	pc_stop();
}

/* A frame in another's name is told to who sent it, and to nobody else. */
TEST(switch_tells_of_forgery)
{
	const struct bus_message *m;
	u32 first;

	stations(2, 0);
	m = pc_instance(1)->message;
	first = pc_instance(1)->head;
	write_frame(PC_MAC(1), PC_MAC(2));
	send_it(1, 12 + LEN);
	EXPECT_EQ(pc_instance(1)->head, first + 1);
	EXPECT_EQ(m[first % MESSAGES].fn, BUS_FRAME_REFUSED);
	EXPECT_EQ(m[first % MESSAGES].a, FORGED_MAC);
	EXPECT_EQ(m[first % MESSAGES].b, PC_MAC(2));
	EXPECT_EQ(pc_instance(2)->head, pc_instance(2)->tail);
	for (u32 i = 0; i < 1000; i++) /* more than there is room for */
		send_it(1, 12 + LEN);
	send(1, PC_MAC(2));
	EXPECT(hears(2));
	pc_stop();
}
