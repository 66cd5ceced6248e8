/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of a virtio network device. */
#include "tests/host/vnet_card.h"

#include "tests/host/fake_instance.h"

#include <string.h>

enum { ACKNOWLEDGE = 1, DRIVER = 2, DRIVER_OK = 4, FEATURES_OK = 8 };
enum { COMMON = 1, NOTIFY, ISR, DEVICE };

#define RANGE	  4
#define COMMON_AT 0x0000
#define DEVICE_AT 0x2000
#define NOTIFY_AT 0x3000
#define EACH	  4	   /* bytes between the queues' notification registers */
#define MEMORY	  0x100000 /* where the fake gate puts it */
#define HEADER	  12
#define WRITABLE  2

struct vnet_card vnic;

struct entry {
	u64 address;
	u32 len;
	u16 flags, next;
};

/* --- memory -------------------------------------------------------------------------------- */

/* What the device sees at an address; NULL, a fault of the driver's: nothing. */
static u8 *memory(u64 at, u64 len)
{
	const struct instance *i = by_name("vnet");
	u64 all = i->driver->device->memory_bytes;

	if (pc.master && at >= MEMORY && at - MEMORY <= all && len <= all - (at - MEMORY))
		return (u8 *)i->memory + (at - MEMORY);
	vnic.faults++;
	return NULL;
}

static u16 half(u64 at)
{
	const u8 *p = memory(at, 2);
	u16 value = 0;

	if (p)
		memcpy(&value, p, 2);
	return value;
}

static bool runs(u32 queue)
{
	return !vnic.gone && (vnic.status & DRIVER_OK) && vnic.queue[queue].enabled && pc.master;
}

static u16 waiting(u32 queue)
{
	const struct vnet_queue *q = &vnic.queue[queue];

	return runs(queue) ? (u16)(q->known - q->seen) : 0;
}

/* The n-th buffer that is waiting; false: there is none that could be used. */
static bool buffer(u32 queue, u16 n, u32 *i, struct entry *out)
{
	const struct vnet_queue *q = &vnic.queue[queue];
	const u8 *p;

	*i = half(q->avail + 4 + (u16)(q->seen + n) % q->size * 2);
	p = *i < q->size ? memory(q->desc + *i * sizeof(*out), sizeof(*out)) : NULL;
	if (p)
		memcpy(out, p, sizeof(*out));
	vnic.faults += !p || out->flags != (queue ? 0 : WRITABLE);
	return p;
}

u16 vnet_card_flags(u32 queue)
{
	return half(vnic.queue[queue].avail);
}

void vnet_card_say(u32 queue, u32 buffer, u32 len, u16 by)
{
	const struct vnet_queue *q = &vnic.queue[queue];
	const u32 words[] = { buffer, len };
	u16 index;
	u8 *p;

	if (!runs(queue))
		return;
	index = half(q->used + 2);
	p = memory(q->used + 4 + index % q->size * 8, 8);
	if (p)
		memcpy(p, words, sizeof(words));
	index = (u16)(index + by);
	p = memory(q->used + 2, 2);
	if (p)
		memcpy(p, &index, sizeof(index));
}

/* --- the wire ------------------------------------------------------------------------------ */

u32 vnet_card_room(void)
{
	return waiting(0);
}

bool vnet_card_receive(const void *frame, u32 len)
{
	static const u8 header[HEADER] = { [10] = 1 };
	struct entry e;
	u32 i;
	u8 *to;

	if (!waiting(0) || !buffer(0, 0, &i, &e))
		return false;
	to = memory(e.address, e.len);
	if (!to || e.len < HEADER + len)
		return false;
	memcpy(to, header, HEADER);
	memcpy(to + HEADER, frame, len);
	vnic.queue[0].seen++;
	vnet_card_say(0, i, HEADER + len, 1);
	return true;
}

static void send_one(u16 n)
{
	struct entry e;
	const u8 *from;
	u32 i;

	if (!buffer(1, n, &i, &e))
		return;
	from = memory(e.address, e.len);
	vnic.last_len = e.len - HEADER;
	if (!from || e.len < HEADER + 60 || e.len > HEADER + 1514) {
		vnic.faults++;
		return;
	}
	for (u32 k = 0; k < HEADER; k++)
		vnic.faults += from[k] != 0;
	memcpy(vnic.last, from + HEADER, vnic.last_len);
	vnic.sent++;
	vnet_card_say(1, i, 0, 1);
}

void vnet_card_send(bool backwards)
{
	u16 all = waiting(1);

	for (u16 n = 0; n < all; n++)
		send_one(backwards ? (u16)(all - 1 - n) : n);
	vnic.queue[1].seen = (u16)(vnic.queue[1].seen + all);
}

/* --- registers ----------------------------------------------------------------------------- */

static void reset(void)
{
	memset(vnic.queue, 0, sizeof(vnic.queue));
	for (u32 i = 0; i < 3; i++)
		vnic.queue[i].vector = 0xffff;
	vnic.accepted = 0;
	vnic.resets++;
	vnic.status = vnic.stuck ? DRIVER : 0;
}

