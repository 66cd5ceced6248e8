/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver of the machine's own virtio network devices over one that does and says what the
 * fuzzer wants: its registers, capabilities, rings and the frames that come are input. The switch
 * has a guest at its other port, to whom whatever the driver makes of that goes.
 */
#include "tests/host/fake_instance.h"
#include "tests/host/uplink_guest.h"
#include "tests/host/vnet_card.h"

#include "tests/fuzz/steps.h"

#define CALLS 64   /* the driver may want to be called so often in a step of time */
#define RINGS 1792 /* bytes */

static void receive(u8 a, u8 b)
{
	memset(frame, b, sizeof(frame));
	(void)vnet_card_receive(frame, 14 + (a * 6u) % 1510);
}

static void run(const struct step *s)
{
	u8 *memory = by_name("vnet")->memory;

	switch (s->op % 9) {
	case 0:
		receive(s->a, s->b);
		break;
	case 1:
		guest_sends(14 + s->a * 5u, s->b);
		break;
	case 2:
		vnet_card_say(s->a & 1, s->a >> 1 & 63, s->b * 9u, s->c & 1 ? 1 : s->c);
		break;
	case 3:
		vnic.status ^= s->a;
		vnic.link ^= s->b;
		break;
	case 4:
		vnic.slow = s->a & 1;
		vnic.gone = s->a & 2;
		vnic.stuck = s->a & 4;
		vnic.refuse = s->a & 8;
		vnic.max = s->a & 16 ? s->b : 256;
		vnic.offered = s->a & 32 ? s->b * 0x0101010101010101ull : VNET_OFFER;
		break;
	case 5:
		memory[(s->a << 8 | s->b) % RINGS] = s->c;
		break;
	case 6:
		vnet_card_send(s->a & 1);
		break;
	case 7:
		pc.config[16 + s->a % 48] ^= 1u << s->b % 32;
		pc_device("vnet");
		break;
	default:
		pc_renew(s->a % 3);
		break;
	}
}

/* Whatever was done to it: a device that is well again works, its driver begun anew. */
static void check_well(void)
{
	u64 before;

	vnet_card_start();
	pc_renew(1);
	pc_advance(3000 * MS);
	HOLDS(info(UPLINK_ADDRESS) == VNET_MAC);
	before = info(UPLINK_RECEIVED);
	receive(10, 2);
	pc_advance(20 * MS);
	HOLDS(info(UPLINK_RECEIVED) == before + 1);
	before = info(UPLINK_SENT);
	guest_sends(60, 0);
	pc_advance(20 * MS);
	HOLDS(info(UPLINK_SENT) == before + 1);
	HOLDS(!vnic.faults);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	begin_uplink("vnet", vnet_card_start);
	steps(data, size, run, CALLS);
	check_well();
	pc_stop();
	return 0;
}
