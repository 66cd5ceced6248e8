/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of NE2000 cards over one that does and says what the fuzzer wants: its registers, its
 * memory and the frames that come are input. The switch has a mirror at its other port, to which
 * whatever the driver makes of that goes.
 */
#include "drivers/host/uplink.h"
#include "tests/host/ne_card.h"
#include "tests/host/virtio_guest.h"

#include "tests/fuzz/steps.h"

#define MS	   1000000ull
#define CALLS	   64 /* the driver may want to be called so often in a step of time */
#define RING_START 0x46u
#define RING_PAGES 58u

static void begin(void)
{
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	ne_card_start();
	for (u32 port = 0; port < 2; port++)
		pc_call("vswitch", port << BUS_PORT_SHIFT | BUS_PORT_CONFIGURE,
			BUS_PORT_USED | BUS_PORT_OPEN | BUS_PORT_MIRROR | PC_MAC(port + 1), 0);
	pc_renew(1);
	guest_slot = 2;
	add_device("net", 2, 0, 0, 2);
	for (u16 i = 0; i < GUEST_QUEUE; i++) {
		describe_in(0, i, GUEST_DATA, BUS_FRAME_MAX, F_WRITE, 0);
		offer(0, i);
	}
	notify(0);
	pc_advance(20 * MS);
}

static void receive(u8 a, u8 b)
{
	u8 frame[1600];

	memset(frame, b, sizeof(frame));
	(void)ne_card_receive(frame, 14 + (a * 6u) % 1510);
}

static void send(u8 len)
{
	describe_in(1, 0, GUEST_DATA + 2048, 26u + len * 5, 0, 0);
	offer(1, 0);
	notify(1);
}

/* A header like a good one, and then a byte of it that is not. */
static void lie(u8 page, u8 at, u8 value)
{
	u8 *h = card.memory + (RING_START + page % RING_PAGES) * 256;

	h[0] = 1;
	h[1] = (u8)(RING_START + (page + 1u) % RING_PAGES);
	h[2] = 64;
	h[3] = 0;
	h[at % 4] = value;
}

static void run(const struct step *s)
{
	switch (s->op % 8) {
	case 0:
		receive(s->a, s->b);
		break;
	case 1:
		send(s->a);
		break;
	case 2:
		lie(s->a, s->b, s->c);
		card.current = (u8)(RING_START + (s->a + 1u) % RING_PAGES);
		break;
	case 3:
		card.lie = s->a & 1 ? s->b : -1;
		break;
	case 4:
		card.status ^= s->a;
		break;
	case 5:
		card.slow = s->a & 1;
		card.deaf = s->a & 2;
		card.gone = s->a & 4;
		break;
	case 6:
		card.memory[(s->a << 8 | s->b) % CARD_MEMORY] = s->c;
		break;
	default:
		pc_renew(s->a % 3);
		break;
	}
}

/* Whatever was done to it: a card that is well again works. */
static void check_well(void)
{
	u64 before;

	card.slow = card.deaf = card.gone = false;
	card.lie = -1;
	card.status |= 0x80;
	pc_advance(3000 * MS);
	HOLDS(pc_call("ne", BUS_INFO, UPLINK_ADDRESS, 0) < BIT(48));
	before = pc_call("ne", BUS_INFO, UPLINK_RECEIVED, 0);
	receive(10, 1);
	pc_advance(20 * MS);
	HOLDS(pc_call("ne", BUS_INFO, UPLINK_RECEIVED, 0) == before + 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	begin();
	steps(data, size, run, CALLS);
	check_well();
	pc_stop();
	return 0;
}
