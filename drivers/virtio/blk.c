/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device (VIRTIO 1.2, "Block Device"): reads, writes, flush, discard, write zeroes and
 * the serial number, one request after the other. Data goes between the guest's RAM and its disk
 * without passing through here (l2_disk()).
 */
#include "drivers/virtio/virtio.h"

#include "core/lib/string.h"

#define SECTOR	 512
#define ID_BYTES 20
#define MOST	 MIB(1) /* bytes that one request may move: what is announced, and a little more */

#define BLK_F_SIZE_MAX	   BIT(1)
#define BLK_F_SEG_MAX	   BIT(2)
#define BLK_F_RO	   BIT(5)
#define BLK_F_BLK_SIZE	   BIT(6)
#define BLK_F_FLUSH	   BIT(9)
#define BLK_F_DISCARD	   BIT(13)
#define BLK_F_WRITE_ZEROES BIT(14)
#define BLK_F_WRITABLE	   (BLK_F_FLUSH | BLK_F_DISCARD | BLK_F_WRITE_ZEROES)

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK, S_IOERR, S_UNSUPP };

#define RANGE_UNMAP BIT(0) /* of write zeroes: the sectors may be given back */

struct blk_config {
	u64 capacity; /* sectors */
	u32 size_max, seg_max;
	u16 cylinders;
	u8 heads, sectors;
	u32 blk_size;
	u8 physical_exponent, alignment_offset;
	u16 min_io_size;
	u32 opt_io_size;
	u8 writeback, unused;
	u16 queues;
	u32 max_discard_sectors, max_discard_seg, discard_alignment;
	u32 max_zeroes_sectors, max_zeroes_seg;
	u8 zeroes_may_unmap, unused2[3];
} __packed;
ASSERT_SIZE(struct blk_config, 60);

struct blk_request {
	u32 type, reserved;
	u64 sector;
};
ASSERT_SIZE(struct blk_request, 16);

struct blk_range {
	u64 sector;
	u32 count, flags;
};
ASSERT_SIZE(struct blk_range, 16);

struct blk {
	struct virtio v;
	struct blk_config config;
	u8 id[ID_BYTES];
	u64 requests, errors;
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

/* Whether [sector, sector + bytes / SECTOR) is a part of the disk. */
static bool inside(const struct blk *b, u64 sector, u64 bytes)
{
	return !(bytes % SECTOR) && bytes <= MOST && sector <= b->config.capacity &&
	       bytes / SECTOR <= b->config.capacity - sector;
}

static u8 transfer(const struct blk *b, const struct virtio_chain *c, u64 sector, bool read)
{
	u32 len = read ? c->write_len - 1 : c->read_len - (u32)sizeof(struct blk_request);
	struct transfer t = { read ? DISK_READ : DISK_WRITE, sector * SECTOR };

	if (!inside(b, sector, len) ||
		virtio_each(c, read, read ? 0 : sizeof(struct blk_request), len, move, &t) < 0)
		return S_IOERR;
	return S_OK;
}

/* Discard and write zeroes, of one range each: both leave zeros. */
static u8 clear(const struct blk *b, const struct virtio_chain *c, u32 type)
{
	struct blk_range r;

	if (c->read_len != sizeof(struct blk_request) + sizeof(r) ||
		virtio_get(c, sizeof(struct blk_request), &r, sizeof(r)) < 0)
		return S_IOERR;
	if (r.flags & (type == T_DISCARD ? UINT32_MAX : ~RANGE_UNMAP))
		return S_UNSUPP;
	if (!inside(b, r.sector, (u64)r.count * SECTOR) ||
		l2_disk(DISK_ZERO, r.sector * SECTOR, 0, r.count * SECTOR) < 0)
		return S_IOERR;
	return S_OK;
}

static u8 carry_out(struct blk *b, const struct virtio_chain *c, const struct blk_request *r)
{
	switch (r->type) {
	case T_IN:
	case T_OUT:
		return transfer(b, c, r->sector, r->type == T_IN);
	case T_FLUSH:
		return S_OK; /* memory: what is written is written */
	case T_GET_ID:
		return virtio_put(c, 0, b->id, MIN(c->write_len - 1, ID_BYTES)) < 0 ? S_IOERR
										    : S_OK;
	case T_DISCARD:
	case T_WRITE_ZEROES:
		return clear(b, c, r->type);
	default:
		return S_UNSUPP;
	}
}

/* The header comes first, the status last; a request without them cannot even fail. */
static u32 request(void *state, const struct virtio_chain *c)
{
	struct blk *b = state;
	struct blk_request r;
	u8 status;

	if (!c->write_len || virtio_get(c, 0, &r, sizeof(r)) < 0) {
		virtio_break(&b->v);
		return 0;
	}
	status = carry_out(b, c, &r);
	b->requests++;
	b->errors += status != S_OK;
	if (virtio_put(c, c->write_len - 1, &status, 1) < 0)
		virtio_break(&b->v);
	return c->write_len;
}

static void serve(void *state)
{
	virtio_serve(state, 0, request);
}

static void notify(void *state, u32 queue)
{
	(void)queue;
	serve(state);
}

static void blk_setup(struct blk *b, const struct driver_setup *setup)
{
	b->config = (struct blk_config){
		.capacity = setup->disk_bytes / SECTOR,
		.size_max = KIB(16),
		.seg_max = VIRTIO_QUEUE_SIZE - 2,
		.blk_size = SECTOR,
		.queues = 1,
		.max_discard_sectors = MOST / SECTOR,
		.max_discard_seg = 1,
		.discard_alignment = 1,
		.max_zeroes_sectors = MOST / SECTOR,
		.max_zeroes_seg = 1,
		.zeroes_may_unmap = 1,
	};
	b->v.offered |= setup->disk_writable ? BLK_F_WRITABLE : BLK_F_RO;
	memcpy(b->id, setup->label, sizeof(b->id));
}

static const struct virtio_class blk_class = {
	.id = 2,
	.queues = 1,
	.pci_class = 0x018000, /* PCI Code and ID Assignment: mass storage, other */
	.features = BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_BLK_SIZE,
	.config_at = offsetof(struct blk, config),
	.config_len = sizeof(struct blk_config),
	.notify = notify,
};

VIRTIO_DEVICE(blk, blk_class, struct blk, serve);
