/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus in the image itself: two VMs of 2 MiB, a driver of each, and between them one of no VM,
 * which is granted memory by both and is in an attacker's hands where that says more.
 */
#include "tests/dialect.h"

#include "arch/x86/compartment.h"
#include "arch/x86/window.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l2/bus.h"
#include "core/l2/memory.h"
#include "core/l2/placement.h"
#include "core/lib/string.h"
#include "tests/image/hostile.h"

#define RAM	  BLOCK_SIZE
#define MOST	  96 /* messages that wait */
#define FIRST_VM  14
#define NO_HANDLE 0x123456789ab00ull

static struct vm vms_of[2];
static hpa_t block[2];
static struct hrsc end[2], middle;
static u8 bytes[3 * PAGE_SIZE];

static void set_up(void)
{
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(block_alloc(OWNER_VM(FIRST_VM + i), &block[i]), 0);
		vms_of[i] = (struct vm){ .memory_bytes = RAM, .blocks = &block[i], .nblocks = 1 };
		end[i] = (struct hrsc){ .owner = &vms_of[i] };
		EXPECT_EQ(hrsc_add(&end[i], HRSC_DRIVER, 0, "end"), 0);
		EXPECT_EQ(bus_open(&end[i]), 0);
	}
	middle = (struct hrsc){ 0 };
	EXPECT_EQ(hrsc_add(&middle, HRSC_DRIVER, 0, "middle"), 0);
}

static void tear_down(void)
{
	for (u32 i = 0; i < 2; i++) {
		bus_close(&end[i]);
		hrsc_remove(&end[i]);
		block_give(block[i]);
	}
	bus_close(&middle);
	hrsc_remove(&middle);
}

/* To the one in the middle. */
static u64 give(u32 from, u64 gpa, u32 len, u32 rights)
{
	const struct bus_piece piece = { .at = gpa, .len = len };

	return (u64)bus_grant(&end[from], &middle, &vms_of[from], &piece, 1, rights);
}

static int copy(u64 to, u64 from, u32 len)
{
	return bus_copy(&middle, to, from, bytes, BUS_LENGTHS(0, 0, len));
}

static int peek(struct hrsc *h, u64 from, void *to, u32 len)
{
	return bus_copy(h, 0, from, to, BUS_LENGTHS(len, 0, len));
}

/* Bytes that tell where they are. */
static void fill(u32 vm, u64 gpa, u32 len)
{
	for (u32 i = 0; i < len; i++)
		bytes[i] = (u8)(i * 7 + i / 256);
	EXPECT_EQ(vm_write(&vms_of[vm], GPA(gpa), bytes, len), 0);
}

static void expect_there(u32 vm, u64 gpa, u32 len)
{
	for (u64 at = 0; at < len; at++) {
		u8 byte;

		EXPECT_EQ(vm_read(&vms_of[vm], GPA(gpa + at), &byte, 1), 0);
		if (byte != bytes[at] && !EXPECT_EQ(byte, bytes[at]))
			return;
	}
}

TEST(bus_messages_keep_their_order_and_their_bound)
{
	struct bus_message m;

	set_up();
	for (u32 i = 0; i < MOST; i++)
		EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, i, ~i), 0);
	EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 0, 0), -EAGAIN);
	EXPECT_EQ(bus_send(&end[0], &end[1], BUS_EOI, 1, 2), 0); /* each its own */
	for (u32 i = 0; i < MOST; i++) {
		EXPECT(bus_receive(&end[0], &m));
		EXPECT(m.fn == BUS_INFO && m.from == middle.id && m.a == i && m.b == (u64)~i);
	}
	EXPECT(!bus_receive(&end[0], &m));
	EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 0, 0), 0);
	EXPECT(bus_receive(&end[0], &m));
	tear_down();
}

TEST(bus_sends_to_nobody_who_is_not_there)
{
	struct bus_message m;

	set_up();
	EXPECT_EQ(bus_send(&end[0], NULL, BUS_INFO, 0, 0), -ENOENT);
	EXPECT_EQ(bus_send(&end[0], &middle, BUS_INFO, 0, 0), -ENOENT); /* takes no messages */
	EXPECT(!bus_receive(&middle, &m));
	end[1].state = HRSC_FAILED;
	EXPECT_EQ(bus_send(&end[0], &end[1], BUS_INFO, 0, 0), -ENOENT);
	end[1].state = HRSC_LIVE;
	tear_down();
}

