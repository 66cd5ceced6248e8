/* SPDX-License-Identifier: BSD-2-Clause */
/* See virtio.h; the registers are those of VIRTIO 1.2, "Common configuration structure layout". */
#include "tests/guests/kit/virtio.h"

enum { STATUS = 20, QUEUE_SELECT = 22, QUEUE_ENABLE = 28, DESC = 32, AVAIL = 40, USED = 48 };
enum { ACCEPTED_SELECT = 8, ACCEPTED = 12 };
enum { SEEN = 3, AGREED = 11, WORKING = 15 }; /* of STATUS */

volatile u8 *virtio_at(u32 slot, u32 offset)
{
	return (volatile u8 *)(u64)(MACHINE_BAR(slot) + offset);
}

static void set8(u32 slot, u32 offset, u8 value)
{
	*virtio_at(slot, offset) = value;
}

static void set16(u32 slot, u32 offset, u16 value)
{
	*(volatile u16 *)virtio_at(slot, offset) = value;
}

static void set32(u32 slot, u32 offset, u32 value)
{
	*(volatile u32 *)virtio_at(slot, offset) = value;
}

static void set64(u32 slot, u32 offset, u64 value)
{
	set32(slot, offset, (u32)value);
	set32(slot, offset + 4, value >> 32);
}

/* Memory and bus mastering on, version 1 accepted. */
void virtio_begin(u32 slot)
{
	out32(0xcf8, 0x80000004 | slot << 11);
	out32(0xcfc, 6);
	set8(slot, STATUS, 0);
	set8(slot, STATUS, SEEN);
	set32(slot, ACCEPTED_SELECT, 1);
	set32(slot, ACCEPTED, 1);
	set8(slot, STATUS, AGREED);
}

void virtio_queue(u32 slot, u16 number, const struct queue *q)
{
	set16(slot, QUEUE_SELECT, number);
	set64(slot, DESC, (u64)q->desc);
	set64(slot, AVAIL, (u64)&q->avail_flags);
	set64(slot, USED, (u64)&q->used_flags);
	set16(slot, QUEUE_ENABLE, 1);
}

void virtio_ready(u32 slot)
{
	set8(slot, STATUS, WORKING);
}

void virtio_notify(u32 slot, u16 number)
{
	set16(slot, VIRTIO_NOTIFY + 4 * number, number);
}

void virtio_describe(struct queue *q, u32 i, const volatile void *at, u32 len, u16 flags)
{
	q->desc[i] = (struct desc){ (u64)at, len, flags, (u16)(i + 1) };
}

void virtio_offer(struct queue *q, u16 head)
{
	q->avail[q->avail_index % VIRTIO_ENTRIES] = head;
	asm volatile("" ::: "memory");
	q->avail_index++;
	asm volatile("" ::: "memory");
}
