/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One of two that talk to each other over a switch: a frame at each tick, as soon as the other has
 * been heard, and a count of those that came. Command line: self=11 peer=12, the last bytes of
 * their addresses; frames=800 period_ms=5; echo=0: 1 answers frames to everybody.
 */
#include "tests/guests/kit/virtio.h"

#include "core/lib/string.h"

#define HEADER	  12
#define LEN	  (HEADER + 60)
#define ROOM	  (HEADER + 1514)
#define SLOT	  1
#define BUFFERS	  32
#define MAC	  0x525400000000ull
#define TYPE	  0x88b5 /* for local experiments */
#define TYPE_CALL 0x88b6 /* what is answered */
#define LATE	  200	 /* ticks to wait for the last ones */

static struct queue send, receive;
static u8 frame[LEN], heard[BUFFERS][ROOM];
static volatile u64 ticks;
static u64 came, met, answered;
static u16 done;

static void tick(void)
{
	ticks++;
	apic_write(APIC_EOI, 0);
}

static u64 get(const u8 *at, u32 len)
{
	u64 value = 0;

	while (len--)
		value = value << 8 | *at++;
	return value;
}

static void put(u32 at, u64 value, u32 len)
{
	for (u32 i = 0; i < len; i++)
		frame[HEADER + at + i] = (u8)(value >> 8 * (len - 1 - i));
}

/* The device has taken the frame when this returns. */
static void say(u64 to, u64 number)
{
	put(0, to, 6);
	put(14, number, 4);
	virtio_offer(&send, 0);
	virtio_notify(SLOT, 1);
}

static void take(const u8 *f, u64 peer, bool echo)
{
	u64 from = get(f + 6, 6), type = get(f + 12, 2);

	if (from == MAC + peer && type == TYPE) {
		met = 1;
		came += get(f + 14, 4) != 0;
	} else if (echo && type == TYPE_CALL) {
		say(from, 0);
		answered++;
	}
}

static void listen(u64 peer, bool echo)
{
	bool any = done != receive.used_index;

	for (; done != receive.used_index; done++) {
		u16 i = (u16)receive.used[done % VIRTIO_ENTRIES].head;

		take(heard[i] + HEADER, peer, echo);
		virtio_offer(&receive, i);
	}
	if (any)
		virtio_notify(SLOT, 0);
}

static void prepare(u64 self)
{
	put(6, MAC + self, 6);
	put(12, TYPE, 2);
	virtio_describe(&send, 0, frame, LEN, 0);
	for (u16 i = 0; i < BUFFERS; i++) {
		virtio_describe(&receive, i, heard[i], ROOM, DESC_WRITE);
		virtio_offer(&receive, i);
	}
	virtio_begin(SLOT);
	virtio_queue(SLOT, 0, &receive);
	virtio_queue(SLOT, 1, &send);
	virtio_ready(SLOT);
	virtio_notify(SLOT, 0);
}

u32 guest_main(void)
{
	u64 peer = argument_number("peer", 12), frames = argument_number("frames", 800);
	u64 sent = 0, seen = 0, late = 0;

	timer_calibrate();
	interrupt_handle(VECTOR_TIMER, tick);
	prepare(argument_number("self", 11));
	timer_periodic(argument_number("period_ms", 5) * 1000);
	while (late < LATE) {
		while (ticks == seen)
			wait_interrupt();
		seen = ticks;
		listen(peer, argument_number("echo", 0));
		if (sent == frames)
			late++;
		else
			say(MAC + peer, met ? ++sent : 0);
	}
	print("talk sent %lu heard %lu answered %lu\n", sent, came, answered);
	for (;;)
		wait_interrupt();
}