TEST(bus_copies_from_grant_to_grant)
{
	static const struct {
		u64 from, to;
		u32 len;
	} cases[] = { { 0, 0, 1 }, { 0, 0x1001, 64 }, { 0xffe, 0x2000, 1526 },
		{ 0x3fff, 0x1ffe, 4097 }, { 0x5123, 0x7ff0, 2 * PAGE_SIZE },
		{ RAM - 3000, RAM - 3000, 3000 } };

	set_up();
	for (u32 i = 0; i < ARRAY_LEN(cases); i++) {
		u32 len = cases[i].len;
		u64 from = give(0, cases[i].from, len, BUS_READ);
		u64 to = give(1, cases[i].to, len, BUS_WRITE);

		fill(0, cases[i].from, len);
		EXPECT_EQ(vm_zero(&vms_of[1], GPA(cases[i].to), len), 0);
		EXPECT_EQ(copy(to, from, len), 0);
		expect_there(1, cases[i].to, len);
		EXPECT_EQ(copy(to, from, len), -ESTALE); /* once */
		EXPECT_EQ(bus_revoke(&end[1], to), -ESTALE);
		EXPECT_EQ(bus_revoke(&end[0], from), 0);
	}
	tear_down();
}

TEST(bus_copies_pieces_and_replaces_their_head)
{
	const struct bus_piece out[] = { { .at = 0x1ff0, .len = 30 }, { .at = 0x5000, .len = 1 },
		{ .at = 0x100, .len = 100 } };
	const struct bus_piece in[] = { { .at = 0x9000, .len = 12 }, { .at = 0x8ffe, .len = 2 },
		{ .at = 0x4000, .len = 0 }, { .at = 0x7000, .len = 200 } };
	u8 head[12], back[131];
	u64 from, to;

	set_up();
	fill(0, 0x1ff0, 30);
	from = (u64)bus_grant(&end[0], &middle, &vms_of[0], out, 3, BUS_READ);
	to = (u64)bus_grant(&end[1], &middle, &vms_of[1], in, 4, BUS_WRITE);
	memset(head, 0xaa, sizeof(head));
	EXPECT_EQ(peek(&middle, from, back, 132), -ERANGE);
	EXPECT_EQ(peek(&middle, from, back, 131), 0);
	EXPECT_MEM(back, bytes, 30);
	EXPECT_EQ(bus_copy(&middle, to, from, head, BUS_LENGTHS(12, 0, 132)), -ERANGE);
	EXPECT_EQ(bus_copy(&middle, to, from, head, BUS_LENGTHS(12, 0, 131)), 0);
	memset(bytes, 0xaa, 12);
	expect_there(1, 0x9000, 12);
	memcpy(bytes, back + 12, 119);
	expect_there(1, 0x8ffe, 2);
	memcpy(bytes, back + 14, 117);
	expect_there(1, 0x7000, 117);
	tear_down();
}

