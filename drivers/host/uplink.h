/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the drivers of physical network cards share: the port of a switch that such a card is. The
 * switch writes what it has for the card into buffers of the driver's own data, granted to it one
 * by one, and reads what came from there too, for as long as it is called. A state begins with a
 * struct uplink. The functions are for one card's driver, which is in one place at a time.
 */
#pragma once

#include "drivers/api/driver.h"

#define UPLINK_BUFFERS	 16
#define UPLINK_HEADER	 12   /* virtio's, before each frame */
#define UPLINK_FRAME_MIN 60   /* without its check sequence, as all that follow */
#define UPLINK_FRAME_MAX 1514 /* one with a VLAN's tag is longer: no switch would take it */

struct uplink_buffer {
	u64 grant; /* 0: the switch has it not */
	u32 len;   /* of the frame in it, 0: none */
	u8 bytes[BUS_FRAME_MAX];
};

struct uplink {
	struct uplink_buffer buffer[UPLINK_BUFFERS];
	u8 order[UPLINK_BUFFERS]; /* of those with a frame in them */
	u32 head, tail;		  /* how many of these have come, and gone */
	u8 came[BUS_FRAME_MAX];	  /* what the card has received, behind room for a header */
	u64 info[UPLINK_ITEMS];
};

static_assert(!(BUS_FRAME_MAX % 2), "a frame of an odd length may be moved by words");

void uplink_start(struct uplink *u);
/* Takes what the switch has sent. */
void uplink_mail(struct uplink *u);
/*
 * The oldest frame to be sent, of *len bytes, at least UPLINK_FRAME_MIN; NULL: there is none. When
 * the card has it, uplink_sent() gives its buffer back to the switch.
 */
const u8 *uplink_next(struct uplink *u, u32 *len);
void uplink_sent(struct uplink *u);
/* Where a frame is put that came, and to the switch with it. */
u8 *uplink_room(struct uplink *u);
void uplink_received(struct uplink *u, u32 len);
/* BUS_INFO, and nothing else. */
u64 uplink_call(void *state, u32 fn, u64 a, u64 b);
