/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues (VIRTIO 1.2, "Split Virtqueues"): descriptors, the available ring, which the
 * guest writes, and the used ring, which the device writes. All of it lies in the guest's RAM and
 * may change at any time, so that each word is read once and judged by the copy.
 */
#include "drivers/virtio/virtio.h"

#define DESC_NEXT     BIT(0)
#define DESC_WRITE    BIT(1)
#define DESC_INDIRECT BIT(2)

#define AVAIL_NO_INTERRUPT BIT(0)

/* Offsets in the rings: flags, index, the ring itself, and behind it the event index. */
#define RING_INDEX	  2
#define RING_ENTRIES	  4
#define AVAIL_ENTRY(q, i) ((q)->avail + RING_ENTRIES + 2 * ((i) & ((q)->size - 1)))
#define USED_ENTRY(q, i)  ((q)->used + RING_ENTRIES + 8 * ((i) & ((q)->size - 1)))
#define USED_EVENT(q)	  ((q)->avail + RING_ENTRIES + 2 * (q)->size)
#define AVAIL_EVENT(q)	  ((q)->used + RING_ENTRIES + 8 * (q)->size)

/* What is carried out at one go, in bytes, and what a request counts beside its length. */
#define BUDGET	    ((s64)KIB(256))
#define BUDGET_EACH 4096

struct used_entry {
	u32 head, len;
};

bool virtqueue_enable(struct virtqueue *q)
{
	if (!q->size || (q->size & (q->size - 1)) || q->size > VIRTIO_QUEUE_SIZE ||
		(q->desc & 15) || (q->avail & 1) || (q->used & 3))
		return false;
	q->avail_index = q->taken = q->done = q->shown = 0;
	q->enabled = true;
	return true;
}

void virtio_break(struct virtio *v)
{
	if (v->status & VIRTIO_NEEDS_RESET)
		return;
	v->broken++;
	v->status |= VIRTIO_NEEDS_RESET;
	if (v->status & VIRTIO_DRIVER_OK)
		virtio_config_changed(v);
}

/* The queue if it works: the guest's driver is there, and nothing is broken. */
static struct virtqueue *working(struct virtio *v, u32 queue)
{
	struct virtqueue *q = &v->queue[queue];
	bool ready = (v->status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) == VIRTIO_DRIVER_OK;

	return likely(ready && q->enabled && function_is_master(v)) ? q : NULL;
}

/* Adds one segment. Those that the device writes come last. */
static bool add(struct virtio_chain *c, const struct virtq_desc *d)
{
	u32 *len = d->flags & DESC_WRITE ? &c->write_len : &c->read_len;

	if (c->n == VIRTIO_QUEUE_SIZE || __builtin_add_overflow(*len, d->len, len))
		return false;
	c->seg[c->n++] = *d;
	if (d->flags & DESC_WRITE)
		return true;
	c->nread++;
	return c->nread == c->n;
}

/* A table of descriptors somewhere in RAM, copied whole. It may not lead to another. */
static bool add_indirect(struct virtio_chain *c, const struct virtq_desc *d)
{
	struct virtq_desc table[VIRTIO_QUEUE_SIZE];
	u32 n = d->len / sizeof(table[0]), i = 0;

	if ((d->flags & DESC_NEXT) || !n || n > ARRAY_LEN(table) || d->len % sizeof(table[0]) ||
		l3_memory_read(d->address, table, d->len) < 0)
		return false;
	do {
		if (i >= n || (table[i].flags & DESC_INDIRECT) || !add(c, &table[i]))
			return false;
		if (!(table[i].flags & DESC_NEXT))
			return true;
		i = table[i].next;
	} while (c->n < VIRTIO_QUEUE_SIZE); /* as many as there can be: it runs in a circle */
	return false;
}

static bool collect(struct virtio *v, const struct virtqueue *q, struct virtio_chain *c)
{
	struct virtq_desc d = { .flags = DESC_NEXT, .next = c->head };

	while (d.flags & DESC_NEXT) {
		if (d.next >= q->size || c->n >= q->size ||
			l3_memory_read(q->desc + d.next * sizeof(d), &d, sizeof(d)) < 0)
			return false;
		if (d.flags & DESC_INDIRECT)
			return (v->accepted & VIRTIO_F_INDIRECT_DESC) && add_indirect(c, &d);
		if (!add(c, &d))
			return false;
	}
	return true;
}

/* Looks how many there are, if those known of are all taken; false: still none, or broken. */
static bool available(struct virtio *v, struct virtqueue *q)
{
	if (q->taken != q->avail_index)
		return true;
	if (l3_memory_read(q->avail + RING_INDEX, &q->avail_index, 2) < 0 ||
		(u16)(q->avail_index - q->taken) > q->size) {
		q->avail_index = q->taken;
		virtio_break(v);
	}
	return q->taken != q->avail_index;
}

