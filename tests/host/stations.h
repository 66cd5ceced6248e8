/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network devices at the ports of the switch. The devices in slots 1, 2, ... are at ports 0, 1,
 * ...; all have the same RAM.
 */
#pragma once

#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define RX	   0
#define TX	   1
#define SEND_AT	   (GUEST_DATA)
#define RECEIVE	   (GUEST_DATA + 0x1000 * guest_slot)
#define ALL	   0xffffffffffffull
#define CSUM	   BIT(0)
#define GUEST_CSUM BIT(1)
#define LEN	   64

static __unused void configure(u32 slot, u64 bits, u64 bytes_per_s)
{
	pc_call("vswitch", (slot - 1) << BUS_PORT_SHIFT | BUS_PORT_CONFIGURE,
		BUS_PORT_USED | PC_MAC(slot) | bits, bytes_per_s);
}

static __unused void configure_vlan(u32 slot, u64 vlan)
{
	configure(slot, vlan << BUS_PORT_VLAN, 0);
}

static u16 asked[MACHINE_SLOTS]; /* frames that hears() has told of, by slot */
static u32 nstations;

/* Where frames come to; the buffer is offered with what lay there before wiped. */
static __unused void offer_room(u32 slot)
{
	guest_slot = slot;
	memset(pc.ram + RECEIVE, 0xee, 0x800);
	describe_in(RX, 0, RECEIVE, 1526, F_WRITE, 0);
	offer(RX, 0);
	notify(RX);
}

static __unused void station(u32 slot, u64 features)
{
	asked[slot] = 0;
	memset(pc.ram + 0x4000 * slot, 0, 0x4000);
	add_device("net", slot, 0, features, 2);
	offer_room(slot);
}

/* Stations in slots 1 to n. */
static __unused void stations(u32 n, u64 features)
{
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	nstations = n;
	for (u32 slot = 1; slot <= n; slot++) {
		configure(slot, 0, 0);
		station(slot, features);
	}
}

static __unused u64 switch_count(u32 slot, u32 item)
{
	return pc_call("vswitch", (slot - 1) << BUS_PORT_SHIFT | BUS_INFO, item, 0);
}

static __unused void put_mac(u64 at, u64 mac)
{
	for (u32 i = 0; i < 6; i++)
		pc.ram[at + i] = (u8)(mac >> (40 - 8 * i));
}

/* A frame of LEN bytes behind its header, as it lies in RAM. */
static __unused void write_frame(u64 to, u64 from)
{
	memset(pc.ram + SEND_AT, 0, 12);
	put_mac(SEND_AT + 12, to);
	put_mac(SEND_AT + 18, from);
	for (u32 i = 12; i < LEN; i++)
		pc.ram[SEND_AT + 12 + i] = (u8)i;
}

/* All have room for one frame. */
static __unused void offer_if_taken(void)
{
	for (u32 i = 1; i <= nstations; i++) {
		guest_slot = i;
		if ((u16)ram_get(AVAIL_AT(RX) + 2, 2) == used_index(RX))
			offer_room(i);
	}
}

static __unused void send_it(u32 slot, u32 len)
{
	offer_if_taken();
	guest_slot = slot;
	describe_in(TX, 0, SEND_AT, 12, F_NEXT, 1);
	describe_in(TX, 1, SEND_AT + 12, len - 12, 0, 0);
	offer(TX, 0);
	notify(TX);
}

static __unused void send(u32 slot, u64 to)
{
	write_frame(to, PC_MAC(slot));
	send_it(slot, 12 + LEN);
}

/* Whether something has come to the station that was not asked for yet; it lies at RECEIVE. */
static __unused bool hears(u32 slot)
{
	pc_advance(1);
	guest_slot = slot;
	if (used_index(RX) == asked[slot])
		return false;
	asked[slot]++;
	return true;
}
