/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all virtio devices share, with the entropy device for an example: configuration space,
 * negotiation, interrupts, and queues as no driver of good will would fill them.
 */
#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define ENTROPY(features) bring_up("entropy", 0, features, 1)
#define BUFFER		  GUEST_DATA

static void ask(u16 head)
{
	offer(0, head);
	notify(0);
}

/* It has noticed, and does nothing any more until it is reset; then it works. */
static void expect_broken(void)
{
	u16 before = used_index(0);

	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	notify(0);
	EXPECT_EQ(used_index(0), before);
	EXPECT_EQ(pc_call("entropy", BUS_INFO, 1, 0), 1);
	set_bar(R_STATUS, 1, 0);
	EXPECT_EQ(bar(R_STATUS, 1), 0);
	memset(pc.ram, 0, GUEST_RAM);
	accept_features(FEATURE_1);
	set_queue(0, DESC_AT(0), AVAIL_AT(0), USED_AT(0));
	set_bar(R_STATUS, 1, STATUS_READY);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ask(0);
	EXPECT_EQ(used_index(0), 1);
	pc_stop();
}

TEST(virtio_function_is_found)
{
	u32 at, seen = 0;

	ENTROPY(0);
	EXPECT_EQ(config_read(0), 0x10441af4);
	EXPECT_EQ(config_read(0x0c) >> 16 & 0xff, 0);
	EXPECT_EQ(config_read(0x2c) & 0xffff, 0x1af4);
	EXPECT_EQ(config_read(0x3c), 0x100 | MACHINE_SLOT_GSI(1));
	EXPECT(config_read(4) & BIT(20));
	for (at = config_read(0x34); at; at = config_read(at) >> 8 & 0xff)
		if ((config_read(at) & 0xff) == 9)
			seen |= BIT(config_read(at) >> 24);
	EXPECT_EQ(seen, BIT(1) | BIT(2) | BIT(3) | BIT(5)); /* it has no registers of its own */
	EXPECT_EQ(config_read(0x40) >> 16 & 0x7ff, 1);
	pc_out(0xcf8, 4, 0x80000900); /* the other functions of the slot */
	EXPECT_EQ(pc_in(0xcfc, 4), UINT32_MAX);
	pc_out(0xcf8, 4, 0x80001000);
	EXPECT_EQ(pc_in(0xcfc, 4), UINT32_MAX);
	pc_stop();
}

TEST(virtio_addresses_are_fixed)
{
	ENTROPY(0);
	EXPECT_EQ(config_read(0x10), MACHINE_BAR(1));
	config_write(0x10, UINT32_MAX);
	EXPECT_EQ(config_read(0x10), ~(MACHINE_BAR_LEN - 1u));
	EXPECT_EQ(bar(R_STATUS, 1), 0xff);
	set_bar(R_STATUS, 1, 0);
	config_write(0x10, MACHINE_BAR(1));
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY);
	config_write(4, 0);
	EXPECT_EQ(bar(R_STATUS, 4), UINT32_MAX);
	config_write(4, 2);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY);
	for (u32 other = 0x14; other < 0x28; other += 4) {
		config_write(other, UINT32_MAX);
		EXPECT_EQ(config_read(other), 0);
	}
	pc_stop();
}

TEST(virtio_needs_bus_mastering)
{
	ENTROPY(0);
	config_write(4, 2);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ask(0);
	EXPECT_EQ(used_index(0), 0);
	config_write(4, 6);
	notify(0);
	EXPECT_EQ(used_index(0), 1);
	pc_stop();
}

TEST(virtio_registers_through_configuration_space)
{
	u32 data = 0x84 + 16;

	ENTROPY(0);
	config_write(0x84 + 4, 0);
	config_write(0x84 + 8, R_STATUS);
	config_write(0x84 + 12, 1);
	EXPECT_EQ(config_read(data) & 0xff, STATUS_READY);
	config_write(data, 0);
	EXPECT_EQ(bar(R_STATUS, 1), 0);
	config_write(data, UINT32_MAX);
	config_write(0x84 + 8, MACHINE_BAR_LEN); /* outside, crooked, another range: nothing */
	config_write(data, 0x55);
	EXPECT_EQ(config_read(data), 0x55);
	config_write(0x84 + 8, 1);
	config_write(0x84 + 12, 4);
	EXPECT_EQ(config_read(data), 0x55);
	config_write(0x84 + 8, UINT32_MAX - 3);
	EXPECT_EQ(config_read(data), 0x55);
	pc_stop();
}

