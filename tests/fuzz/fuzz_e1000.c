/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of Intel's network cards over one that does and says what the fuzzer wants: its
 * registers, the rings and the frames that come are input. The switch has a mirror at its other
 * port, to which whatever the driver makes of that goes.
 */
#include "tests/host/e1000_card.h"
#include "tests/host/fake_instance.h"
#include "tests/host/uplink_guest.h"

#include "tests/fuzz/steps.h"

#define CALLS 64 /* the driver may want to be called so often in a step of time */
#define GOOD  (3ull << 32)
#define RINGS 1024 /* bytes */

static void receive(u8 a, u8 b)
{
	memset(frame, b, sizeof(frame));
	(void)e1000_card_receive(frame, 14 + (a * 6u) % 1510);
}

static void run(const struct step *s)
{
	u8 *memory = by_name("e1000")->memory;

	switch (s->op % 8) {
	case 0:
		receive(s->a, s->b);
		break;
	case 1:
		guest_sends(14 + s->a * 5u, s->b);
		break;
	case 2:
		(void)e1000_card_say((u32)(s->a << 8 | s->b) | GOOD | (u64)s->c << 40);
		break;
	case 3:
		nic.reg[(s->a & 1 ? 0x08 : s->a & 2 ? 0xc0 : 0x100) / 4] ^= 1u << s->b % 32;
		break;
	case 4:
		nic.slow = s->a & 1;
		nic.gone = s->a & 2;
		nic.blank = s->a & 4;
		nic.mute = s->a & 8;
		nic.stuck = s->a & 16;
		break;
	case 5:
		memory[(s->a << 8 | s->b) % RINGS] = s->c;
		break;
	case 6:
		memory[4096 + (s->a << 16 | s->b << 8 | s->c) % 98304] ^= s->c;
		break;
	default:
		pc_renew(s->a % 3);
		break;
	}
}

/* Whatever was done to it: a card that is well again, and is found to need a reset, works. */
static void check_well(void)
{
	u64 before;

	nic.slow = nic.gone = nic.blank = nic.mute = nic.stuck = false;
	nic.reg[0] &= ~(1u << 26);
	nic.reg[0x100 / 4] = 0;
	e1000_card_link(true);
	pc_advance(3000 * MS);
	HOLDS(info(UPLINK_ADDRESS) == E1000_MAC);
	before = info(UPLINK_RECEIVED);
	receive(10, 2);
	pc_advance(20 * MS);
	HOLDS(info(UPLINK_RECEIVED) == before + 1);
	before = info(UPLINK_SENT);
	guest_sends(60, 0);
	pc_advance(20 * MS);
	HOLDS(info(UPLINK_SENT) == before + 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	begin_uplink("e1000", size & 1 ? e1000_card_start : e1000_card_start_newer);
	steps(data, size, run, CALLS);
	check_well();
	pc_stop();
	return 0;
}
