/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a virtual device's request costs, in ticks of the TSC from the notification until the guest
 * has the answer, exits and copies and all, as BENCH lines. Slot 1 is a disk whose every sector
 * begins with its number, slots 2 and 3 are network devices of one switch. No driver of good will
 * could be smaller: nothing is negotiated beyond version 1, and used rings are polled.
 *
 * Command line: runs=9.
 */
#include "tests/guests/kit/virtio.h"

#define RUNS_MAX 31
#define SECTOR	 512
#define LONG	 65536 /* bytes of a long read */
#define SHORT	 64    /* bytes of a short frame, without its header */
#define FULL	 1514
#define HEADER	 12

enum { DISK = 1, NET_A, NET_B };

static struct queue disk, receive, send; /* of the disk, of NET_B and of NET_A */
static u8 data[LONG], frame[HEADER + FULL];
static struct {
	u64 type, sector;
} request;
static volatile u8 status;

static void offer(struct queue *q)
{
	q->avail[q->avail_index % VIRTIO_ENTRIES] = 0;
	asm volatile("" ::: "memory");
	q->avail_index++;
	asm volatile("" ::: "memory");
}

/* From the notification until `done` has one more, in ticks. */
static u64 ask(u32 slot, u16 number, struct queue *q, const struct queue *done)
{
	u16 before = done->used_index;
	u64 start;

	offer(q);
	start = rdtsc();
	virtio_notify(slot, number);
	while (done->used_index == before)
		asm volatile("" ::: "memory");
	return rdtsc() - start;
}

static u64 read_disk(u64 sector, u32 len)
{
	u64 ticks;

	request.sector = sector;
	status = 0xff;
	virtio_describe(&disk, 0, &request, sizeof(request), DESC_NEXT);
	virtio_describe(&disk, 1, data, len, DESC_NEXT | DESC_WRITE);
	virtio_describe(&disk, 2, &status, 1, DESC_WRITE);
	ticks = ask(DISK, 0, &disk, &disk);
	for (u32 at = 0; at < len; at += SECTOR)
		if (status || *(u64 *)(data + at) != sector + at / SECTOR)
			guest_exit(2);
	return ticks;
}

static u8 got[HEADER + FULL];

/* Buffers for NET_B to receive into, with one notification; ticks for each. */
static u64 make_room(u32 n)
{
	u64 start;

	virtio_describe(&receive, 0, got, sizeof(got), DESC_WRITE);
	for (u32 i = 0; i < n; i++)
		offer(&receive);
	start = rdtsc();
	virtio_notify(NET_B, 0);
	return (rdtsc() - start) / n;
}

/* A notification of nothing: what is not the switch's of a frame's cost. */
static u64 notify_nothing(u32 unused)
{
	u64 start = rdtsc();

	(void)unused;
	virtio_notify(NET_A, 1);
	return rdtsc() - start;
}

/* A frame from NET_A to NET_B, through the switch. */
static u64 pass_frame(u32 len)
{
	u64 ticks;

	for (u32 i = 0; i < 6; i++) {
		frame[HEADER + i] = *virtio_at(NET_B, VIRTIO_DEVICE + i);
		frame[HEADER + 6 + i] = *virtio_at(NET_A, VIRTIO_DEVICE + i);
	}
	for (u32 i = HEADER + 12; i < HEADER + len; i++)
		frame[i] = (u8)(i * 3 + len);
	virtio_describe(&send, 0, frame, HEADER + len, 0);
	make_room(1);
	notify_nothing(0); /* the first of a page is decoded, the next ones are not */
	ticks = ask(NET_A, 1, &send, &receive);
	for (u32 i = HEADER; i < HEADER + len; i++)
		if (got[i] != frame[i])
			guest_exit(3);
	return ticks;
}

/* Room for so many frames, which then come. */
static u64 make_room_and_use_it(u32 n)
{
	u64 ticks = make_room(n);

	virtio_describe(&send, 0, frame, HEADER + SHORT, 0);
	while (n--)
		ask(NET_A, 1, &send, &receive);
	return ticks;
}

static void bench(const char *name, u64 (*once)(u32 len), u32 len, u32 runs)
{
	u64 values[RUNS_MAX];

	once(len);
	for (u32 i = 0; i < runs; i++)
		values[i] = once(len);
	report(name, values, runs, 0);
}

static u64 read_front(u32 len)
{
	return read_disk(5, len);
}

static void bench_each_kib(const char *name, u64 (*once)(u32 len), u32 less, u32 more)
{
	u64 short_one, value;

	once(less);
	short_one = once(less);
	value = (once(more) - short_one) * 1024 / (more - less);

	report(name, &value, 1, 0);
}

u32 guest_main(void)
{
	u32 runs = argument_number("runs", 9);

	runs = MAX(MIN(runs, (u32)RUNS_MAX), 1u);
	virtio_begin(DISK);
	virtio_queue(DISK, 0, &disk);
	virtio_ready(DISK);
	virtio_begin(NET_A);
	virtio_queue(NET_A, 1, &send);
	virtio_ready(NET_A);
	virtio_begin(NET_B);
	virtio_queue(NET_B, 0, &receive);
	virtio_ready(NET_B);
	bench("virtio.blk_request", read_front, SECTOR, runs);
	bench_each_kib("virtio.blk_each_kib", read_front, SECTOR, LONG);
	bench("virtio.net_packet", pass_frame, SHORT, runs);
	bench("virtio.net_notify", notify_nothing, 0, runs);
	bench("virtio.net_room", make_room_and_use_it, VIRTIO_ENTRIES / 2, runs);
	bench_each_kib("virtio.net_each_kib", pass_frame, SHORT, FULL);
	return 0;
}