static void set_status(u8 value)
{
	if (!value) {
		reset();
		return;
	}
	if (value & FEATURES_OK) {
		vnic.faults += (vnic.accepted & ~vnic.offered) != 0;
		if (vnic.refuse || !(vnic.accepted & BIT(32)))
			value &= ~FEATURES_OK;
	}
	vnic.faults += (value & DRIVER_OK) && !(vnic.status & FEATURES_OK);
	vnic.status = value;
}

static u64 read_common(u32 at)
{
	const struct vnet_queue *q = &vnic.queue[vnic.select % 3];

	switch (at) {
	case 4:
		return vnic.offered >> (vnic.offered_select ? 32 : 0) & UINT32_MAX;
	case 20:
		return vnic.status;
	case 26:
		return q->vector;
	case 24:
		return vnic.select < 3 ? (q->size ? q->size : vnic.max) : 0;
	case 30:
		return vnic.select;
	default:
		vnic.faults++;
		return 0;
	}
}

static void write_queue(struct vnet_queue *q, u32 at, u32 value)
{
	u64 *const parts[] = { &q->desc, &q->avail, &q->used };

	vnic.faults += q->enabled || vnic.select >= 3;
	if (at == 24)
		q->size = (u16)value;
	else if (at == 26 && pc_messages)
		q->vector = (u16)value;
	else if (at == 28)
		q->enabled = value;
	else if (at >= 32 && at < 56)
		*parts[(at - 32) / 8] |= (u64)value << at % 8 * 8;
	else
		vnic.faults++;
	vnic.faults += q->enabled && (!q->size || (q->size & (q->size - 1)) || q->desc % 16 ||
					     q->avail % 2 || q->used % 4);
}

static void write_common(u32 at, u32 value)
{
	if (at == 0)
		vnic.offered_select = value;
	else if (at == 8)
		vnic.accepted_select = value;
	else if (at == 12)
		vnic.accepted |= (u64)value << (vnic.accepted_select ? 32 : 0);
	else if (at == 16)
		vnic.faults += value != 0xffff || !pc_messages;
	else if (at == 20)
		set_status((u8)value);
	else if (at == 22)
		vnic.select = (u16)value;
	else
		write_queue(&vnic.queue[vnic.select % 3], at, value);
}

static u32 width_of(u32 at)
{
	return at < 16 || at >= 32 ? 4 : at == 20 ? 1 : 2;
}

static u64 card_read(u32 reg, u32 width)
{
	u32 at = reg & 0xfffffff;

	if (vnic.gone)
		return ~0ull;
	vnic.faults += reg >> 28 != RANGE;
	if (at < 56) {
		vnic.faults += width != width_of(at);
		return read_common(at);
	}
	if (at >= DEVICE_AT && at < DEVICE_AT + 6 && width == 1)
		return vnic.mac >> (40 - (at - DEVICE_AT) * 8) & 0xff;
	if (at == DEVICE_AT + 6 && width == 2)
		return vnic.link;
	vnic.faults++;
	return 0;
}

static void card_write(u32 reg, u32 width, u64 value)
{
	u32 at = reg & 0xfffffff;

	if (vnic.gone)
		return;
	vnic.faults += reg >> 28 != RANGE;
	if (at < 56) {
		vnic.faults += width != width_of(at);
		write_common(at, (u32)value);
		return;
	}
	vnic.faults += at != NOTIFY_AT + EACH * value || width != 2 || value > 1;
	if (value <= 1 && runs((u32)value))
		vnic.queue[value].known = half(vnic.queue[value].avail + 2);
	if (value == 1 && !vnic.slow)
		vnet_card_send(false);
}

/* --- configuration space ------------------------------------------------------------------- */

static void capability(u32 at, u32 next, u32 kind, u32 offset, u32 more)
{
	pc.config[at / 4] = 0x09 | next << 8 | 20u << 16 | kind << 24;
	pc.config[at / 4 + 1] = RANGE;
	pc.config[at / 4 + 2] = offset;
	pc.config[at / 4 + 4] = more;
}

void vnet_card_start(void)
{
	vnic = (struct vnet_card){ .offered = VNET_OFFER, .max = 256, .mac = VNET_MAC, .link = 1 };
	pc.config[0] = 0x10411af4;
	pc.config[0x34 / 4] = 0xa4;
	capability(0xa4, 0x40, COMMON, 0x5000, 0); /* in a range that there is not */
	pc.config[0xa8 / 4] = RANGE + DEVICE_RANGES;
	capability(0x40, 0x54, NOTIFY, NOTIFY_AT, EACH);
	capability(0x54, 0x68, COMMON, COMMON_AT, 0);
	capability(0x68, 0x7c, COMMON, 0x5000, 0); /* a second choice, which is not taken */
	capability(0x7c, 0x90, ISR, 0x1000, 0);
	capability(0x90, 0, DEVICE, DEVICE_AT, 0);
	pc.reg_read = card_read;
	pc.reg_write = card_write;
	pc_device("vnet");
}
