/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a driver of virtio devices on PCI needs (VIRTIO 1.2, "Virtio Over PCI Bus"): the
 * function in a slot made ready, version 1 accepted and nothing else, queues of its own that are
 * polled.
 */
#pragma once

#include "drivers/api/machine.h"
#include "tests/guests/kit/kit.h"

#define VIRTIO_ENTRIES 64

enum { VIRTIO_NOTIFY = 0x2000, VIRTIO_DEVICE = 0x1100 }; /* offsets in the function's range */
enum { DESC_NEXT = 1, DESC_WRITE = 2 };

struct desc {
	u64 address;
	u32 len;
	u16 flags, next;
};

struct queue {
	struct desc desc[VIRTIO_ENTRIES];
	u16 avail_flags, avail_index, avail[VIRTIO_ENTRIES], unused[30];
	volatile u16 used_flags, used_index;
	volatile struct {
		u32 head, len;
	} used[VIRTIO_ENTRIES];
} __aligned(4096);

volatile u8 *virtio_at(u32 slot, u32 offset);
/* The function is reset, and goes by what is set up until virtio_ready(). */
void virtio_begin(u32 slot);
void virtio_queue(u32 slot, u16 number, const struct queue *q);
void virtio_ready(u32 slot);
void virtio_notify(u32 slot, u16 number);
/* Descriptor i; the next one, where flags say so, is i + 1. */
void virtio_describe(struct queue *q, u32 i, const volatile void *at, u32 len, u16 flags);
/* Makes the chain from descriptor `head` on available. */
void virtio_offer(struct queue *q, u16 head);
