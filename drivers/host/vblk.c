/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own virtio block devices, where a hypervisor is beneath (VIRTIO 1.2, "Block
 * Device"). One request at a time, of three descriptors: header, window, status. What the device
 * says is input: nothing of the rings is believed but that a request is over, and how it says it
 * went.
 */
#include "drivers/host/disk.h"
#include "drivers/host/vpci.h"

#include "core/lib/string.h"

#define F_FLUSH BIT(9)

#define QUEUE_SIZE 4

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4 };

/* What the device reads and writes of ours beside the windows. */
struct rings {
	struct vpci_desc desc[QUEUE_SIZE];
	u16 avail_flags, avail_index, avail[QUEUE_SIZE], unused[2];
	volatile u16 used_flags, used_index;
	struct {
		u32 id, len;
	} used[QUEUE_SIZE];
	struct {
		u32 type, reserved;
		u64 sector;
	} header;
	volatile u8 status;
};
ASSERT_OFFSET(struct rings, avail_flags, 64);
ASSERT_OFFSET(struct rings, used_flags, 80);
ASSERT_OFFSET(struct rings, header, 120);

struct vblk {
	struct disk disk;
	struct vpci vpci;
	u32 notify;
	bool ready, flushes;
	u16 sent; /* requests: what the used index is to become */
};

static struct rings *rings(const struct vblk *v)
{
	return (struct rings *)(v->disk.memory + DISK_CLASS_AT);
}

static bool set_queue(struct vblk *v)
{
	u64 at = v->disk.memory_at + DISK_CLASS_AT;
	const struct vpci_parts parts = { at, at + offsetof(struct rings, avail_flags),
		at + offsetof(struct rings, used_flags) };

	memset(rings(v), 0, sizeof(struct rings));
	v->sent = 0;
	if (!vpci_set_queue(&v->vpci, 0, QUEUE_SIZE, &parts, &v->notify))
		return false;
	v->disk.called = v->vpci.messages;
	rings(v)->avail_flags = v->vpci.messages ? 0 : NO_INTERRUPT;
	return true;
}

static void vblk_reset(void *state)
{
	struct vblk *v = state;
	u64 features = vpci_reset(&v->vpci) ? vpci_agree(&v->vpci, F_FLUSH) : 0;

	v->flushes = features & F_FLUSH;
	v->ready = features && set_queue(v);
	if (!v->ready)
		return;
	l1_bus_master(true);
	vpci_go(&v->vpci);
}

static void send(struct vblk *v, const struct disk_request *r, u32 type)
{
	struct rings *q = rings(v);
	u64 at = v->disk.memory_at + DISK_CLASS_AT;
	u16 n = 0;

	q->header.type = type;
	q->header.sector = r->sector;
	q->status = 0xff;
	q->desc[n++] = (struct vpci_desc){ at + offsetof(struct rings, header), sizeof(q->header),
		DESC_NEXT, 1 };
	if (type != T_FLUSH)
		q->desc[n++] = (struct vpci_desc){ v->disk.memory_at + r->at,
			r->count * DISK_SECTOR, DESC_NEXT | (type == T_IN ? DESC_WRITE : 0), 2 };
	q->desc[n] = (struct vpci_desc){ at + offsetof(struct rings, status), 1, DESC_WRITE, 0 };
	q->avail[v->sent % QUEUE_SIZE] = 0;
	vpci_barrier();
	q->avail_index = ++v->sent;
	vpci_barrier();
	l1_reg_write(v->notify, 2, 0);
}

static void vblk_begin(void *state)
{
	struct vblk *v = state;
	const struct disk_request *r = v->disk.now;

	if (!v->ready)
		return;
	if (r->action == DISK_IDENTIFY)
		v->disk.unit[0].sectors = vpci_read(&v->vpci, 0, 4) | vpci_read(&v->vpci, 4, 4)
									      << 32;
	else if (r->action != DISK_FLUSH || v->flushes)
		send(v, r, r->action == DISK_IN ? T_IN : r->action == DISK_OUT ? T_OUT : T_FLUSH);
}

static enum disk_result vblk_poll(void *state)
{
	struct vblk *v = state;
	const struct disk_request *r = v->disk.now;

	if (!v->ready)
		return DISK_ERROR;
	if (r->action == DISK_IDENTIFY || (r->action == DISK_FLUSH && !v->flushes))
		return DISK_DONE;
	if (!vpci_is_well(&v->vpci)) {
		vblk_reset(state);
		return DISK_ERROR;
	}
	if (rings(v)->used_index != v->sent)
		return DISK_PENDING;
	vpci_barrier();
	return rings(v)->status ? DISK_ERROR : DISK_DONE;
}

static void vblk_prepare(void *state, const struct driver_setup *setup)
{
	struct vblk *v = state;

	vpci_find(&v->vpci, &setup->device);
}

static const struct disk_class vblk_class = {
	.units = 1,
	.poll_ns = 200000,
	.prepare = vblk_prepare,
	.reset = vblk_reset,
	.begin = vblk_begin,
	.poll = vblk_poll,
};

static const struct driver_device vblk_device = {
	.match = { { .vendor = VPCI_VENDOR, .device = 0x1042 },
		{ .vendor = VPCI_VENDOR, .device = 0x1001 } },
	.memory_bytes = DISK_CLASS_AT + PAGE_SIZE,
	.units = 1,
};

DISK_DRIVER(vblk, vblk_class, struct vblk, vblk_device, GRANT_DMA);
