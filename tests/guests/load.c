/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps a disk and two network devices of one switch busy, and knows what has to come of it: each
 * request is completed once, what was written is what is read, frames arrive as they were sent.
 * Slot 1 is a writable disk of SECTORS, slots 2 and 3 the network devices. Used rings are polled.
 *
 * Command line: ms=1000, how long. Ends with a line of what there was, of wrong answers, of frames
 * that were lost or came twice, and how long requests took: the 99th percentile and the longest.
 */
#include "tests/guests/kit/virtio.h"

#define SECTOR	 512
#define SECTORS	 512
#define BATCH	 8  /* requests of one notification, at most */
#define EACH	 3  /* descriptors of a request */
#define FRAMES	 4  /* of one notification */
#define BUFFERS	 32 /* for what is received */
#define HEADER	 12
#define LENGTH	 (HEADER + 14 + 50)
#define PATIENCE 10 /* a second has so many: then a frame is lost */
#define BIN_US	 10
#define BINS	 20000

enum { DISK = 1, NET_A, NET_B };
enum { READ, WRITE };

struct frame {
	u8 header[HEADER], to[6], from[6], type[2], number[8], payload[42];
};
ASSERT_SIZE(struct frame, LENGTH);

struct times {
	u32 bin[BINS], count, max_us;
};

static struct queue disk, receive, send; /* of the disk, of NET_B and of NET_A */
static struct {
	u64 type, sector;
	u64 data[SECTOR / 8];
	volatile u8 status;
} request[BATCH];
static struct frame sent[FRAMES];
static union {
	struct frame frame;
	u8 room[HEADER + 1514]; /* as much as any frame needs */
} buffer[BUFFERS];
static u64 version[SECTORS], seed = 1, tsc_per_us;
static struct times disk_times, net_times;
static u64 requests, wrong, frames, lost, twice;

static u32 draw(u32 below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(seed >> 33) % below;
}

static void took(struct times *t, u64 ticks)
{
	u64 us = ticks / tsc_per_us;

	t->bin[MIN(us / BIN_US, BINS - 1ull)]++;
	t->count++;
	t->max_us = (u32)MAX(us, (u64)t->max_us);
}

static u32 percentile(const struct times *t, u32 percent)
{
	u64 seen = 0;

	for (u32 i = 0; i < BINS; i++) {
		seen += t->bin[i];
		if (seen * 100 >= (u64)t->count * percent)
			return (i + 1) * BIN_US;
	}
	return BINS * BIN_US;
}

static u64 word_of(u64 sector, u32 i)
{
	return version[sector] << 32 | sector << 8 | i;
}

/* In each eighth of the disk another: what one batch asks for does not depend on its order. */
static void prepare(u32 n)
{
	u64 sector = n * (SECTORS / BATCH) + draw(SECTORS / BATCH);
	bool write = draw(2) || !version[sector];
	u32 first = n * EACH;

	request[n].type = write;
	request[n].sector = sector;
	request[n].status = 0xff;
	version[sector] += write;
	for (u32 i = 0; i < SECTOR / 8; i++)
		request[n].data[i] = write ? word_of(sector, i) : 0;
	virtio_describe(&disk, first, &request[n], 16, DESC_NEXT);
	virtio_describe(
		&disk, first + 1, request[n].data, SECTOR, DESC_NEXT | (write ? 0 : DESC_WRITE));
	virtio_describe(&disk, first + 2, &request[n].status, 1, DESC_WRITE);
	virtio_offer(&disk, (u16)first);
}

static void judge(u32 n)
{
	bool good = !request[n].status;

	for (u32 i = 0; i < SECTOR / 8; i++)
		good &= request[n].data[i] == word_of(request[n].sector, i);
	wrong += !good;
}

static void use_disk(void)
{
	u16 before = disk.used_index;
	u32 heads = 0, batch = 1 + draw(BATCH);
	u64 start;

	wrong += before != disk.avail_index; /* one was completed that nobody had asked for */
	for (u32 n = 0; n < batch; n++)
		prepare(n);
	start = rdtsc();
	virtio_notify(DISK, 0);
	while (disk.used_index != disk.avail_index) {
		if (rdtsc() - start > 1000000 * tsc_per_us) {
			print("LOAD stuck, %u of %u done\n", (u16)(disk.used_index - before),
				batch);
			guest_exit(2);
		}
	}
	took(&disk_times, rdtsc() - start);
	for (u32 n = 0; n < batch; n++) {
		heads |= 1u << disk.used[(u16)(before + n) % VIRTIO_ENTRIES].head / EACH;
		judge(n);
	}
	wrong += heads != (1u << batch) - 1;
	requests += batch;
}