/* A part of it, of which the beginning is at hand; and who granted that is told. */
TEST(bus_copies_parts_and_tells_of_them)
{
	struct bus_message m;
	u8 head[40];
	u64 from, to;

	set_up();
	fill(0, 0x1ff0, 300);
	from = give(0, 0x1ff0, 300, BUS_READ);
	memset(head, 0xaa, sizeof(head));
	memset(bytes, 0xaa, sizeof(head));
	for (u32 at = 0; at < 300; at += 30) {
		u64 lengths = BUS_LENGTHS(40, at, at + 30) | (at == 270 ? BUS_TELL : 0);

		to = give(1, 0x3ff0 + at, 30, BUS_WRITE);
		EXPECT_EQ(bus_copy(&middle, to, from, head, lengths + 1), -ERANGE);
		EXPECT_EQ(bus_copy(&middle, to, from, head, BUS_LENGTHS(40, at + 1, at)), -ERANGE);
		EXPECT_EQ(bus_copy(&middle, to, from, head, lengths), 0);
	}
	expect_there(1, 0x3ff0, 300);
	EXPECT_EQ(bus_receive(&end[1], &m), 1);
	EXPECT(m.fn == BUS_FRAME_CAME && m.a == to && m.from == middle.id);
	EXPECT(BUS_FROM(m.b) == 270 && BUS_ALL(m.b) == 300);
	EXPECT_EQ(bus_copy(&middle, 0, from, head, BUS_LENGTHS(40, 260, 300)), 0);
	EXPECT_MEM(head, bytes + 260, 40);
	EXPECT_EQ(bus_copy(&middle, 0, from, head, BUS_LENGTHS(40, 259, 300)), -ERANGE);
	EXPECT_EQ(bus_copy(&middle, 0, from, head, BUS_LENGTHS(40, 261, 301)), -ERANGE);
	for (u32 i = 0; i < MOST; i++)
		EXPECT_EQ(bus_send(&middle, &end[1], BUS_INFO, 0, 0), 0);
	to = give(1, 0, 30, BUS_WRITE);
	EXPECT_EQ(bus_copy(&middle, to, from, head, BUS_LENGTHS(0, 0, 30) | BUS_TELL), -EAGAIN);
	tear_down();
}

/* One at a time, and its pieces are its own as long as it lasts. */
TEST(bus_grants_of_many_pieces)
{
	struct bus_piece piece[BUS_PIECES_MOST];
	s64 one, other;
	u8 back[BUS_PIECES_MOST];

	set_up();
	fill(0, 0x1000, 256);
	for (u32 i = 0; i < BUS_PIECES_MOST; i++)
		piece[i] = (struct bus_piece){ .at = 0x1000 + 10 * i, .len = 1 };
	one = bus_grant(&end[0], &middle, &vms_of[0], piece, BUS_PIECES_MOST, BUS_READ);
	EXPECT(one > 0);
	EXPECT_EQ(
		bus_grant(&end[0], &middle, &vms_of[0], piece, BUS_PIECES + 1, BUS_READ), -ENOSPC);
	other = bus_grant(&end[0], &middle, &vms_of[0], piece + 1, BUS_PIECES, BUS_READ);
	EXPECT(other > 0);
	EXPECT_EQ(peek(&middle, (u64)one, back, BUS_PIECES_MOST), 0);
	for (u32 i = 0; i < BUS_PIECES_MOST; i++)
		EXPECT_EQ(back[i], bytes[10 * i]);
	EXPECT_EQ(bus_revoke(&end[0], (u64)one), 0);
	piece[5].at = RAM;
	EXPECT_EQ(
		bus_grant(&end[0], &middle, &vms_of[0], piece, BUS_PIECES + 2, BUS_READ), -EFAULT);
	one = bus_grant(&end[0], &middle, &vms_of[0], piece, BUS_PIECES + 1, BUS_READ);
	EXPECT(one > 0 && one != other);
	EXPECT_EQ(peek(&middle, (u64)one, back, BUS_PIECES + 1), 0);
	EXPECT_EQ(peek(&middle, (u64)one, back, BUS_PIECES + 2), -ERANGE);
	tear_down();
}

TEST(bus_grants_nothing_beyond_ram)
{
	static const struct bus_piece bad[] = { { .at = RAM, .len = 1 },
		{ .at = RAM - 1, .len = 2 }, { .at = 0, .len = RAM + 1 },
		{ .at = VM_RAM_BELOW_4G, .len = 4 }, { .at = GIB(4), .len = 4 },
		{ .at = ~0ull, .len = 2 }, { .at = ~0ull - 7, .len = ~0u },
		{ .at = DIRECT_BASE, .len = 8 } };
	struct bus_piece two[2] = { { .at = 0, .len = 8 } };

	set_up();
	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		two[1] = bad[i];
		EXPECT_EQ(bus_grant(&end[0], &middle, &vms_of[0], &bad[i], 1, BUS_READ), -EFAULT);
		EXPECT_EQ(bus_grant(&end[0], &middle, &vms_of[0], two, 2, BUS_READ), -EFAULT);
	}
	EXPECT_EQ(bus_grant(&end[0], NULL, &vms_of[0], two, 1, BUS_READ), -ENOENT);
	for (u32 i = 0; i < BUS_GRANTS; i++)
		EXPECT((s64)give(0, 0, RAM, BUS_READ) > 0);
	EXPECT_EQ(give(0, 0, 8, BUS_READ), (u64)-ENOSPC);
	EXPECT((s64)give(1, 0, 8, BUS_READ) > 0);
	bus_renew(&end[0]);
	EXPECT((s64)give(0, 0, 8, BUS_READ) > 0);
	tear_down();
}