TEST(virtio_negotiation)
{
	ENTROPY(0);
	set_bar(R_OFFERED_SELECT, 4, 1);
	EXPECT_EQ(bar(R_OFFERED, 4), 1);
	set_bar(R_OFFERED_SELECT, 4, 2);
	EXPECT_EQ(bar(R_OFFERED, 4), 0);
	accept_features(FEATURE_1 | BIT(5)); /* never offered */
	EXPECT_EQ(bar(R_STATUS, 1), 3);
	accept_features(FEATURE_EVENT); /* no legacy */
	EXPECT_EQ(bar(R_STATUS, 1), 3);
	set_bar(R_STATUS, 1, STATUS_READY);
	EXPECT_EQ(bar(R_STATUS, 1), 3);
	accept_features(FEATURE_1);
	EXPECT_EQ(bar(R_STATUS, 1), 11);
	set_bar(R_ACCEPTED_SELECT, 4, 0); /* too late */
	set_bar(R_ACCEPTED, 4, (u32)FEATURE_EVENT);
	EXPECT_EQ(bar(R_ACCEPTED, 4), 0);
	set_bar(R_STATUS, 1, 11 | STATUS_NEEDS_RESET); /* not its to say */
	EXPECT_EQ(bar(R_STATUS, 1), 11);
	pc_stop();
}

TEST(virtio_queue_registers)
{
	ENTROPY(0);
	EXPECT_EQ(bar(0x12, 2), 1);
	EXPECT_EQ(bar(R_QUEUE_SIZE, 2), GUEST_QUEUE);
	EXPECT_EQ(bar(R_DESC, 8), DESC_AT(0));
	EXPECT_EQ(bar(R_AVAIL + 4, 4), 0);
	set_bar(R_DESC, 8, 0x7777000); /* while it is in use */
	set_bar(R_QUEUE_SIZE, 2, 8);
	EXPECT_EQ(bar(R_DESC, 4), DESC_AT(0));
	EXPECT_EQ(bar(R_QUEUE_SIZE, 2), GUEST_QUEUE);
	set_bar(R_QUEUE_VECTOR, 2, 2);
	EXPECT_EQ(bar(R_QUEUE_VECTOR, 2), 0xffff);
	set_bar(R_QUEUE_SELECT, 2, 1);
	EXPECT_EQ(bar(R_QUEUE_SIZE, 2), 0);
	set_bar(R_QUEUE_ENABLE, 2, 1);
	EXPECT_EQ(bar(R_QUEUE_ENABLE, 2), 0);
	set_bar(R_QUEUE_SELECT, 2, 0xffff);
	EXPECT_EQ(bar(R_USED, 8), 0);
	pc_stop();
}

TEST(virtio_queues_that_cannot_be)
{
	static const struct {
		u32 desc, avail, used, size;
	} bad[] = { { 8, 0, 0, 64 }, { 0, 1, 0, 64 }, { 0, 0, 2, 64 }, { 0, 0, 0, 0 },
		{ 0, 0, 0, 48 }, { 0, 0, 0, 128 }, { 0, 0, 0, 0xffff } };

	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		ENTROPY(0);
		accept_features(FEATURE_1);
		set_bar(R_QUEUE_SELECT, 2, 0);
		set_bar(R_QUEUE_SIZE, 2, bad[i].size);
		set_queue(0, DESC_AT(0) + bad[i].desc, AVAIL_AT(0) + bad[i].avail,
			USED_AT(0) + bad[i].used);
		EXPECT_EQ(bar(R_QUEUE_ENABLE, 2), 0);
		EXPECT_EQ(bar(R_STATUS, 1), 11 | STATUS_NEEDS_RESET);
		pc_stop();
	}
}

