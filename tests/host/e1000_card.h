/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network card of Intel's under the driver of drivers/host/e1000.c: an 82540EM, or an 82574L. It
 * has the registers that the manuals name, reaches only what it may of the driver's memory, and
 * counts where the driver breaks the manuals' rules.
 */
#pragma once

#include "tests/host/fake_gate.h"

#define E1000_MAC 0x525400abcdefull

struct e1000_card {
	u32 reg[0x6000 / 4];
	bool newer;	  /* an 82574L */
	u32 faults;	  /* rules broken by the driver */
	u32 resets, sent; /* of the card; frames */
	u8 last[2048];	  /* the one sent last */
	u32 last_len;
	bool slow;  /* sends nothing until e1000_card_send() */
	bool gone;  /* nobody there: all ones */
	bool blank; /* no address in its registers, the EEPROM has it */
	bool mute;  /* and the EEPROM does not answer */
	bool stuck; /* a reset does not end */
	u64 eeprom_mac;
};

extern struct e1000_card nic;

/* Powered on, and under the driver, which is started. */
void e1000_card_start(void);
void e1000_card_start_newer(void);
void e1000_card_link(bool up);
/* A frame comes; false: it is lost. */
bool e1000_card_receive(const void *frame, u32 len);
/* Sends what it has been given. */
void e1000_card_send(void);
/* Descriptors that it may fill. */
u32 e1000_card_room(void);
/* Says so of what it has received, in the second half of the next descriptor. */
bool e1000_card_say(u64 word);
