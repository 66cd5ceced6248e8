/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The block device (VIRTIO 1.2, "Block Device"): reads, writes, flush, discard, write zeroes and
 * the serial number, one request after the other. Data goes between the guest's RAM and its disk
 * without passing through here (l2_disk()).
 */
#include "drivers/virtio/blk.h"

#include "core/lib/string.h"

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
	b->config = blk_config_of(setup, KIB(16));
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

VIRTIO_DEVICE(blk, blk_class, struct blk, 0, serve, NULL);