TEST(virtio_fills_buffers_in_order)
{
	ENTROPY(FEATURE_INDIRECT);
	describe_in(0, 5, BUFFER, 3, F_WRITE | F_NEXT, 9);
	describe_in(0, 9, BUFFER + 16, 9, F_WRITE, 0);
	describe_in(0, 7, BUFFER + 64, 32, F_INDIRECT, 0);
	describe(BUFFER + 64, BUFFER + 32, 8, F_WRITE | F_NEXT, 1);
	describe(BUFFER + 80, BUFFER + 48, 8, F_WRITE, 0);
	offer(0, 5);
	ask(7);
	EXPECT_EQ(used_index(0), 2);
	EXPECT_EQ(used_head(0, 0), 5);
	EXPECT_EQ(used_len(0, 0), 12);
	EXPECT_EQ(used_head(0, 1), 7);
	EXPECT_EQ(used_len(0, 1), 16);
	EXPECT_EQ(ram_get(BUFFER, 4), 1);
	EXPECT_EQ(ram_get(BUFFER + 16, 8), 2);
	EXPECT_EQ(ram_get(BUFFER + 32, 8), 4);
	EXPECT_EQ(ram_get(BUFFER + 48, 8), 5);
	pc_stop();
}

TEST(virtio_indexes_wrap)
{
	ENTROPY(FEATURE_EVENT);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	for (u32 i = 1; i <= 0x10005; i++) {
		ask(0);
		if (!EXPECT_EQ(used_index(0), (u16)i))
			break;
	}
	pc_stop();
}

TEST(virtio_much_work_waits_for_a_timer)
{
	ENTROPY(0);
	for (u32 i = 0; i < GUEST_QUEUE; i++) {
		describe_in(0, i, BUFFER, 0x10000, F_WRITE, 0);
		offer(0, i);
	}
	notify(0);
	EXPECT(used_index(0) > 0 && used_index(0) < GUEST_QUEUE);
	EXPECT(pc_deadline("entropy"));
	for (u32 i = 0; i < GUEST_QUEUE; i++)
		pc_advance(1);
	EXPECT_EQ(used_index(0), GUEST_QUEUE);
	EXPECT_EQ(pc_deadline("entropy"), 0);
	pc_stop();
}

TEST(virtio_no_generator_no_bytes)
{
	ENTROPY(0);
	pc.random = 0;
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ask(0);
	EXPECT_EQ(used_index(0), 1);
	EXPECT_EQ(used_len(0, 0), 0);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY);
	pc_stop();
}

/* --- interrupts ---------------------------------------------------------------------------- */

TEST(virtio_messages)
{
	ENTROPY(0);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ask(0);
	EXPECT_EQ(pc.msis, 1);
	EXPECT_EQ(pc.msi[0].address, 0xfee00000);
	EXPECT_EQ(pc.msi[0].data, 0x41);
	EXPECT_EQ(bar(B_ISR, 1), 0);
	set_bar(B_MSIX + 16 + 12, 4, 1); /* masked: it is kept */
	ask(0);
	EXPECT_EQ(pc.msis, 1);
	EXPECT_EQ(bar(B_PENDING, 8), 2);
	set_bar(B_MSIX + 16 + 12, 4, 0);
	EXPECT_EQ(pc.msis, 2);
	EXPECT_EQ(bar(B_PENDING, 4), 0);
	config_write(0x40, BIT(31) | BIT(30)); /* all of them */
	ask(0);
	EXPECT_EQ(pc.msis, 2);
	config_write(0x40, BIT(31));
	EXPECT_EQ(pc.msis, 3);
	ram_set(AVAIL_AT(0), 1, 2); /* the guest polls */
	ask(0);
	EXPECT_EQ(pc.msis, 3);
	pc_stop();
}

