/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own virtio block devices, where a hypervisor is beneath (VIRTIO 1.2, "Block
 * Device", "Virtio Over PCI Bus", "Split Virtqueues"): the driver's side of what drivers/virtio
 * serves to guests. One request at a time, of three descriptors: header, window, status. The device
 * is polled, without interrupts. What it says is input: nothing of the rings is believed but that
 * a request is over, and how it says it went.
 */
#include "drivers/host/disk.h"

#include "core/lib/string.h"

/* Capabilities in configuration space, of a vendor's kind, and what they point to. */
#define LIST_AT	   0x34
#define CAP_VENDOR 0x09
#define CAPS_MAX   16
#define CONFIG_LEN 256
enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_KINDS };
#define CFG_NEEDED (BIT(CFG_COMMON) | BIT(CFG_NOTIFY) | BIT(CFG_DEVICE))

/* Offsets of the common registers. */
#define C_OFFERED_SELECT  0
#define C_OFFERED	  4
#define C_ACCEPTED_SELECT 8
#define C_ACCEPTED	  12
#define C_STATUS	  20
#define C_QUEUE_SELECT	  22
#define C_QUEUE_SIZE	  24
#define C_QUEUE_ENABLE	  28
#define C_QUEUE_NOTIFY	  30
#define C_DESC		  32
#define C_AVAIL		  40
#define C_USED		  48

#define STATUS_ACKNOWLEDGE 1
#define STATUS_DRIVER	   2
#define STATUS_DRIVER_OK   4
#define STATUS_FEATURES_OK 8
#define STATUS_BAD	   (64 | 128)
#define RESET_LOOKS	   1000

#define F_FLUSH	    BIT(9)
#define F_VERSION_1 BIT(32)
#define F_PLATFORM                                                                                 \
	BIT(33) /* addresses are what an IOMMU makes of them: as long as there is none             \
		 */

#define QUEUE_SIZE   4
#define DESC_NEXT    1
#define DESC_WRITE   2
#define NO_INTERRUPT 1

enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4 };

struct desc {
	u64 address;
	u32 len;
	u16 flags, next;
};

/* What the device reads and writes of ours beside the windows. */
struct rings {
	struct desc desc[QUEUE_SIZE];
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
	u32 config[CONFIG_LEN / 4];
	u32 found;	    /* a bit for each kind of registers */
	u32 reg[CFG_KINDS]; /* DEVICE_REG() of their first */
	u32 notify_each, notify;
	bool ready, flushes;
	u16 sent; /* requests: what the used index is to become */
};

static struct rings *rings(const struct vblk *v)
{
	return (struct rings *)(v->disk.memory + DISK_CLASS_AT);
}

static u64 get(const struct vblk *v, u32 at, u32 width)
{
	return l1_reg_read(v->reg[CFG_COMMON] + at, width);
}

static void set(const struct vblk *v, u32 at, u32 width, u64 value)
{
	l1_reg_write(v->reg[CFG_COMMON] + at, width, value);
}

static void set_address(const struct vblk *v, u32 at, u64 offset)
{
	u64 address = v->disk.memory_at + DISK_CLASS_AT + offset;

	set(v, at, 4, address & UINT32_MAX);
	set(v, at + 4, 4, address >> 32);
}

static u32 byte(const struct vblk *v, u32 at)
{
	return at < CONFIG_LEN ? v->config[at / 4] >> at % 4 * 8 & 0xff : 0;
}

static u32 word(const struct vblk *v, u32 at)
{
	return byte(v, at) | byte(v, at + 1) << 8 | byte(v, at + 2) << 16 | byte(v, at + 3) << 24;
}

/* Where the registers are; the nucleus holds every access against the ranges. */
static void find_registers(struct vblk *v)
{
	u32 at = byte(v, LIST_AT) & ~3u;

	for (u32 n = 0; at && n < CAPS_MAX; n++, at = byte(v, at + 1) & ~3u) {
		u32 kind = byte(v, at + 3), range = byte(v, at + 4), offset = word(v, at + 8);

		if (byte(v, at) != CAP_VENDOR || !kind || kind >= CFG_KINDS ||
			(v->found & BIT(kind)) || range >= DEVICE_RANGES || offset >= BIT(28))
			continue;
		v->found |= BIT(kind);
		v->reg[kind] = DEVICE_REG(range, offset);
		if (kind == CFG_NOTIFY)
			v->notify_each = word(v, at + 16);
	}
}

