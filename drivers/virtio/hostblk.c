/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device over a physical disk (VIRTIO 1.2, "Block Device"). Its driver is asked on the
 * bus for as much as fits into the window of our port, and wakes us when that is done; meanwhile
 * the guest runs. Data goes between window and RAM without passing through here. One request at a
 * time; when the driver has begun anew, the piece in hand is asked for again.
 *
 * What is written to a disk that is copied on write goes to memory, in chunks, of which a table
 * knows which sectors they have. There is no discard: a chunk is kept until the VM is reset.
 */
#include "drivers/virtio/blk.h"

#include "core/lib/string.h"

#define RETRY_NS    10000000ull
#define LOOK_NS	    100000000ull /* should the driver forget to wake us */
#define PATIENCE_NS 30000000000ull
#define TRIES	    20
#define BUDGET	    KIB(256)
#define BUDGET_EACH 4096

#define CHUNK	      KIB(8)
#define CHUNK_SECTORS (CHUNK / SECTOR)
#define CHUNKS	      (MIB(32) / CHUNK)
#define ENTRY_USED    BIT(63)
#define ENTRY_CHUNK   (BIT(40) - 1)
#define ENTRY_HAS     40 /* and up: a bit for each sector */

enum { FREE, WAITING, RETRY };

struct hostblk {
	struct blk b;
	bool writable, cow;
	u8 state; /* of the request in hand */
	u8 tries;
	struct virtio_chain chain;
	struct blk_request request;
	u32 done, len; /* bytes: before this piece, and all */
	u64 asked_ns;
	u32 nchunks, used; /* that the memory holds, that are taken */
	u64 chunk[CHUNKS]; /* ENTRY_; where entry i is, there is the chunk's memory */
};

struct transfer {
	enum disk_op op;
	u64 at;
};

static int move(void *context, u64 gpa, u32 len)
{
	struct transfer *t = context;

	t->at += len;
	return l2_disk(t->op, t->at - len, gpa, len);
}

/* Moves [done, done + len) of the request's data. */
static int move_data(struct hostblk *h, enum disk_op op, u64 at, u32 done, u32 len)
{
	bool in = h->request.type == T_IN;
	struct transfer t = { op, at };

	return virtio_each(&h->chain, in, done + (in ? 0 : (u32)sizeof(h->request)), len, move, &t);
}

/* --- copy on write ------------------------------------------------------------------------- */

/* The place of a chunk of the disk, a free one if it is not there; nchunks: no room. */
static u32 find(const struct hostblk *h, u64 chunk)
{
	u32 i = (u32)((chunk * 0x9e3779b97f4a7c15ull >> 32) % h->nchunks);

	for (u32 n = 0; n < h->nchunks; n++, i = i + 1 == h->nchunks ? 0 : i + 1)
		if (!(h->chunk[i] & ENTRY_USED) || (h->chunk[i] & ENTRY_CHUNK) == chunk)
			return i;
	return h->nchunks;
}

/* Sectors of a request that lie in one chunk. */
struct part {
	u64 chunk;
	u32 first, count; /* in the chunk */
	u32 done;	  /* bytes of the request before it */
};

static struct part part_of(const struct hostblk *h, u32 done, u32 len)
{
	u64 sector = h->request.sector + done / SECTOR;
	u32 first = (u32)(sector % CHUNK_SECTORS);

	return (struct part){ sector / CHUNK_SECTORS, first,
		(u32)MIN(CHUNK_SECTORS - first, len / SECTOR), done };
}

static int cow_write(struct hostblk *h, const struct part *p)
{
	u32 i = find(h, p->chunk);

	if (i == h->nchunks || (!h->chunk[i] && h->used >= h->nchunks - h->nchunks / 8))
		return -ENOSPC;
	h->used += !h->chunk[i];
	h->chunk[i] |= ENTRY_USED | p->chunk | (BIT(p->count) - 1) << (ENTRY_HAS + p->first);
	return move_data(h, DISK_WRITE, i * CHUNK + p->first * SECTOR, p->done, p->count * SECTOR);
}