static void send_frame(u32 n)
{
	struct frame *f = &sent[n];

	for (u32 i = 0; i < 6; i++) {
		f->to[i] = *virtio_at(NET_B, VIRTIO_DEVICE + i);
		f->from[i] = *virtio_at(NET_A, VIRTIO_DEVICE + i);
	}
	*(u64 *)f->number = ++frames;
	for (u32 i = 0; i < sizeof(f->payload); i++)
		f->payload[i] = (u8)(frames * 7 + i);
	virtio_describe(&send, n, f, LENGTH, 0);
	virtio_offer(&send, (u16)n);
}

/* Which of the last FRAMES it is; FRAMES: an older one, that had been given up. */
static u32 look_at(const struct frame *f)
{
	u64 number = *(const u64 *)f->number;

	for (u32 i = 0; i < sizeof(f->payload); i++)
		if (f->payload[i] != (u8)(number * 7 + i)) {
			wrong++;
			return FRAMES;
		}
	return number + FRAMES > frames && number <= frames ? (u32)(frames - number) : FRAMES;
}

static u32 take_frames(u16 *taken, u32 seen)
{
	for (; *taken != receive.used_index; ++*taken) {
		u16 head = (u16)receive.used[*taken % VIRTIO_ENTRIES].head;
		bool empty = !receive.used[*taken % VIRTIO_ENTRIES].len;
		u32 which = empty ? FRAMES : look_at(&buffer[head].frame);

		twice += !empty && (which == FRAMES || seen >> which & 1);
		seen |= which < FRAMES ? 1u << which : 0;
		virtio_offer(&receive, head);
	}
	return seen;
}

static void use_net(void)
{
	static u16 taken;
	u64 start = rdtsc(), patience = 1000000 / PATIENCE * tsc_per_us;
	u32 seen = take_frames(&taken, 0);

	for (u32 n = 0; n < FRAMES; n++)
		send_frame(n);
	virtio_notify(NET_A, 1);
	while (seen != (1u << FRAMES) - 1 && rdtsc() - start < patience) {
		asm volatile("sti; nop; cli"); /* Bochs kicks nobody whose IF is clear */
		seen = take_frames(&taken, seen);
	}
	virtio_notify(NET_B, 0);
	for (u32 n = 0; n < FRAMES; n++)
		lost += !(seen >> n & 1);
	if (seen == (1u << FRAMES) - 1)
		took(&net_times, rdtsc() - start);
}

static void begin(void)
{
	virtio_begin(DISK);
	virtio_queue(DISK, 0, &disk);
	virtio_ready(DISK);
	virtio_begin(NET_A);
	virtio_queue(NET_A, 1, &send);
	virtio_ready(NET_A);
	virtio_begin(NET_B);
	virtio_queue(NET_B, 0, &receive);
	virtio_ready(NET_B);
	for (u16 i = 0; i < BUFFERS; i++) {
		virtio_describe(&receive, i, &buffer[i], sizeof(buffer[i]), DESC_WRITE);
		virtio_offer(&receive, i);
	}
	virtio_notify(NET_B, 0);
}

u32 guest_main(void)
{
	u64 ms = argument_number("ms", 1000), start;

	timer_calibrate();
	tsc_per_us = MAX(tsc_hz / 1000000, 1ul);
	begin();
	start = rdtsc();
	while (rdtsc() - start < ms * 1000 * tsc_per_us) {
		use_disk();
		use_net();
	}
	print("LOAD requests %lu wrong %lu frames %lu lost %lu twice %lu\n", requests, wrong,
		frames, lost, twice);
	print("LOAD us disk p99 %u max %u net p99 %u max %u\n", percentile(&disk_times, 99),
		disk_times.max_us, percentile(&net_times, 99), net_times.max_us);
	return wrong != 0;
}
