/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest behind a switch whose port 1 is a physical card's: what it sends, what it hears, and
 * frames as they are on the wire. The card is a model, the driver's name is said in uplink_driver.
 */
#pragma once

#include "drivers/host/uplink.h"
#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define RX	   0
#define TX	   1
#define GUEST_SLOT 2
#define SEND_AT	   0x3e000
#define RECEIVE	   GUEST_DATA
#define RECEIVE_IN 1536 /* bytes for each frame */
#define OUTSIDE	   0x020000000099
#define ALL	   0xffffffffffffull
#define MS	   1000000ull

static const char *uplink_driver;
static u8 frame[1600];

static u64 info(enum uplink_info item)
{
	return pc_call(uplink_driver, BUS_INFO, item, 0);
}

static void configure(u32 slot, u64 bits)
{
	pc_call("vswitch", (slot - 1) << BUS_PORT_SHIFT | BUS_PORT_CONFIGURE, BUS_PORT_USED | bits,
		0);
}

/* As boot/drivers.c does it: the card and its driver are there, which is told to begin. */
static void begin_uplink(const char *driver, void (*start_card)(void))
{
	uplink_driver = driver;
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	start_card();
	configure(1, BUS_PORT_OPEN);
	configure(GUEST_SLOT, PC_MAC(GUEST_SLOT));
	pc_renew(1);
	guest_slot = GUEST_SLOT;
	add_device("net", GUEST_SLOT, 0, 0, 2);
	for (u16 i = 0; i < GUEST_QUEUE; i++) {
		describe_in(RX, i, RECEIVE + i * RECEIVE_IN, BUS_FRAME_MAX, F_WRITE, 0);
		offer(RX, i);
	}
	notify(RX);
	pc_advance(20 * MS);
}

static void put_mac(u8 *at, u64 mac)
{
	for (u32 i = 0; i < 6; i++)
		at[i] = (u8)(mac >> (40 - 8 * i));
}

static u8 *make_frame(u64 to, u64 from, u32 len, u8 seed)
{
	put_mac(frame, to);
	put_mac(frame + 6, from);
	for (u32 i = 12; i < len; i++)
		frame[i] = (u8)(seed + i * 7);
	return frame;
}

static void guest_sends(u32 len, u8 seed)
{
	memset(pc.ram + SEND_AT, 0, 12);
	memcpy(pc.ram + SEND_AT + 12, make_frame(OUTSIDE, PC_MAC(GUEST_SLOT), len, seed), len);
	describe_in(TX, 0, SEND_AT, 12 + len, 0, 0);
	offer(TX, 0);
	notify(TX);
}

/* The guest's n-th frame is the one that was made last. */
static __unused void expect_heard(u16 n, u32 len)
{
	pc_advance(1);
	EXPECT_EQ(used_index(RX), (u16)(n + 1));
	EXPECT_EQ(used_len(RX, n), 12 + len);
	EXPECT_MEM(pc.ram + RECEIVE + used_head(RX, n) * RECEIVE_IN + 12, frame, len);
}