/* Over what was read of the disk goes what was written since. */
static int cow_read(struct hostblk *h, const struct part *p)
{
	u32 i = find(h, p->chunk);
	u64 has = i < h->nchunks ? h->chunk[i] >> ENTRY_HAS : 0;
	int err = 0;

	for (u32 n, at = 0; !err && at < p->count; at += n) {
		bool here = has >> (p->first + at) & 1;

		for (n = 1; at + n < p->count; n++)
			if ((has >> (p->first + at + n) & 1) != here)
				break;
		if (here)
			err = move_data(h, DISK_READ, i * CHUNK + (p->first + at) * SECTOR,
				p->done + at * SECTOR, n * SECTOR);
	}
	return err;
}

static int cow_each(
	struct hostblk *h, u32 done, u32 len, int (*fn)(struct hostblk *h, const struct part *p))
{
	int err = 0;

	for (u32 end = done + len; !err && done < end;) {
		struct part p = part_of(h, done, end - done);

		err = fn(h, &p);
		done += p.count * SECTOR;
	}
	return err;
}

/* --- one request --------------------------------------------------------------------------- */

static void complete(struct hostblk *h, u8 status)
{
	struct virtio *v = &h->b.v;

	h->state = FREE;
	h->b.requests++;
	h->b.errors += status != S_OK;
	if (virtio_put(&h->chain, h->chain.write_len - 1, &status, 1) < 0)
		virtio_break(v);
	virtio_done(v, 0, h->chain.head, h->chain.write_len);
}

static u32 piece(const struct hostblk *h)
{
	return (u32)MIN(h->len - h->done, BUS_WINDOW);
}

static void wait(struct hostblk *h, u8 state, u64 ns)
{
	h->state = state;
	l1_timer_arm(l1_now_ns() + ns);
}

/* Asks the driver for the next piece, or for the flush. */
static void ask(struct hostblk *h)
{
	u32 fn = h->request.type == T_IN    ? BUS_DISK_READ
		 : h->request.type == T_OUT ? BUS_DISK_WRITE
					    : BUS_DISK_FLUSH;
	u64 sector = h->request.sector + h->done / SECTOR;

	if (fn == BUS_DISK_WRITE && move_data(h, DISK_TO_WINDOW, 0, h->done, piece(h)) < 0) {
		complete(h, S_IOERR);
		return;
	}
	h->asked_ns = l1_now_ns();
	if (l2_call(PEER_DISK, fn, sector, piece(h) / SECTOR) == DISK_PENDING)
		wait(h, WAITING, LOOK_NS);
	else if (h->tries++ < TRIES)
		wait(h, RETRY, RETRY_NS);
	else
		complete(h, S_IOERR);
}

/* A piece is there, or a flush done. */
static void advance(struct hostblk *h)
{
	u32 n = piece(h);

	if (h->request.type == T_IN && (move_data(h, DISK_FROM_WINDOW, 0, h->done, n) < 0 ||
					       (h->cow && cow_each(h, h->done, n, cow_read) < 0))) {
		complete(h, S_IOERR);
		return;
	}
	h->done += n;
	h->tries = 0;
	if (h->done == h->len)
		complete(h, S_OK);
	else
		ask(h);
}

/* What has become of what was asked. False: nothing yet. */
static bool look(struct hostblk *h)
{
	u64 result = l2_call(PEER_DISK, BUS_DISK_RESULT, 0, 0);

	if (result == DISK_DONE)
		advance(h);
	else if (result == DISK_ERROR ||
		 (result == DISK_PENDING && l1_now_ns() - h->asked_ns > PATIENCE_NS))
		complete(h, S_IOERR);
	else if (result == DISK_PENDING)
		return false;
	else if (h->tries++ < TRIES)
		wait(h, RETRY, RETRY_NS); /* it has begun anew */
	else
		complete(h, S_IOERR);
	return true;
}

