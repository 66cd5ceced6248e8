/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory balloon (VIRTIO 1.2, "Traditional Memory Balloon Device"): the guest is asked for
 * pages, gives them and takes them back. Whose they are is counted here; the frames stay the VM's,
 * as its RAM is made of larger blocks.
 */
#include "drivers/virtio/virtio.h"

#define INFLATE 0
#define DEFLATE 1
#define BATCH	64 /* page numbers that are read at one go */

struct balloon_config {
	u32 wanted; /* pages of 4 KiB */
	u32 actual; /* the guest's own word */
};

struct balloon {
	struct virtio v;
	struct balloon_config config;
	u32 pages;    /* of the VM's RAM, all in all */
	u32 given;    /* that are in the balloon */
	u64 misnamed; /* numbers that are no page of RAM */
};

/* How many of the numbers are pages of RAM; those of addresses from 4 GiB on follow the others. */
static u32 count(struct balloon *b, const u32 *numbers, u32 n)
{
	u32 good = 0;

	for (u32 i = 0; i < n; i++) {
		u32 hole = MACHINE_RAM_BELOW_4G >> PAGE_SHIFT, high = (u32)(GIB(4) >> PAGE_SHIFT);
		u32 page = numbers[i];

		if (page >= high)
			page = page - high + hole;
		else if (page >= hole)
			page = UINT32_MAX;
		good += page < b->pages;
	}
	b->misnamed += n - good;
	return good;
}

/* All page numbers of a chain; how many there are. */
static u32 count_chain(struct balloon *b, const struct virtio_chain *c)
{
	u32 numbers[BATCH], total = 0;

	for (u32 at = 0; at + sizeof(u32) <= c->read_len; at += sizeof(numbers)) {
		u32 n = MIN((c->read_len - at) / (u32)sizeof(u32), BATCH);

		if (virtio_get(c, at, numbers, n * (u32)sizeof(u32)) < 0) {
			virtio_break(&b->v);
			return 0;
		}
		total += count(b, numbers, n);
	}
	return total;
}

static u32 inflate(void *state, const struct virtio_chain *c)
{
	struct balloon *b = state;
	u32 n = count_chain(b, c);

	b->given += MIN(n, b->pages - b->given);
	return 0;
}

static u32 deflate(void *state, const struct virtio_chain *c)
{
	struct balloon *b = state;
	u32 n = count_chain(b, c);

	b->given -= MIN(n, b->given);
	return 0;
}

static void notify(void *state, u32 queue)
{
	virtio_serve(state, queue, queue == INFLATE ? inflate : deflate);
}

static void timer(void *state)
{
	notify(state, INFLATE);
	notify(state, DEFLATE);
}

/* The guest's driver takes its pages with it. */
static void forget(void *state)
{
	struct balloon *b = state;

	b->given = 0;
	b->config.actual = 0;
}

/* BUS_BALLOON; BUS_INFO: 2 pages wanted, 3 given, 4 named that there are not. */
static u64 call(void *state, u32 fn, u64 a, u64 b)
{
	struct balloon *balloon = state;
	const u64 items[] = { balloon->config.wanted, balloon->given, balloon->misnamed };

	(void)b;
	if (fn == BUS_INFO && a >= 2 && a - 2 < ARRAY_LEN(items))
		return items[a - 2];
	if (fn != BUS_BALLOON)
		return BUS_NO_PEER;
	balloon->config.wanted = (u32)MIN(a, (u64)balloon->pages);
	virtio_config_changed(&balloon->v);
	return balloon->config.wanted;
}

static void balloon_setup(struct balloon *b, const struct driver_setup *setup)
{
	b->pages = (u32)(setup->memory_bytes >> PAGE_SHIFT);
}

static const struct virtio_class balloon_class = {
	.id = 5,
	.queues = 2,
	.pci_class = 0x050000, /* PCI Code and ID Assignment: memory */
	.config_at = offsetof(struct balloon, config),
	.config_len = sizeof(struct balloon_config),
	.config_writable = sizeof(u32),
	.notify = notify,
	.reset = forget,
	.call = call,
};

VIRTIO_DEVICE(balloon, balloon_class, struct balloon, 0, timer, NULL);
