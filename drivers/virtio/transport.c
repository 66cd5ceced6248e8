/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of a virtio device behind its base address register (VIRTIO 1.2, "Common
 * configuration structure layout", "Notification structure layout", "Device Initialization"): what
 * the guest's driver accepts, where its queues are, and what it notifies. An access that is not of
 * a register's width reads a part of it, and is lost as a write.
 */
#include "drivers/virtio/virtio.h"

#include "core/lib/string.h"

#define COMMON_FEATURES (VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC)

struct common {
	u32 offered_select, offered;
	u32 accepted_select, accepted;
	u16 config_vector, queues;
	u8 status, generation;
	u16 queue_select;
	u16 queue_size, queue_vector, queue_enable, queue_notify;
	u64 queue_desc, queue_avail, queue_used;
};
ASSERT_SIZE(struct common, COMMON_LEN);

static void reset(const struct virtio_class *c, struct virtio *v)
{
	for (u32 i = 0; i < VIRTIO_QUEUES; i++)
		v->queue[i] =
			(struct virtqueue){ .size = VIRTIO_QUEUE_SIZE, .vector = VIRTIO_NO_VECTOR };
	v->offered_select = v->accepted_select = 0;
	v->accepted = 0;
	v->queue_select = 0;
	v->config_vector = VIRTIO_NO_VECTOR;
	v->status = v->isr = 0;
	v->msix_pending = 0;
	interrupt_update(v);
	if (c->reset)
		c->reset(v);
}

void virtio_start(const struct virtio_class *c, void *state, const struct driver_setup *setup)
{
	struct virtio *v = state;

	v->slot = setup->slot;
	v->offered = c->features | COMMON_FEATURES;
	function_reset(c, v);
	interrupt_reset(v);
	reset(c, v);
}

void virtio_config_changed(struct virtio *v)
{
	v->generation++;
	interrupt_raise(v, v->config_vector, VIRTIO_ISR_CONFIG);
}

/* The queue that the guest has selected; NULL: there is none. */
static struct virtqueue *selected(const struct virtio_class *c, struct virtio *v)
{
	return v->queue_select < c->queues ? &v->queue[v->queue_select] : NULL;
}

static u32 half(u64 features, u32 select)
{
	return select < 2 ? (u32)(features >> 32 * select) : 0;
}

static void look(const struct virtio_class *c, struct virtio *v, struct common *r)
{
	const struct virtqueue *q = selected(c, v);

	*r = (struct common){
		.offered_select = v->offered_select,
		.offered = half(v->offered, v->offered_select),
		.accepted_select = v->accepted_select,
		.accepted = half(v->accepted, v->accepted_select),
		.config_vector = v->config_vector,
		.queues = c->queues,
		.status = v->status,
		.generation = v->generation,
		.queue_select = v->queue_select,
	};
	if (!q)
		return;
	r->queue_size = q->size;
	r->queue_vector = q->vector;
	r->queue_enable = q->enabled;
	r->queue_notify = v->queue_select;
	r->queue_desc = q->desc;
	r->queue_avail = q->avail;
	r->queue_used = q->used;
}

static u64 read_bytes(const void *from, u32 len, u32 offset, u32 width)
{
	u64 value = 0;

	if (offset < len)
		memcpy(&value, (const u8 *)from + offset, MIN(width, len - offset));
	return value;
}

static u64 read_isr(struct virtio *v)
{
	u8 isr = v->isr;

	v->isr = 0;
	interrupt_update(v);
	return isr;
}

u64 virtio_read(const struct virtio_class *c, void *state, u32 offset, u32 width)
{
	struct virtio *v = state;
	struct common common;

	if (!function_decodes(v))
		return width == 8 ? UINT64_MAX : BIT(8 * width) - 1;
	if (offset < COMMON_LEN) {
		look(c, v, &common);
		return read_bytes(&common, sizeof(common), offset, width);
	}
	if (offset == AT_ISR)
		return read_isr(v);
	if (offset >= AT_MSIX)
		return interrupt_table_read(v, offset, width);
	if (offset >= AT_DEVICE && offset < AT_NOTIFY)
		return read_bytes(
			(const u8 *)state + c->config_at, c->config_len, offset - AT_DEVICE, width);
	return 0;
}

static void accept(struct virtio *v, u32 value)
{
	u32 shift = 32 * v->accepted_select;

	if (v->accepted_select < 2 && !(v->status & VIRTIO_FEATURES_OK))
		v->accepted = (v->accepted & ~((u64)UINT32_MAX << shift)) | (u64)value << shift;
}

/* Bits are added one after the other; what we cannot agree to stays zero. */
static void set_status(const struct virtio_class *c, struct virtio *v, u8 value)
{
	u8 kept = v->status & VIRTIO_NEEDS_RESET, before = v->status;

	if (!value) {
		reset(c, v);
		return;
	}
	if ((v->accepted & ~v->offered) || !(v->accepted & VIRTIO_F_VERSION_1))
		value &= ~VIRTIO_FEATURES_OK;
	if (!(value & VIRTIO_FEATURES_OK))
		value &= ~VIRTIO_DRIVER_OK;
	v->status = (value & ~VIRTIO_NEEDS_RESET) | kept;
	if (c->ready && (v->status & ~before & VIRTIO_DRIVER_OK))
		c->ready(v);
}

static u16 vector(const struct virtio_class *c, u64 value)
{
	return value <= c->queues ? (u16)value : VIRTIO_NO_VECTOR;
}

static void enable(struct virtio *v, struct virtqueue *q, u64 value)
{
	if (value == 1 && !virtqueue_enable(q))
		virtio_break(v);
}

/* Half of an address, or all of it. */
static void set_address(u64 *address, u32 offset, u32 width, u64 value)
{
	if (width == 4 || (width == 8 && !(offset & 7)))
		memcpy((u8 *)address + (offset & 4), &value, width);
}

/* A queue that is in use stays as it is, but for its vector. */
static void write_queue(
	const struct virtio_class *c, struct virtio *v, u32 offset, u32 width, u64 value)
{
	struct virtqueue *q = selected(c, v);

	if (q && offset == offsetof(struct common, queue_vector) && width == 2)
		q->vector = vector(c, value);
	else if (!q || q->enabled || (offset & 3 && width != 2))
		return;
	else if (offset >= offsetof(struct common, queue_used))
		set_address(&q->used, offset, width, value);
	else if (offset >= offsetof(struct common, queue_avail))
		set_address(&q->avail, offset, width, value);
	else if (offset >= offsetof(struct common, queue_desc))
		set_address(&q->desc, offset, width, value);
	else if (offset == offsetof(struct common, queue_size) && width == 2)
		q->size = (u16)value;
	else if (offset == offsetof(struct common, queue_enable) && width == 2)
		enable(v, q, value);
}

#define REGISTER(field) (offsetof(struct common, field) << 4 | sizeof(((struct common *)0)->field))

static void write_common(
	const struct virtio_class *c, struct virtio *v, u32 offset, u32 width, u64 value)
{
	switch (offset << 4 | width) {
	case REGISTER(offered_select):
		v->offered_select = (u32)value;
		break;
	case REGISTER(accepted_select):
		v->accepted_select = (u32)value;
		break;
	case REGISTER(accepted):
		accept(v, (u32)value);
		break;
	case REGISTER(config_vector):
		v->config_vector = vector(c, value);
		break;
	case REGISTER(status):
		set_status(c, v, (u8)value);
		break;
	case REGISTER(queue_select):
		v->queue_select = (u16)value;
		break;
	default:
		write_queue(c, v, offset, width, value);
	}
}

static void write_device(
	const struct virtio_class *c, void *state, u32 offset, u32 width, u64 value)
{
	u32 first = c->config_len - c->config_writable;

	if (offset < first || offset + width > c->config_len)
		return;
	memcpy((u8 *)state + c->config_at + offset, &value, width);
	if (c->changed)
		c->changed(state);
}

void virtio_write(const struct virtio_class *c, void *state, u32 offset, u32 width, u64 value)
{
	struct virtio *v = state;
	u32 queue = (offset - AT_NOTIFY) / NOTIFY_EACH;

	if (!function_decodes(v))
		return;
	if (likely(offset >= AT_NOTIFY && offset < AT_MSIX)) {
		if (queue < c->queues)
			c->notify(state, queue);
	} else if (offset < COMMON_LEN) {
		write_common(c, v, offset, width, value);
	} else if (offset >= AT_MSIX) {
		interrupt_table_write(v, offset, width, value);
	} else if (offset >= AT_DEVICE) {
		write_device(c, state, offset - AT_DEVICE, width, value);
	}
}

/* BUS_INFO: 0 status, 1 how often the guest has broken it. */
u64 virtio_call(const struct virtio_class *c, void *state, u32 fn, u64 a, u64 b)
{
	struct virtio *v = state;

	if (fn == BUS_CONFIG_READ)
		return function_config_read(c, state, (u32)a);
	if (fn == BUS_INFO && a < 2)
		return a ? v->broken : v->status;
	if (fn == BUS_CONFIG_WRITE) {
		function_config_write(c, state, (u32)a, (u32)b, b >> 32);
		return 0;
	}
	if (fn != BUS_RESET)
		return c->call ? c->call(state, fn, a, b) : BUS_NO_PEER;
	function_reset(c, v);
	interrupt_reset(v);
	reset(c, v);
	return 0;
}