TEST(bus_handles_serve_whom_they_were_given_to)
{
	u64 from, to;
	u8 byte;

	set_up();
	from = give(0, 0, 128, BUS_READ);
	to = give(1, 0, 128, BUS_WRITE);
	EXPECT_EQ(copy(from, from, 1), -ESTALE); /* not to be written */
	EXPECT_EQ(copy(to, to, 1), -EINVAL);	 /* nor that read */
	EXPECT_EQ(bus_copy(&end[0], to, from, bytes, BUS_LENGTHS(0, 0, 1)), -ESTALE);
	EXPECT_EQ(peek(&end[1], from, &byte, 1), -EINVAL);
	EXPECT_EQ(peek(&end[0], from, &byte, 1), -EINVAL);
	EXPECT_EQ(bus_revoke(&end[1], from), -ESTALE);
	EXPECT_EQ(bus_revoke(&middle, from), -ESTALE);
	EXPECT_EQ(copy(to, from, BUS_COPY_MAX + 1), -ERANGE);
	EXPECT_EQ(copy(to, from, 129), -ERANGE);
	for (u64 bit = 0; bit < 64; bit++) {
		EXPECT_EQ(copy(to ^ BIT(bit), from, 1), -ESTALE);
		EXPECT_EQ(copy(to, from ^ BIT(bit), 1), -EINVAL);
	}
	EXPECT_EQ(bus_copy(&middle, 0, from, bytes, BUS_LENGTHS(4, 0, 8)), -ERANGE);
	EXPECT_EQ(bus_revoke(&end[0], 0), -ESTALE);
	EXPECT_EQ(copy(NO_HANDLE, NO_HANDLE, 1), -ESTALE);
	EXPECT_EQ(copy(to, from, 128), 0);
	tear_down();
}

static u64 next_number(void)
{
	struct bus_message m = { 0 };

	return bus_receive(&end[0], &m) ? m.a : 0;
}

/* A microreboot: what was received and granted in the call that failed. */
TEST(bus_goes_back_to_what_was_for_good)
{
	static struct compartment confined;
	u64 before, after;
	u8 byte;

	set_up();
	end[0].compartment = &confined;
	before = give(0, 0, 8, BUS_READ);
	for (u32 i = 1; i <= 3; i++)
		EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, i, 0), 0);
	EXPECT_EQ(next_number(), 1);
	bus_commit(&end[0]);
	EXPECT_EQ(next_number(), 2);
	EXPECT_EQ(next_number(), 3);
	after = give(0, 0, 8, BUS_READ);
	EXPECT_EQ(peek(&middle, after, &byte, 1), 0);
	for (u32 i = 0; i < MOST - 2; i++)
		EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 4, 0), 0);
	EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 0, 0), -EAGAIN);
	bus_rewind(&end[0]);
	EXPECT_EQ(peek(&middle, before, &byte, 1), 0);
	EXPECT_EQ(peek(&middle, after, &byte, 1), -EINVAL);
	EXPECT_EQ(next_number(), 2);
	EXPECT_EQ(next_number(), 3);
	EXPECT_EQ(next_number(), 4);
	bus_commit(&end[0]);
	bus_rewind(&end[0]);
	EXPECT_EQ(next_number(), 4);
	EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 5, 0), 0);
	tear_down();
}

static void expect_void(u64 to, u64 from)
{
	u8 byte;

	EXPECT_EQ(copy(to, from, 1), -ESTALE);
	EXPECT_EQ(peek(&middle, from, &byte, 1), -EINVAL);
}

