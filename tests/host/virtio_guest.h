/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's side of virtio devices in the fake machine, the one in slot 1 if not said otherwise:
 * one that keeps the rules, and words in RAM for one that does not.
 */
#pragma once

#include "tests/host/fake_gate.h"

#include <string.h>

enum {
	R_OFFERED_SELECT = 0,
	R_OFFERED = 4,
	R_ACCEPTED_SELECT = 8,
	R_ACCEPTED = 12,
	R_CONFIG_VECTOR = 16,
	R_STATUS = 20,
	R_QUEUE_SELECT = 22,
	R_QUEUE_SIZE = 24,
	R_QUEUE_VECTOR = 26,
	R_QUEUE_ENABLE = 28,
	R_DESC = 32,
	R_AVAIL = 40,
	R_USED = 48
};
enum { B_ISR = 0x1000, B_DEVICE = 0x1100, B_NOTIFY = 0x2000, B_MSIX = 0x3000, B_PENDING = 0x3800 };
enum { STATUS_READY = 15, STATUS_NEEDS_RESET = 64 };
enum { F_NEXT = 1, F_WRITE = 2, F_INDIRECT = 4 };
#define FEATURE_INDIRECT BIT(28)
#define FEATURE_EVENT	 BIT(29)
#define FEATURE_1	 BIT(32)

#define GUEST_RAM   0x40000
#define GUEST_DATA  0x20000
#define GUEST_QUEUE 64 /* entries */
/* Where queue q has its parts. */
#define DESC_AT(q)  (PARTS + 0x400 * (q))
#define AVAIL_AT(q) (PARTS + 0x1000 + 0x100 * (q))
#define USED_AT(q)  (PARTS + 0x1800 + 0x400 * (q))
#define PARTS	    (0x4000 * guest_slot)

/* The slot of the device that is spoken to; the parts of its queues are its own. */
static u32 guest_slot = 1;

static __unused u64 bar(u32 offset, u32 width)
{
	return pc_mmio_read(MACHINE_BAR(guest_slot) + offset, width);
}

static __unused void set_bar(u32 offset, u32 width, u64 value)
{
	pc_mmio_write(MACHINE_BAR(guest_slot) + offset, width, value);
}

static __unused u32 config_read(u32 offset)
{
	pc_out(0xcf8, 4, 0x80000000 | guest_slot << 11 | offset);
	return (u32)pc_in(0xcfc, 4);
}

static __unused void config_write(u32 offset, u32 value)
{
	pc_out(0xcf8, 4, 0x80000000 | guest_slot << 11 | offset);
	pc_out(0xcfc, 4, value);
}

static __unused void ram_set(u64 at, u64 value, u32 width)
{
	memcpy(pc.ram + at, &value, width);
}

static __unused u64 ram_get(u64 at, u32 width)
{
	u64 value = 0;

	memcpy(&value, pc.ram + at, width);
	return value;
}

static __unused void describe(u64 at, u64 address, u32 len, u16 flags, u16 next)
{
	ram_set(at, address, 8);
	ram_set(at + 8, len, 4);
	ram_set(at + 12, flags, 2);
	ram_set(at + 14, next, 2);
}

static __unused void describe_in(u32 queue, u32 i, u64 address, u32 len, u16 flags, u16 next)
{
	describe(DESC_AT(queue) + 16 * i, address, len, flags, next);
}

/* Puts a chain into the available ring; the device does not know yet. */
static __unused void offer(u32 queue, u16 head)
{
	u16 index = (u16)ram_get(AVAIL_AT(queue) + 2, 2);

	ram_set(AVAIL_AT(queue) + 4 + 2 * (index % GUEST_QUEUE), head, 2);
	ram_set(AVAIL_AT(queue) + 2, index + 1, 2);
}

static __unused void notify(u32 queue)
{
	set_bar(B_NOTIFY + 4 * queue, 2, queue);
}

static __unused u16 used_index(u32 queue)
{
	return (u16)ram_get(USED_AT(queue) + 2, 2);
}

static __unused u32 used_len(u32 queue, u16 index)
{
	return (u32)ram_get(USED_AT(queue) + 4 + 8 * (index % GUEST_QUEUE) + 4, 4);
}

static __unused u32 used_head(u32 queue, u16 index)
{
	return (u32)ram_get(USED_AT(queue) + 4 + 8 * (index % GUEST_QUEUE), 4);
}

static __unused void accept_features(u64 features)
{
	set_bar(R_STATUS, 1, 0);
	set_bar(R_STATUS, 1, 1);
	set_bar(R_STATUS, 1, 3);
	for (u32 half = 0; half < 2; half++) {
		set_bar(R_ACCEPTED_SELECT, 4, half);
		set_bar(R_ACCEPTED, 4, (u32)(features >> 32 * half));
	}
	set_bar(R_STATUS, 1, 11);
}

static __unused void set_queue(u32 queue, u64 desc, u64 avail, u64 used)
{
	set_bar(R_QUEUE_SELECT, 2, queue);
	set_bar(R_DESC, 4, (u32)desc);
	set_bar(R_DESC + 4, 4, desc >> 32);
	set_bar(R_AVAIL, 8, avail);
	set_bar(R_USED, 8, used);
	set_bar(R_QUEUE_VECTOR, 2, queue + 1);
	set_bar(R_QUEUE_ENABLE, 2, 1);
}

/* MSI-X on: vector v of the device is vector 0x40 + v of vCPU 0. */
static __unused void use_messages(void)
{
	for (u32 v = 0; v < 4; v++) {
		set_bar(B_MSIX + 16 * v, 8, 0xfee00000);
		set_bar(B_MSIX + 16 * v + 8, 8, 0x40 + v);
	}
	set_bar(R_CONFIG_VECTOR, 2, 0);
	config_write(0x40, BIT(31));
}

/* Another device, at work, with so many queues. */
static __unused void add_device(
	const char *driver, u32 slot, u64 disk_bytes, u64 features, u32 queues)
{
	guest_slot = slot;
	pc_plug(driver, slot, disk_bytes);
	config_write(4, 6);
	accept_features(features | FEATURE_1);
	for (u32 q = 0; q < queues; q++)
		set_queue(q, DESC_AT(q), AVAIL_AT(q), USED_AT(q));
	use_messages();
	set_bar(R_STATUS, 1, STATUS_READY);
}

/* From power-on to a device at work. */
static __unused void bring_up(const char *driver, u64 disk_bytes, u64 features, u32 queues)
{
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	pc.random = 1;
	pc.disk_writable = true;
	add_device(driver, 1, disk_bytes, features, queues);
}
