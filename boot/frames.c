/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of frames, as memory is found: all set aside once, at the start of the pool. */
#include "arch/x86/paging.h"
#include "boot/layout.h"
#include "config.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/lib/string.h"

void frame_set_image(hpa_t image)
{
	frames.image = image.v;
}

int frame_init(hpa_t pool, u64 nblocks)
{
	u64 records = ALIGN_UP(nblocks * sizeof(struct block), PAGE_SIZE);

	frames.nblocks = nblocks;
	frames.pool = pool.v;
	frames.npages = CONFIG_POOL_BYTES / PAGE_SIZE;
	early_map_pool(pool, CONFIG_POOL_BYTES);
	frames.blocks = (struct block *)(DIRECT_BASE + frames.pool);
	frames.page_type = (u8 *)frames.blocks + records;
	records += ALIGN_UP(frames.npages, PAGE_SIZE);
	if (records > CONFIG_POOL_BYTES / 2)
		return -ENOMEM;
	memset(frames.blocks, 0, records);
	frames.used = frames.hint = records / PAGE_SIZE;
	memset(frames.page_type, FRAME_DATA, frames.used);
	return 0;
}

void frame_add_block(u64 index, u16 owner, enum frame_type type)
{
	CHECK(index < frames.nblocks && !frames.blocks[index].owner);
	frames.blocks[index] = (struct block){ owner, type };
	frames.total_blocks++;
	frames.free_blocks += owner == OWNER_FREE;
}
