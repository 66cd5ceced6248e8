/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A19: frames to everybody as fast as the device takes them, for some time: what others wait for
 * has no room in their buffers. size= is that of a frame, as= the last byte of the address in
 * whose name they are. Slot 1 sends; afterwards slot 2 hears whether a few more get through.
 */
#include "tests/guests/attack/attack.h"

#include "tests/guests/kit/virtio.h"

#define HEADER	  12
#define FRAME_MAX 1514
#define BATCH	  32
#define POLITE	  8
#define POLITE_MS 50
#define QUIET_MS  2000
#define TYPE	  0x88b6 /* for local experiments */
#define MAC	  0x525400000000ull

enum { MOUTH = 1, EAR };

static struct queue send, receive;
static u8 frame[HEADER + FRAME_MAX], heard[POLITE][HEADER + FRAME_MAX];

static void put(u32 at, u64 value, u32 len)
{
	for (u32 i = 0; i < len; i++)
		frame[HEADER + at + i] = (u8)(value >> 8 * (len - 1 - i));
}

static void prepare(u64 mac, u32 len)
{
	put(0, ~0ull, 6);
	put(6, mac, 6);
	put(12, TYPE, 2);
	for (u32 i = 0; i < BATCH; i++)
		virtio_describe(&send, i, frame, HEADER + len, 0);
	for (u16 i = 0; i < POLITE; i++) {
		virtio_describe(&receive, i, heard[i], sizeof(heard[i]), DESC_WRITE);
		virtio_offer(&receive, i);
	}
	virtio_begin(MOUTH);
	virtio_queue(MOUTH, 1, &send);
	virtio_ready(MOUTH);
}

static u64 flood(u64 ms)
{
	u64 end = rdtsc() + ms * tsc_hz / 1000, sent = 0;

	while (rdtsc() < end) {
		for (u16 i = 0; i < BATCH; i++)
			virtio_offer(&send, i);
		virtio_notify(MOUTH, 1);
		while (send.used_index != send.avail_index)
			;
		sent += BATCH;
	}
	return sent;
}

/* Each is alone, and there is room for it. */
static void be_polite(void)
{
	virtio_begin(EAR);
	virtio_queue(EAR, 0, &receive);
	virtio_ready(EAR);
	virtio_notify(EAR, 0);
	for (u32 i = 0; i < POLITE; i++) {
		rest_ms(POLITE_MS);
		virtio_offer(&send, 0);
		virtio_notify(MOUTH, 1);
	}
}

u32 attack_a19(void)
{
	u64 ms = argument_number("ms", 2000), start, sent;

	prepare(MAC + argument_number("as", 10), (u32)argument_number("size", 60));
	start = rdtsc();
	sent = flood(ms);
	print("ATTACK A19 step flood of %lu frames in %lu ms\n", sent,
		(rdtsc() - start) * 1000 / tsc_hz);
	rest_ms(QUIET_MS);
	be_polite();
	print("ATTACK A19 step polite frames heard %u of %u\n", receive.used_index, POLITE);
	rest_ms(QUIET_MS);
	print("ATTACK A19 outcome over\n");
	return 0;
}