static bool agree(struct vblk *v)
{
	u64 offered, wanted = F_VERSION_1 | F_FLUSH | F_PLATFORM;

	set(v, C_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
	set(v, C_OFFERED_SELECT, 4, 0);
	offered = get(v, C_OFFERED, 4);
	set(v, C_OFFERED_SELECT, 4, 1);
	offered |= get(v, C_OFFERED, 4) << 32;
	wanted &= offered;
	v->flushes = wanted & F_FLUSH;
	set(v, C_ACCEPTED_SELECT, 4, 0);
	set(v, C_ACCEPTED, 4, wanted & UINT32_MAX);
	set(v, C_ACCEPTED_SELECT, 4, 1);
	set(v, C_ACCEPTED, 4, wanted >> 32);
	set(v, C_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
	return (wanted & F_VERSION_1) && (get(v, C_STATUS, 1) & STATUS_FEATURES_OK);
}

static bool set_queue(struct vblk *v)
{
	memset(rings(v), 0, sizeof(struct rings));
	rings(v)->avail_flags = NO_INTERRUPT;
	v->sent = 0;
	set(v, C_QUEUE_SELECT, 2, 0);
	if (get(v, C_QUEUE_SIZE, 2) < QUEUE_SIZE)
		return false;
	set(v, C_QUEUE_SIZE, 2, QUEUE_SIZE);
	set_address(v, C_DESC, 0);
	set_address(v, C_AVAIL, offsetof(struct rings, avail_flags));
	set_address(v, C_USED, offsetof(struct rings, used_flags));
	v->notify = v->reg[CFG_NOTIFY] + (u32)get(v, C_QUEUE_NOTIFY, 2) * v->notify_each;
	set(v, C_QUEUE_ENABLE, 2, 1);
	return true;
}

static void vblk_reset(void *state)
{
	struct vblk *v = state;
	u32 looks = 0;

	v->ready = false;
	if ((v->found & CFG_NEEDED) != CFG_NEEDED)
		return;
	set(v, C_STATUS, 1, 0);
	while (get(v, C_STATUS, 1) && looks < RESET_LOOKS)
		looks++;
	if (looks == RESET_LOOKS || !agree(v) || !set_queue(v))
		return;
	l1_bus_master(true);
	set(v, C_STATUS, 1,
		STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
	v->ready = true;
}

/* Not before what the device is to see is there. */
static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void send(struct vblk *v, const struct disk_request *r, u32 type)
{
	struct rings *q = rings(v);
	u64 at = v->disk.memory_at + DISK_CLASS_AT;
	u16 n = 0;

	q->header.type = type;
	q->header.sector = r->sector;
	q->status = 0xff;
	q->desc[n++] = (struct desc){ at + offsetof(struct rings, header), sizeof(q->header),
		DESC_NEXT, 1 };
	if (type != T_FLUSH)
		q->desc[n++] = (struct desc){ v->disk.memory_at + r->at, r->count * DISK_SECTOR,
			DESC_NEXT | (type == T_IN ? DESC_WRITE : 0), 2 };
	q->desc[n] = (struct desc){ at + offsetof(struct rings, status), 1, DESC_WRITE, 0 };
	q->avail[v->sent % QUEUE_SIZE] = 0;
	barrier();
	q->avail_index = ++v->sent;
	barrier();
	l1_reg_write(v->notify, 2, 0);
}

static void vblk_begin(void *state)
{
	struct vblk *v = state;
	const struct disk_request *r = v->disk.now;

	if (!v->ready)
		return;
	if (r->action == DISK_IDENTIFY)
		v->disk.unit[0].sectors = l1_reg_read(v->reg[CFG_DEVICE], 4) |
					  l1_reg_read(v->reg[CFG_DEVICE] + 4, 4) << 32;
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
	if (get(v, C_STATUS, 1) & STATUS_BAD) {
		vblk_reset(state);
		return DISK_ERROR;
	}
	if (rings(v)->used_index != v->sent)
		return DISK_PENDING;
	barrier();
	return rings(v)->status ? DISK_ERROR : DISK_DONE;
}

static void vblk_prepare(void *state, const struct driver_setup *setup)
{
	struct vblk *v = state;

	memcpy(v->config, setup->device.config, sizeof(v->config));
	find_registers(v);
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
	.match = { { .vendor = 0x1af4, .device = 0x1042 }, { .vendor = 0x1af4, .device = 0x1001 } },
	.memory_bytes = DISK_CLASS_AT + PAGE_SIZE,
	.units = 1,
};

DISK_DRIVER(vblk, vblk_class, struct vblk, vblk_device, GRANT_DMA);
