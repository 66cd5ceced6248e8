/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A18: frames with the victim's MAC, which is given by its last byte (victim=11), as their source
 * and as the sender in ARP, so that others send us what is the victim's, or the victim is punished.
 * Slot 1 sends them to everybody, slot 2 is another one on the switch and hears them or does not.
 */
#include "tests/guests/attack/attack.h"

#include "tests/guests/kit/virtio.h"

#define FRAMES 24
#define HEADER 12
#define LENGTH (HEADER + 60)
#define ROOM   (HEADER + 1514)
#define ARP    0x0806
#define MAC    0x525400000000ull

enum { LIAR = 1, EAR };

static struct queue send, receive;
static u8 frame[LENGTH], heard[FRAMES][ROOM];

static void put(u32 at, u64 value, u32 len)
{
	for (u32 i = 0; i < len; i++)
		frame[HEADER + at + i] = (u8)(value >> 8 * (len - 1 - i));
}

static void prepare(u64 mac)
{
	put(0, ~0ull, 6);
	put(6, mac, 6);
	put(12, ARP, 2);
	put(14, 0x0001080006040001, 8); /* a request about IPv4 over Ethernet */
	put(22, mac, 6);
	put(28, 0x0a000001, 4);
	put(38, 0x0a000001, 4);
	virtio_describe(&send, 0, frame, LENGTH, 0);
	for (u16 i = 0; i < FRAMES; i++) {
		virtio_describe(&receive, i, heard[i], ROOM, DESC_WRITE);
		virtio_offer(&receive, i);
	}
}

u32 attack_a18(void)
{
	prepare(MAC + argument_number("victim", 0));
	virtio_begin(LIAR);
	virtio_queue(LIAR, 1, &send);
	virtio_ready(LIAR);
	virtio_begin(EAR);
	virtio_queue(EAR, 0, &receive);
	virtio_ready(EAR);
	virtio_notify(EAR, 0);
	for (u32 i = 0; i < FRAMES; i++) {
		virtio_offer(&send, 0);
		virtio_notify(LIAR, 1);
		rest_ms(10);
	}
	print("ATTACK A18 step sent %u heard %u\n", send.used_index, receive.used_index);
	print("ATTACK A18 outcome %s\n", receive.used_index ? "believed" : "nobody heard");
	return 0;
}
