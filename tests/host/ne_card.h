/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An NE2000 card under the driver of drivers/host/ne.c, as the DP8390's data sheet has it and no
 * better: it receives nothing while it is stopped, and after an overrun until it was stopped and
 * started. What breaks the chip's rules is counted.
 */
#pragma once

#include "tests/host/fake_gate.h"

#define CARD_MEMORY 0x8000 /* the card's, from address 0 */
#define CARD_MAC    0x525400abcdef

struct ne_card {
	u8 memory[CARD_MEMORY];
	u8 command, start, stop, boundary, current, tx_page, status;
	u8 receive, transmit, data, mask;
	u8 address[6], groups[8];
	u32 tx_len, dma_at, dma_left;
	u32 faults;	  /* rules broken by the driver */
	u32 resets, sent; /* of the card; frames */
	u8 last[2048];	  /* the one sent last */
	u32 last_len;
	bool slow; /* a frame is on the wire until ne_card_end_sending() */
	bool deaf; /* it takes no words */
	bool gone; /* nobody there: all ones */
	int lie;   /* its current page, unless negative */
};

extern struct ne_card card;

/* Powered on, and under the driver, which is started. */
void ne_card_start(void);
/* A frame comes; false: it is lost. */
bool ne_card_receive(const void *frame, u32 len);
void ne_card_end_sending(void);
/* How many pages of the ring hold what the driver has not taken. */
u32 ne_card_used(void);