TEST(virtio_messages_are_interrupts_only)
{
	ENTROPY(0);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	set_bar(B_MSIX + 16, 8, 0x1000); /* an address that is no local APIC's */
	ask(0);
	EXPECT_EQ(pc.msis, 0);
	set_bar(B_MSIX + 16, 8, 0x1fee00000);
	ask(0);
	EXPECT_EQ(pc.msis, 0);
	set_bar(B_MSIX + 16, 8, 0xfee01000);
	set_bar(B_MSIX + 24, 4, 0xffffffff);
	ask(0);
	EXPECT_EQ(pc.msi[0].data, 0xc7ff);
	for (u32 at = 0; at < 0x1000; at++) /* all else in the table's page: nothing breaks */
		set_bar(B_MSIX + at, 1, 0xff);
	EXPECT_EQ(bar(B_MSIX + 1, 2), 0);
	EXPECT_EQ(bar(B_MSIX + 0x40, 8), 0);
	EXPECT_EQ(bar(B_PENDING + 8, 8), 0);
	pc_stop();
}

TEST(virtio_interrupt_pin)
{
	u32 line = MACHINE_SLOT_GSI(1);

	ENTROPY(0);
	config_write(0x40, 0);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ask(0);
	EXPECT_EQ(pc.msis, 0);
	EXPECT(pc.line[line]);
	EXPECT(config_read(4) & BIT(19));
	config_write(4, 6 | BIT(10)); /* no interrupts by the pin */
	EXPECT(!pc.line[line]);
	config_write(4, 6);
	EXPECT(pc.line[line]);
	EXPECT_EQ(bar(B_ISR, 1), 1);
	EXPECT(!pc.line[line]);
	EXPECT_EQ(bar(B_ISR, 1), 0);
	ask(0);
	EXPECT(pc.line[line]);
	set_bar(R_STATUS, 1, 0);
	EXPECT(!pc.line[line]);
	pc_stop();
}

TEST(virtio_interrupts_where_the_guest_wants_them)
{
	ENTROPY(FEATURE_EVENT);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ram_set(AVAIL_AT(0) + 4 + 2 * GUEST_QUEUE, 2, 2); /* once the third is done */
	ask(0);
	ask(0);
	EXPECT_EQ(pc.msis, 0);
	EXPECT_EQ(ram_get(USED_AT(0) + 4 + 8 * GUEST_QUEUE, 2), 2); /* tell me of the third */
	ask(0);
	EXPECT_EQ(pc.msis, 1);
	ask(0);
	EXPECT_EQ(pc.msis, 1);
	pc_stop();
}

/* --- bad will ------------------------------------------------------------------------------ */

TEST(virtio_breaks_on_a_head_outside)
{
	ENTROPY(0);
	ask(GUEST_QUEUE);
	EXPECT_EQ(pc.msis, 1); /* the configuration's vector says so */
	expect_broken();
}

TEST(virtio_breaks_on_too_many_at_once)
{
	ENTROPY(0);
	ram_set(AVAIL_AT(0) + 2, GUEST_QUEUE + 1, 2);
	notify(0);
	expect_broken();
}

TEST(virtio_breaks_on_an_index_that_goes_back)
{
	ENTROPY(0);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	ask(0);
	ram_set(AVAIL_AT(0) + 2, 0, 2);
	notify(0);
	expect_broken();
}

TEST(virtio_breaks_on_loops)
{
	ENTROPY(FEATURE_INDIRECT);
	describe_in(0, 3, BUFFER, 0, F_WRITE | F_NEXT, 3);
	ask(3);
	expect_broken();
	ENTROPY(FEATURE_INDIRECT);
	describe_in(0, 0, BUFFER, 0, F_WRITE | F_NEXT, 1);
	describe_in(0, 1, BUFFER, 0, F_WRITE | F_NEXT, 0);
	ask(0);
	expect_broken();
	ENTROPY(FEATURE_INDIRECT);
	describe_in(0, 0, BUFFER, 32, F_INDIRECT, 0);
	describe(BUFFER, BUFFER, 0, F_WRITE | F_NEXT, 1);
	describe(BUFFER + 16, BUFFER, 0, F_WRITE | F_NEXT, 0);
	ask(0);
	expect_broken();
}

