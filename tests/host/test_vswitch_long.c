/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of many TCP segments: whole for guests that take them so, into as many buffers as it
 * needs, and cut for all others. What is cut is put together again here and must be what was sent.
 */
#include "tests/host/fake_instance.h"
#include "tests/host/stations.h"

#include <stdlib.h>

#define TSO	 (BIT(7) | BIT(8) | BIT(11) | BIT(12))
#define MERGES	 BIT(15)
#define ALL_OF	 (CSUM | GUEST_CSUM | TSO | MERGES)
#define FRAME	 (GUEST_DATA)
#define HEADER	 12
#define ROOM	 0xc000 /* where the one that receives has its buffers, one behind the other */
#define FROM_IP	 0x0a000002u
#define SEQUENCE 0xfffffff0u
#define ID	 0xfffeu

#define FLAGS_ALL 0x9b /* CWR, ACK, PSH, SYN, FIN */

static u32 data_at, sent_len; /* of the frame that was made last */
static u8 sent[1 << 17];

static void put(u8 *at, u64 value, u32 bytes)
{
	for (u32 i = 0; i < bytes; i++)
		at[i] = (u8)(value >> 8 * (bytes - 1 - i));
}

static u64 get(const u8 *at, u32 bytes)
{
	u64 value = 0;

	for (u32 i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

static u32 sum(const u8 *at, u32 len, u32 start)
{
	for (u32 i = 0; i < len; i++)
		start += (u32)at[i] << (i % 2 ? 0 : 8);
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

/* The guest in a slot, with n buffers of `each` bytes if that is said. */
static void guest(u32 slot, u64 features, u32 each, u32 n)
{
	guest_slot = slot;
	configure(slot, 0, 0);
	memset(pc.ram + 0x4000 * slot, 0, 0x4000);
	add_device("net", slot, 0, features, 2);
	for (u32 i = 0; i < n; i++) {
		describe_in(RX, i, ROOM + i * each, each, F_WRITE, 0);
		offer(RX, (u16)i);
	}
	notify(RX);
}

static void two_guests(u64 features, u32 each, u32 n)
{
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	guest(1, ALL_OF, 0, 0);
	guest(2, features, each, n);
	asked[2] = 0;
	nstations = 0;
}

/* A frame with so much payload behind IP and TCP headers of these lengths, and virtio's header. */
static void make(bool v6, u32 ip_len, u32 tcp_len, u32 payload, u32 size)
{
	u8 *h = pc.ram + FRAME, *f = h + HEADER, *ip = f + 14, *tcp = ip + ip_len;

	data_at = 14 + ip_len + tcp_len;
	sent_len = data_at + payload;
	memset(h, 0, HEADER + data_at);
	for (u32 i = 0; i < payload; i++)
		f[data_at + i] = (u8)(i * 5 + i / 251);
	put(f, PC_MAC(2), 6);
	put(f + 6, PC_MAC(1), 6);
	put(f + 12, v6 ? 0x86dd : 0x0800, 2);
	ip[0] = (u8)(v6 ? 0x60 : 0x40 | ip_len / 4);
	ip[v6 ? 6 : 9] = 6;
	if (!v6)
		put(ip + 4, ID, 2);
	for (u32 i = v6 ? 8 : 12; i < ip_len; i++)
		ip[i] = (u8)(i * 3);
	for (u32 i = 0; i < tcp_len; i++)
		tcp[i] = (u8)(i * 7);
	put(tcp + 4, SEQUENCE, 4);
	tcp[12] = (u8)(tcp_len / 4 << 4);
	tcp[13] = FLAGS_ALL;
	h[0] = 1;
	h[1] = v6 ? 4 : 1;
	ram_set(FRAME + 4, size, 2);
	ram_set(FRAME + 6, 14 + ip_len, 2);
	ram_set(FRAME + 8, 16, 2);
}

static void send_long(void)
{
	memcpy(sent, pc.ram + FRAME + HEADER, sent_len);
	guest_slot = 1;
	describe_in(TX, 0, FRAME, HEADER + sent_len, 0, 0);
	offer(TX, 0);
	notify(TX);
	pc_advance(1);
	guest_slot = 2;
}

TEST(long_frames_pass_as_they_are)
{
	static const u32 lens[] = { 2000, 4096 * 3, 65535 - 40 };

	for (u32 i = 0; i < ARRAY_LEN(lens); i++) {
		u32 left = HEADER + 54 + lens[i], n = 0;

		two_guests(ALL_OF, 1536, 52);
		make(false, 20, 20, lens[i], 1448);
		send_long();
		for (; left; n++) {
			EXPECT_EQ(used_head(RX, (u16)n), n);
			EXPECT_EQ(used_len(RX, (u16)n), MIN(left, 1536));
			left -= MIN(left, 1536u);
		}
		EXPECT_EQ(used_index(RX), n);
		EXPECT_EQ(ram_get(ROOM, 2), 0x0101);
		EXPECT_EQ(ram_get(ROOM + 2, 2), 54);
		EXPECT_EQ(ram_get(ROOM + 4, 2), 1448);
		EXPECT_EQ(ram_get(ROOM + 6, 2), 34);
		EXPECT_EQ(ram_get(ROOM + 8, 2), 16);
		EXPECT_EQ(ram_get(ROOM + 10, 2), n);
		EXPECT_MEM(pc.ram + ROOM + HEADER, sent, 54 + lens[i]);
		EXPECT_EQ(switch_count(1, 0), 1);
		EXPECT_EQ(switch_count(2, 1), 1);
		pc_stop();
	}
}

/* Segment i, which came as the i-th frame, is what is to come on the wire. */
static void expect_segment(u32 i, bool v6, u32 ip_len, u32 size)
{
	const u8 *f = pc.ram + ROOM + i * 1536 + HEADER, *ip = f + 14, *tcp = ip + ip_len;
	u32 payload = sent_len - data_at, n = (payload + size - 1) / size;
	u32 len = MIN(size, payload - i * size), tcp_len = data_at - 14 - ip_len + len;
	bool last = i + 1 == n;

	EXPECT_EQ(used_len(RX, (u16)i), HEADER + data_at + len);
	EXPECT_EQ(ram_get(ROOM + i * 1536, 8), 0);
	EXPECT_EQ(ram_get(ROOM + i * 1536 + 8, 4), 0x10000);
	EXPECT_MEM(f, sent, 14);
	if (v6) {
		EXPECT_EQ(get(ip + 4, 2), tcp_len);
		EXPECT_MEM(ip + 6, sent + 20, 34);
	} else {
		EXPECT_EQ(get(ip + 2, 2), ip_len + tcp_len);
		EXPECT_EQ(get(ip + 4, 2), (ID + i) & 0xffff);
		EXPECT_EQ(sum(ip, ip_len, 0), 0xffff);
		EXPECT_MEM(ip + 12, sent + 26, ip_len - 12);
	}
	EXPECT_EQ(get(tcp + 4, 4), (u32)(SEQUENCE + i * size));
	EXPECT_EQ(tcp[13], FLAGS_ALL & ~(last ? 0 : 9) & ~(i ? 0x80 : 0));
	EXPECT_EQ(sum(tcp, tcp_len, sum(v6 ? ip + 8 : ip + 12, v6 ? 32 : 8, 6 + tcp_len)), 0xffff);
	EXPECT_MEM(f + data_at, sent + data_at + i * size, len);
}

TEST(long_frames_are_cut_for_others)
{
	static const struct {
		bool v6;
		u32 ip_len, tcp_len, payload, size;
	} cases[] = { { false, 20, 32, 1448 * 5, 1448 }, { false, 20, 20, 3001, 1460 },
		{ false, 60, 60, 5000, 999 }, { false, 20, 20, 100, 1000 },
		{ false, 24, 20, 53, 1 }, { true, 40, 20, 7000, 1440 }, { true, 40, 60, 2001, 333 },
		{ false, 20, 20, 1, 1 }, { false, 20, 20, 44 * 1460, 1460 } };
	static const u64 features[] = { 0, CSUM | GUEST_CSUM, ALL_OF & ~TSO, ALL_OF & ~MERGES,
		ALL_OF & ~GUEST_CSUM };

	for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
		u32 n = (cases[i].payload + cases[i].size - 1) / cases[i].size;

		for (u32 k = 0; k < ARRAY_LEN(features); k++) {
			two_guests(features[k], 1536, 53);
			make(cases[i].v6, cases[i].ip_len, cases[i].tcp_len, cases[i].payload,
				cases[i].size);
			send_long();
			EXPECT_EQ(used_index(RX), n);
			for (u32 j = 0; j < n; j++)
				expect_segment(j, cases[i].v6, cases[i].ip_len, cases[i].size);
			EXPECT_EQ(switch_count(2, 1), n);
			EXPECT_EQ(switch_count(2, 3), 0);
			pc_stop();
		}
	}
}

/* Both are right, for those who take the one and not the other. */
TEST(long_frames_of_one_kind)
{
	for (u32 v6 = 0; v6 < 2; v6++) {
		two_guests(ALL_OF & ~BIT(7 + v6), 1536, 20);
		make(v6, v6 ? 40 : 20, 20, 2900, 1400);
		send_long();
		EXPECT_EQ(used_index(RX), 3);
		EXPECT_EQ(pc.ram[ROOM + 1], 0);
		make(!v6, v6 ? 20 : 40, 20, 2900, 1400);
		send_long();
		EXPECT_EQ(used_index(RX), 5);
		EXPECT_EQ(pc.ram[ROOM + 3 * 1536 + 1], v6 ? 1 : 4);
		pc_stop();
	}
}

TEST(long_frames_that_lie)
{
	static const struct {
		u8 at, bytes;
		u16 value; /* as the guest's CPU writes it */
	} lies[] = { { 1, 1, 2 }, { 1, 1, 3 }, { 1, 1, 4 }, { 1, 1, 5 }, { 1, 1, 0x81 },
		{ 1, 1, 0 }, { 0, 1, 0 }, { 4, 2, 0 }, { 4, 2, 1461 }, { 4, 2, 0xffff },
		{ 6, 2, 0 }, { 6, 2, 33 }, { 6, 2, 0xffff }, { 8, 2, 6 }, { 8, 2, 0xffff },
		{ 24, 2, 0xdd86 }, { 24, 2, 0x0608 }, { 26, 1, 0x44 }, { 26, 1, 0x4f },
		{ 26, 1, 0x65 }, { 26, 1, 0 }, { 32, 1, 0x20 }, { 33, 1, 1 }, { 35, 1, 17 },
		{ 58, 1, 0x40 }, { 58, 1, 0 } };

	for (u32 i = 0; i < ARRAY_LEN(lies); i++) {
		two_guests(i % 2 ? ALL_OF : 0, 1536, 50);
		make(false, 20, 20, 4000, 1460);
		ram_set(FRAME + lies[i].at, lies[i].value, lies[i].bytes);
		send_long();
		if (!EXPECT_EQ(used_index(RX), 0) || !EXPECT_EQ(switch_count(1, 2), 1))
			test_printf("# lie %u of these\n", i);
		pc_stop();
	}
}

/* The headers are all of it, or not even that. */
TEST(long_frames_that_are_short)
{
	two_guests(0, 1536, 50);
	make(false, 20, 60, 1, 1);
	for (sent_len--; sent_len >= BUS_FRAME_MIN - HEADER; sent_len--)
		send_long();
	EXPECT_EQ(switch_count(1, 2), 94 - BUS_FRAME_MIN + HEADER + 1);
	EXPECT_EQ(used_index(RX), 0);
	pc_stop();
}

/* Nobody is made to work for long by it. */
TEST(long_frames_of_tiny_segments)
{
	two_guests(0, 1536, 50);
	make(false, 20, 20, 257, 1);
	send_long();
	EXPECT_EQ(switch_count(2, 3), 1);
	make(false, 20, 20, 60000, 1);
	send_long();
	EXPECT_EQ(switch_count(2, 3), 2);
	EXPECT_EQ(used_index(RX), 0);
	EXPECT_EQ(switch_count(1, 2), 0);
	pc_stop();
}

/* What is cut counts in what the device does at one go; the rest follows. */
TEST(long_frames_are_not_all_cut_at_once)
{
	two_guests(0, 1536, 50);
	make(false, 20, 20, 250, 1);
	guest_slot = 1;
	describe_in(TX, 0, FRAME, HEADER + sent_len, 0, 0);
	for (u32 i = 0; i < 20; i++)
		offer(TX, 0);
	notify(TX);
	EXPECT_EQ(used_index(TX), 1);
	for (u32 i = 1; i < 20; i++)
		pc_advance(1);
	EXPECT_EQ(used_index(TX), 20);
	pc_stop();
}

TEST(long_frames_beyond_all_bounds)
{
	two_guests(ALL_OF, 1536, 52);
	make(false, 20, 20, 65535 - 40, 1460);
	send_long();
	EXPECT_EQ(switch_count(2, 1), 1);
	sent_len++;
	send_long();
	EXPECT_EQ(switch_count(1, 0), 1);
	pc_stop();
}

/* Of a frame either all is there, or nothing, and then the buffers serve for the next one. */
TEST(frames_in_tiny_buffers)
{
	two_guests(ALL_OF, 12, 63);
	make(false, 20, 20, 62 * 12 - 54 + 1 + 12, 100);
	send_long();
	EXPECT_EQ(switch_count(2, 3), 1);
	EXPECT_EQ(used_index(RX), 0);
	make(false, 20, 20, 62 * 12 - 54, 100);
	send_long();
	EXPECT_EQ(used_index(RX), 63);
	EXPECT_EQ(ram_get(ROOM + 10, 2), 63);
	EXPECT_MEM(pc.ram + ROOM + HEADER, sent, 62 * 12);
	pc_stop();
}

TEST(buffers_too_small_for_a_header)
{
	two_guests(ALL_OF, 11, 5);
	EXPECT_EQ(used_index(RX), 5);
	for (u16 i = 0; i < 5; i++)
		EXPECT_EQ(used_len(RX, i), 0);
	send(1, PC_MAC(2));
	EXPECT_EQ(switch_count(2, 3), 1);
	pc_stop();
}

/* More pieces than a grant may have, and that many. */
TEST(long_frames_in_many_pieces)
{
	for (u32 pieces = 2; pieces < 40; pieces += 6) {
		bool fits = pieces <= BUS_PIECES_MOST;

		two_guests(ALL_OF, 1536, 52);
		make(false, 20, 20, 20000, 1460);
		memcpy(sent, pc.ram + FRAME + HEADER, sent_len);
		guest_slot = 1;
		for (u32 i = 0; i < pieces; i++)
			describe_in(TX, i, FRAME + i * 300,
				i + 1 < pieces ? 300 : HEADER + sent_len - i * 300,
				i + 1 < pieces ? F_NEXT : 0, (u16)(i + 1));
		offer(TX, 0);
		notify(TX);
		EXPECT_EQ(used_index(TX), 1);
		pc_advance(1);
		guest_slot = 2;
		EXPECT_EQ(used_index(RX), fits ? 14 : 0);
		if (fits)
			EXPECT_MEM(pc.ram + ROOM + HEADER, sent, sent_len);
		pc_stop();
	}
}

/* As many bytes as there are when it is cut: those of its headers make the difference. */
TEST(long_frames_count_for_rates)
{
	u32 cut = 10000 + 7 * (HEADER + 54);

	for (u32 more = 0; more < 2; more++) {
		two_guests(ALL_OF, 1536, 52);
		configure(1, 0, more ? cut : cut - HEADER - LEN);
		while (!switch_count(1, 2))
			send(1, PC_MAC(2));
		pc_advance(1000000000);
		make(false, 20, 20, 10000, 1460);
		send_long();
		EXPECT_EQ(switch_count(1, 2), 2 - more);
		pc_stop();
	}
}

/* A switch that fails after it has delivered, or half way, and does the call again. */
TEST(switch_does_again_what_was_not_done)
{
	struct instance *s, *from;
	struct bus_piece piece = { .at = FRAME };
	u32 handle, len;

	for (u32 written = 0; written < 7; written++) {
		two_guests(ALL_OF, 1536, 52);
		s = by_name("vswitch");
		from = current = pc_instance(1);
		make(false, 20, 20, 9000, 1460);
		piece.len = len = HEADER + sent_len;
		handle = (u32)l2_grant(PEER_SWITCH, &piece, 1, BUS_READ);
		for (u32 i = 0; i < written && written < 6; i++) /* by what it did before */
			pc_instance(2)->grant[1 + i].handle = 0;
		for (u32 i = 0; i < 1 + (written == 6); i++) {
			u8 *before = malloc(s->driver->state_size);

			memcpy(before, s->state, s->driver->state_size);
			EXPECT_EQ(pc_call("vswitch", BUS_FRAME, handle, len), 0);
			if (written == 6 && !i)
				memcpy(s->state, before, s->driver->state_size);
			free(before);
		}
		pc_advance(1);
		guest_slot = 2;
		EXPECT_EQ(used_index(RX), 6);
		EXPECT_EQ(from->head, from->tail);
		pc_stop();
	}
}
