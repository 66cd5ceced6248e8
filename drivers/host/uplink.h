/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the drivers of physical network cards share: the port of a switch that such a card is. All
 * frames are in the device's memory: the switch writes what it has for the card there, into buffers
 * that are granted to it one by one, and reads what came from the card there, for as long as it is
 * called. A card that does DMA takes and puts them there itself. A state begins with a struct
 * uplink. The functions are for one card's driver, which is in one place at a time.
 */
#pragma once

#include "drivers/api/driver.h"

#define UPLINK_OUT	 16 /* buffers that the switch writes to */
#define UPLINK_IN	 32 /* that a card may have for what comes, at most */
#define UPLINK_ROOM	 2048
#define UPLINK_HEADER	 12   /* virtio's, before each frame */
#define UPLINK_FRAME_MIN 60   /* without its check sequence, as all that follow */
#define UPLINK_FRAME_MAX 1514 /* one with a VLAN's tag is longer: no switch would take it */

struct uplink_memory {
	u8 out[UPLINK_OUT][UPLINK_ROOM]; /* with a header */
	u8 in[][UPLINK_ROOM];
};
#define UPLINK_MEMORY(in) (sizeof(struct uplink_memory) + (in)*UPLINK_ROOM)

static_assert(BUS_FRAME_MAX <= UPLINK_ROOM && !(UPLINK_ROOM % 2), "may be moved by words");
static_assert(UPLINK_OUT + UPLINK_IN <= BUS_GRANTS, "a grant for each");

struct uplink {
	struct uplink_memory *memory;
	u64 memory_at;		 /* as the device has it */
	u64 grant[UPLINK_OUT];	 /* 0: the switch has it not */
	u32 len[UPLINK_OUT];	 /* of the frame in it, 0: none */
	u8 order[UPLINK_OUT];	 /* of those with a frame in them */
	u32 head, given, tail;	 /* how many of these have come, were given to the card, and sent */
	u64 in_grant[UPLINK_IN]; /* 0: not yet */
	u8 header[UPLINK_HEADER]; /* of what comes: zeros */
	bool called;		  /* the card interrupts: looking is for what was missed */
	bool active;		  /* frames have gone or come since the last look */
	bool waiting;		  /* some have come, it seems, that are not to be taken yet */
	u64 active_ns, receive_ns;
	u64 info[UPLINK_ITEMS];
};

/* The memory is the function's from byte `at` on. */
void uplink_start(struct uplink *u, const struct driver_setup *setup, u32 at);
/* Takes what the switch has sent. */
void uplink_mail(struct uplink *u);
/*
 * The oldest frame that the card has not been given, of *len bytes, at least UPLINK_FRAME_MIN, with
 * room for its header before it; NULL: there is none. Once uplink_given() it is the card's until it
 * has sent it: uplink_sent() gives the oldest one's buffer back to the switch.
 */
u8 *uplink_next(struct uplink *u, u32 *len);
void uplink_given(struct uplink *u);
void uplink_sent(struct uplink *u);
/* The card has forgotten those that it was given: they are lost. */
void uplink_forget(struct uplink *u);
/*
 * Whether frames that have come may be taken, up to UPLINK_AT_ONE_GO: then not again for a while,
 * however often the card interrupts. uplink_took() says how many it were.
 */
#define UPLINK_AT_ONE_GO 16
#define UPLINK_GAP_NS	 250000ull
bool uplink_may_take(struct uplink *u);
void uplink_took(struct uplink *u, u32 n);
/* A frame came: buffer i of memory->in has it from byte `at` on. */
void uplink_received(struct uplink *u, u32 i, u32 at, u32 len);
/* What a byte of the memory's is to the device. */
u64 uplink_at(const struct uplink *u, const void *byte);
/* When the card is to be looked at again: soon, if the next frame is expected soon. */
u64 uplink_look_ns(struct uplink *u);
/* BUS_INFO, and nothing else. */
u64 uplink_call(void *state, u32 fn, u64 a, u64 b);