TEST(virtio_breaks_on_indirect_misuse)
{
	static const struct {
		u32 len;
		u16 flags, inner_flags, inner_next;
	} bad[] = { { 16, F_INDIRECT, F_INDIRECT, 0 }, { 16, F_INDIRECT | F_NEXT, F_WRITE, 0 },
		{ 0, F_INDIRECT, F_WRITE, 0 }, { 17, F_INDIRECT, F_WRITE, 0 },
		{ 16 * 65, F_INDIRECT, F_WRITE, 0 }, { 0xfffffff0, F_INDIRECT, F_WRITE, 0 },
		{ 16, F_INDIRECT, F_WRITE | F_NEXT, 1 }, { 16, F_INDIRECT, F_NEXT, 0xffff } };

	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		ENTROPY(FEATURE_INDIRECT);
		describe_in(0, 0, BUFFER, bad[i].len, bad[i].flags, 0);
		describe(BUFFER, BUFFER + 64, 16, bad[i].inner_flags, bad[i].inner_next);
		ask(0);
		expect_broken();
	}
	ENTROPY(0); /* never agreed upon */
	describe_in(0, 0, BUFFER, 16, F_INDIRECT, 0);
	describe(BUFFER, BUFFER + 64, 16, F_WRITE, 0);
	ask(0);
	expect_broken();
}

TEST(virtio_breaks_on_order_and_length)
{
	ENTROPY(0);
	describe_in(0, 0, BUFFER, 8, F_WRITE | F_NEXT, 1); /* what is read comes first */
	describe_in(0, 1, BUFFER, 8, 0, 0);
	ask(0);
	expect_broken();
	ENTROPY(0);
	describe_in(0, 0, BUFFER, 0x80000000, F_WRITE | F_NEXT, 1);
	describe_in(0, 1, BUFFER, 0x80000000, F_WRITE, 0);
	ask(0);
	expect_broken();
}

TEST(virtio_breaks_on_addresses_outside_ram)
{
	static const u64 bad[] = { GUEST_RAM, GUEST_RAM - 4, UINT64_MAX, UINT64_MAX - 6, BIT(63) };

	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		ENTROPY(FEATURE_INDIRECT);
		describe_in(0, 0, bad[i], 8, F_WRITE, 0);
		ask(0);
		expect_broken();
		ENTROPY(FEATURE_INDIRECT);
		describe_in(0, 0, bad[i], 16, F_INDIRECT, 0);
		ask(0);
		expect_broken();
	}
}

TEST(virtio_breaks_on_rings_outside_ram)
{
	static const u64 bad[] = { GUEST_RAM, UINT64_MAX & ~15ull, BIT(63), 0xfe000000 };

	for (u32 i = 0; i < 3 * ARRAY_LEN(bad); i++) {
		ENTROPY(FEATURE_EVENT);
		set_bar(R_STATUS, 1, 0);
		accept_features(FEATURE_1 | FEATURE_EVENT);
		set_queue(0, i % 3 == 0 ? bad[i / 3] : DESC_AT(0),
			i % 3 == 1 ? bad[i / 3] : AVAIL_AT(0),
			i % 3 == 2 ? bad[i / 3] : USED_AT(0));
		set_bar(R_STATUS, 1, STATUS_READY);
		describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
		offer(0, 0);
		notify(0);
		EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
		pc_stop();
	}
}

TEST(virtio_rests_before_its_driver_is_there)
{
	ENTROPY(0);
	describe_in(0, 0, BUFFER, 8, F_WRITE, 0);
	set_bar(R_STATUS, 1, 0);
	ask(0);
	set_queue(0, DESC_AT(0), AVAIL_AT(0), USED_AT(0));
	notify(0);
	notify(1);
	set_bar(B_NOTIFY + 0xffe, 2, 7);
	EXPECT_EQ(used_index(0), 0);
	pc_stop();
}

TEST(virtio_reset_by_the_machine)
{
	ENTROPY(0);
	EXPECT_EQ(pc_call("entropy", BUS_RESET, 0, 0), 0);
	EXPECT_EQ(config_read(4) & 7, 2);
	EXPECT_EQ(config_read(0x40) >> 31, 0);
	EXPECT_EQ(bar(R_STATUS, 1), 0);
	EXPECT_EQ(bar(B_MSIX + 12, 4), 1);
	pc_stop();
}