bool virtio_next(struct virtio *v, u32 queue, struct virtio_chain *chain)
{
	struct virtqueue *q = working(v, queue);

	if (!q || !available(v, q))
		return false;
	chain->n = chain->nread = 0;
	chain->read_len = chain->write_len = 0;
	if (l3_memory_read(AVAIL_ENTRY(q, q->taken), &chain->head, 2) < 0 ||
		!collect(v, q, chain)) {
		virtio_break(v);
		return false;
	}
	q->taken++;
	return true;
}

/* Between what was written for the guest and what is read of it: it does the same the other way. */
static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool virtio_wait(struct virtio *v, u32 queue)
{
	struct virtqueue *q = working(v, queue);

	if (!q || !(v->accepted & VIRTIO_F_EVENT_IDX))
		return true; /* it always notifies */
	if (l3_memory_write(AVAIL_EVENT(q), &q->taken, 2) < 0) {
		virtio_break(v);
		return true;
	}
	barrier();
	return !available(v, q);
}

void virtio_untake(struct virtio *v, u32 queue, u32 n)
{
	v->queue[queue].taken -= (u16)n;
}

void virtio_done(struct virtio *v, u32 queue, u16 head, u32 written)
{
	struct virtqueue *q = working(v, queue);
	struct used_entry entry = { head, written };

	if (!q)
		return;
	if (l3_memory_write(USED_ENTRY(q, q->done), &entry, sizeof(entry)) < 0)
		virtio_break(v);
	q->done++;
}

/* Whether the guest wants to hear that its used index went from `before` to q->done. */
static bool wants_interrupt(struct virtio *v, const struct virtqueue *q, u16 before)
{
	bool by_index = v->accepted & VIRTIO_F_EVENT_IDX;
	u16 word;

	if (l3_memory_read(by_index ? USED_EVENT(q) : q->avail, &word, 2) < 0) {
		virtio_break(v);
		return false;
	}
	if (by_index)
		return (u16)(q->done - word - 1) < (u16)(q->done - before);
	return !(word & AVAIL_NO_INTERRUPT);
}

/*
 * What is owed to the guest is known before it hears of it, so that a device that is rebooted in
 * between tells it, be it a second time, and does nothing that is done again.
 */
void virtio_show(struct virtio *v, u32 queue)
{
	struct virtqueue *q = working(v, queue);
	bool again;

	if (!q || (q->done == q->shown && !q->owed))
		return;
	again = q->owed;
	q->owed = true;
	if (l3_memory_publish(q->used + RING_INDEX, &q->done, 2) < 0) {
		virtio_break(v);
		return;
	}
	barrier();
	if (again || wants_interrupt(v, q, q->shown))
		interrupt_raise(v, q->vector, VIRTIO_ISR_QUEUE);
	q->shown = q->done;
	q->owed = false;
}

void virtio_serve(
	struct virtio *v, u32 queue, u32 (*handle)(void *state, const struct virtio_chain *chain))
{
	struct virtio_chain chain;
	s64 budget = BUDGET;

	do {
		while (budget > 0 && virtio_next(v, queue, &chain)) {
			v->more = 1;
			virtio_done(v, queue, chain.head, handle(v, &chain));
			budget -= (s64)chain.read_len + chain.write_len + v->more * BUDGET_EACH;
			if (v->queue[queue].taken == v->queue[queue].avail_index)
				break; /* what has come meanwhile is notified of */
		}
	} while (budget > 0 && !virtio_wait(v, queue));
	virtio_show(v, queue);
	if (budget <= 0)
		l1_timer_arm(l1_now_ns());
}

int virtio_each(const struct virtio_chain *chain, bool writable, u32 at, u32 len, virtio_piece fn,
	void *context)
{
	u32 i = writable ? chain->nread : 0, end = writable ? chain->n : chain->nread;
	int err = 0;

	for (; i < end && len && !err; i++) {
		const struct virtq_desc *d = &chain->seg[i];
		u32 n = d->len > at ? MIN(d->len - at, len) : 0;

		if (n)
			err = fn(context, d->address + at, n);
		at -= n ? at : d->len;
		len -= n;
	}
	return len && !err ? -ERANGE : err;
}

static int get_piece(void *context, u64 gpa, u32 len)
{
	u8 **to = context;

	*to += len;
	return l3_memory_read(gpa, *to - len, len);
}

static int put_piece(void *context, u64 gpa, u32 len)
{
	const u8 **from = context;

	*from += len;
	return l3_memory_write(gpa, *from - len, len);
}

int virtio_get(const struct virtio_chain *chain, u32 at, void *to, u32 len)
{
	return virtio_each(chain, false, at, len, get_piece, &to);
}

int virtio_put(const struct virtio_chain *chain, u32 at, const void *from, u32 len)
{
	return virtio_each(chain, true, at, len, put_piece, &from);
}