static bool inside(const struct hostblk *h)
{
	u64 capacity = h->b.config.capacity;

	return !(h->len % SECTOR) && h->len <= MOST && h->request.sector <= capacity &&
	       h->len / SECTOR <= capacity - h->request.sector;
}

static void transfer(struct hostblk *h, u32 len)
{
	h->len = len;
	if (!inside(h) || (h->request.type == T_OUT && !h->writable))
		complete(h, S_IOERR);
	else if (!len)
		complete(h, S_OK);
	else if (h->request.type == T_OUT && h->cow)
		complete(h, cow_each(h, 0, len, cow_write) < 0 ? S_IOERR : S_OK);
	else
		ask(h);
}

/* The header comes first, the status last; a request without them cannot even fail. */
static void begin(struct hostblk *h)
{
	const struct virtio_chain *c = &h->chain;

	if (!c->write_len || virtio_get(c, 0, &h->request, sizeof(h->request)) < 0) {
		virtio_break(&h->b.v);
		return;
	}
	h->done = h->len = h->tries = 0;
	switch (h->request.type) {
	case T_IN:
		transfer(h, c->write_len - 1);
		break;
	case T_OUT:
		transfer(h, c->read_len - (u32)sizeof(h->request));
		break;
	case T_FLUSH:
		if (h->writable && !h->cow)
			ask(h);
		else
			complete(h, S_OK);
		break;
	case T_GET_ID:
		complete(h, virtio_put(c, 0, h->b.id, MIN(c->write_len - 1, ID_BYTES)) < 0 ? S_IOERR
											   : S_OK);
		break;
	default:
		complete(h, S_UNSUPP);
	}
}

/* --- the queue ----------------------------------------------------------------------------- */

/* Whether the request in hand is over. */
static bool step(struct hostblk *h)
{
	if (h->state == RETRY)
		ask(h);
	while (h->state == WAITING && look(h))
		;
	return h->state == FREE;
}

static void serve(void *state)
{
	struct hostblk *h = state;
	struct virtio *v = &h->b.v;
	s64 budget = BUDGET;

	if (!step(h)) {
		wait(h, h->state, h->state == RETRY ? RETRY_NS : LOOK_NS);
		return;
	}
	do {
		while (budget > 0 && h->state == FREE && virtio_next(v, 0, &h->chain)) {
			budget -= (s64)h->chain.read_len + h->chain.write_len + BUDGET_EACH;
			begin(h);
			(void)step(h);
		}
	} while (budget > 0 && h->state == FREE && !virtio_wait(v, 0));
	virtio_show(v, 0);
	if (budget <= 0 && h->state == FREE)
		l1_timer_arm(l1_now_ns());
}

static void notify(void *state, u32 queue)
{
	struct hostblk *h = state;

	(void)queue;
	if (h->state == FREE)
		serve(state);
}

static void reset(void *state)
{
	((struct hostblk *)state)->state = FREE;
	(void)l2_call(PEER_DISK, BUS_DISK_DROP, 0, 0);
}

static void hostblk_setup(struct hostblk *h, const struct driver_setup *setup)
{
	h->b.config = blk_config_of(setup, KIB(16));
	h->writable = setup->disk_writable;
	h->nchunks = (u32)MIN(setup->cow_bytes / CHUNK, CHUNKS);
	h->cow = h->nchunks;
	h->b.v.offered |= h->writable ? BLK_F_FLUSH : BLK_F_RO;
	memcpy(h->b.id, setup->label, sizeof(h->b.id));
}

static const struct virtio_class hostblk_class = {
	.id = 2,
	.queues = 1,
	.pci_class = 0x018000, /* PCI Code and ID Assignment: mass storage, other */
	.features = BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_BLK_SIZE,
	.config_at = offsetof(struct hostblk, b.config),
	.config_len = sizeof(struct blk_config),
	.notify = notify,
	.reset = reset,
};

VIRTIO_DEVICE(hostblk, hostblk_class, struct hostblk, GRANT_PEER(PEER_DISK), serve, NULL);
