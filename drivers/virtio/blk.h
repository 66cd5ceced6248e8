/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both block devices share (VIRTIO 1.2, "Block Device"): the one over memory, blk.c, and the
 * one over a physical disk, hostblk.c.
 */
#pragma once

#include "drivers/virtio/virtio.h"

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

/* Both states begin with it. */
struct blk {
	struct virtio v;
	struct blk_config config;
	u8 id[ID_BYTES];
	u64 requests, errors;
};

static inline struct blk_config blk_config_of(const struct driver_setup *setup, u32 size_max)
{
	return (struct blk_config){
		.capacity = setup->disk_bytes / SECTOR,
		.size_max = size_max,
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
}