static u32 renewals(u32 i)
{
	struct bus_message m;
	u32 n = 0;

	while (bus_receive(&end[i], &m))
		n += m.fn == BUS_RENEW;
	return n;
}

/* Either end begins anew, or goes, and another comes under its number. */
TEST(bus_handles_end_with_either_end)
{
	u64 from, to;

	set_up();
	from = give(0, 0, 8, BUS_READ);
	to = give(1, 0, 8, BUS_WRITE);
	EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 0, 0), 0);
	bus_renew(&middle);
	expect_void(to, from);
	EXPECT_EQ(renewals(0), 1);
	EXPECT_EQ(renewals(1), 1);
	bus_renew(&middle); /* nothing is granted: nobody is concerned */
	EXPECT_EQ(renewals(0) + renewals(1), 0);
	from = give(0, 0, 8, BUS_READ);
	to = give(1, 0, 8, BUS_WRITE);
	EXPECT_EQ(bus_send(&middle, &end[0], BUS_INFO, 0, 0), 0);
	bus_renew(&end[0]);
	EXPECT_EQ(copy(to, from, 1), -EINVAL);
	EXPECT_EQ(renewals(0), 1);
	EXPECT_EQ(renewals(1), 0);
	from = give(0, 0, 8, BUS_READ);
	bus_close(&middle);
	hrsc_remove(&middle);
	middle = (struct hrsc){ 0 };
	EXPECT_EQ(hrsc_add(&middle, HRSC_DRIVER, 0, "another"), 0);
	expect_void(to, from);
	to = give(1, 0, 8, BUS_WRITE);
	bus_close(&end[1]);
	expect_void(to, from);
	EXPECT_EQ(bus_open(&end[1]), 0);
	expect_void(to, from);
	EXPECT(give(1, 0, 8, BUS_WRITE) != to);
	tear_down();
}

/* Each of these ends the compartment with its cause named. */
TEST(bus_calls_of_a_hostile_compartment)
{
	static const struct {
		u8 act;
		u64 value, cause;
	} acts[] = {
		{ ACT_bus_send, PEER_SWITCH, CAUSE_GRANT },
		{ ACT_bus_send, PEER_PORT, CAUSE_GRANT },
		{ ACT_bus_send, PEER_PORT + BUS_PORTS, CAUSE_GRANT },
		{ ACT_bus_send, ~0ull, CAUSE_GRANT },
		{ ACT_bus_receive, DIRECT_BASE, CAUSE_POINTER },
		{ ACT_bus_receive, COMPARTMENT_STATE - 8, CAUSE_POINTER },
		{ ACT_bus_grant_ram, 0, CAUSE_GRANT },
		{ ACT_bus_grant_own, DIRECT_BASE, CAUSE_POINTER },
		{ ACT_bus_grant_own, COMPARTMENT_STATE - 1, CAUSE_POINTER },
		{ ACT_bus_grant_own, COMPARTMENT_STACK - 4, CAUSE_POINTER },
		{ ACT_bus_pieces, DIRECT_BASE, CAUSE_POINTER },
		{ ACT_bus_copy, DIRECT_BASE, CAUSE_POINTER },
		{ ACT_bus_peek, DIRECT_BASE, CAUSE_POINTER },
	};
	static struct vm vm;
	struct hrsc *h;

	if (!EXPECT_EQ(driver_place(&vm, &hostile_driver, 0, true), 0))
		return;
	h = vm.driver[0];
	for (u32 i = 0; i < ARRAY_LEN(acts); i++) {
		driver_start(h);
		h->l3->write(h, 0, acts[i].act, 8, acts[i].value);
		EXPECT_EQ(h->state, HRSC_FAILED);
		if (!EXPECT_EQ(h->compartment->fault.cause, acts[i].cause))
			test_printf("# act %u of these\n", i);
	}
	driver_start(h);
	h->l3->write(h, 0, ACT_bus_grant_own, 8, COMPARTMENT_STATE);
	EXPECT_EQ((s64)h->l3->read(h, 0, 0, 8), -ENOSPC); /* it has no end of the bus */
	driver_remove(h);
	vm = (struct vm){ 0 };
}
