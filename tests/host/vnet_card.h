/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio network device under the driver of drivers/host/vnet.c, as VIRTIO 1.2 has it: registers
 * where its capabilities say, and split queues. It reaches only what it may of the driver's memory,
 * and counts where the driver breaks the rules.
 */
#pragma once

#include "tests/host/fake_gate.h"

#define VNET_MAC   0x525400abcdefull
#define VNET_OFFER (BIT(32) | BIT(33) | BIT(5) | BIT(16) | BIT(15) | BIT(0))

struct vnet_queue {
	u16 size, known, seen; /* what of the available ring it was told of, and has taken */
	u16 vector;
	bool enabled;
	u64 desc, avail, used;
};

struct vnet_card {
	u64 offered, accepted;
	u32 offered_select, accepted_select;
	u16 select, max; /* queues have so many entries at most */
	u8 status;
	struct vnet_queue queue[3];
	u64 mac;
	u16 link;
	u32 faults;	  /* rules broken by the driver */
	u32 resets, sent; /* of the device; frames */
	u8 last[2048];	  /* the one sent last */
	u32 last_len;
	bool slow;   /* sends nothing until vnet_card_send() */
	bool gone;   /* nobody there: all ones */
	bool stuck;  /* a reset does not end */
	bool refuse; /* takes no features */
};

extern struct vnet_card vnic;

/* Powered on, and under the driver, which is started. */
void vnet_card_start(void);
/* A frame comes; false: it is lost. */
bool vnet_card_receive(const void *frame, u32 len);
/* Sends what it has been given; backwards: the last one first. */
void vnet_card_send(bool backwards);
/* Buffers of queue 0 that it may fill. */
u32 vnet_card_room(void);
/* Of the available ring: 1, no interrupts are wanted. */
u16 vnet_card_flags(u32 queue);
/* It has used that buffer, it says; and that its used index is one further, or `by`. */
void vnet_card_say(u32 queue, u32 buffer, u32 len, u16 by);
