/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the virtio devices share (Virtual I/O Device (VIRTIO) Version 1.2, chapters "Basic
 * Facilities of a Virtio Device" and "Virtio Over PCI Bus"): a PCI function with MSI-X, the common
 * registers and split virtqueues. Modern devices only. A device is a class, which is constant, and
 * a state that begins with a struct virtio. What its driver in the guest sends is input: a chain is
 * copied once and then checked, and what cannot be right leaves a device that needs a reset.
 */
#pragma once

#include "drivers/api/driver.h"

#define VIRTIO_QUEUES	  3
#define VIRTIO_VECTORS	  (VIRTIO_QUEUES + 1)
#define VIRTIO_QUEUE_SIZE 64
#define VIRTIO_NO_VECTOR  0xffff

/* Feature bits of every device. */
#define VIRTIO_F_INDIRECT_DESC BIT(28)
#define VIRTIO_F_EVENT_IDX     BIT(29)
#define VIRTIO_F_VERSION_1     BIT(32)

#define VIRTIO_ACKNOWLEDGE 1
#define VIRTIO_DRIVER	   2
#define VIRTIO_DRIVER_OK   4
#define VIRTIO_FEATURES_OK 8
#define VIRTIO_NEEDS_RESET 64
#define VIRTIO_FAILED	   128

#define VIRTIO_ISR_QUEUE  1
#define VIRTIO_ISR_CONFIG 2

#define VIRTIO_CONFIG_WORDS 64 /* of PCI's configuration space */

struct virtq_desc {
	u64 address;
	u32 len;
	u16 flags, next;
};
ASSERT_SIZE(struct virtq_desc, 16);

struct virtqueue {
	u64 desc, avail, used; /* guest physical addresses of the three parts */
	u16 size, vector;
	bool enabled;
	u16 avail_index; /* as last read */
	u16 taken;	 /* of the available ones */
	u16 done, shown; /* used ones, and how many of them the guest knows of */
	bool owed;	 /* ... or may know of: it is being told */
};

struct msix_entry {
	u64 address;
	u32 data, control;
};
ASSERT_SIZE(struct msix_entry, 16);

struct virtio {
	u32 config[VIRTIO_CONFIG_WORDS];
	struct virtqueue queue[VIRTIO_QUEUES];
	struct msix_entry msix[VIRTIO_VECTORS];
	u32 msix_pending;
	u32 slot;
	u32 offered_select, accepted_select;
	u64 offered, accepted; /* features */
	u16 queue_select, config_vector;
	u8 status, isr, generation;
	bool line;  /* of its interrupt pin */
	u32 broken; /* how often it came to need a reset */
	u32 more;   /* virtio_serve(): as so many requests counts what handle() did */
};

struct virtio_class {
	u16 id;
	u8 queues;
	u32 pci_class;
	u64 features;  /* beside those of every device */
	u16 config_at; /* the device's own registers, as bytes of its state */
	u16 config_len;
	u16 config_writable;			/* so many of them, from the end */
	void (*notify)(void *state, u32 queue); /* there may be something in a queue */
	void (*reset)(void *state);		/* NULL: nothing to do */
	void (*changed)(void *state);		/* its registers were written; NULL likewise */
	void (*ready)(void *state);		/* the guest's driver is there; NULL likewise */
	u64 (*call)(void *state, u32 fn, u64 a, u64 b); /* what is not for all; NULL likewise */
};

/* One request of the guest: what the device reads comes first, then what it writes. */
struct virtio_chain {
	u16 head;
	u16 nread, n;		 /* segments */
	u32 read_len, write_len; /* bytes */
	struct virtq_desc seg[VIRTIO_QUEUE_SIZE];
};

/* --- for the devices ----------------------------------------------------------------------- */

void virtio_start(const struct virtio_class *c, void *state, const struct driver_setup *setup);
u64 virtio_read(const struct virtio_class *c, void *state, u32 offset, u32 width);
void virtio_write(const struct virtio_class *c, void *state, u32 offset, u32 width, u64 value);
u64 virtio_call(const struct virtio_class *c, void *state, u32 fn, u64 a, u64 b);

/* The device's own registers have changed: the guest is told. */
void virtio_config_changed(struct virtio *v);
/* The guest has broken a rule: nothing is done any more until it resets the device. */
void virtio_break(struct virtio *v);

/* Takes the next chain; false: there is none, or the device is broken. */
bool virtio_next(struct virtio *v, u32 queue, struct virtio_chain *chain);
/* Asks to be notified of the next one; false: one has come already. */
bool virtio_wait(struct virtio *v, u32 queue);
/* Gives a chain back, of which so many bytes were written. */
void virtio_done(struct virtio *v, u32 queue, u16 head, u32 written);
/* The last n that were taken, and not given back, are to come again. */
void virtio_untake(struct virtio *v, u32 queue, u32 n);
/* Shows the guest what was given back, and interrupts it if it wants that. */
void virtio_show(struct virtio *v, u32 queue);

/*
 * Lets handle() carry out what waits in a queue; it returns how many bytes it wrote. After much
 * work the rest waits for the class's timer, which is to call this again.
 */
void virtio_serve(
	struct virtio *v, u32 queue, u32 (*handle)(void *state, const struct virtio_chain *chain));

/*
 * Calls fn for every piece of [at, at+len) of what the device reads or writes. Returns what fn did
 * unless that is 0; -ERANGE: the chain is not that long.
 */
typedef int (*virtio_piece)(void *context, u64 gpa, u32 len);
int __must_check virtio_each(const struct virtio_chain *chain, bool writable, u32 at, u32 len,
	virtio_piece fn, void *context);
/* Copies such bytes. -ERANGE, -EFAULT. */
int __must_check virtio_get(const struct virtio_chain *chain, u32 at, void *to, u32 len);
int __must_check virtio_put(const struct virtio_chain *chain, u32 at, const void *from, u32 len);

/* --- between the library's files ----------------------------------------------------------- */

/* queue.c: the guest has set it up; false: it cannot be used like this. */
bool virtqueue_enable(struct virtqueue *q);

/* function.c: configuration space as at power-on, and the guest's accesses to it. */
void function_reset(const struct virtio_class *c, struct virtio *v);
/* Whether the device answers at its addresses, and may reach memory. */
bool function_decodes(const struct virtio *v);
#define COMMAND_DMA BIT(2)
static inline bool function_is_master(const struct virtio *v)
{
	return v->config[1] & COMMAND_DMA;
}
u64 function_config_read(const struct virtio_class *c, void *state, u32 offset);
void function_config_write(
	const struct virtio_class *c, void *state, u32 offset, u32 value, u32 mask);

/* interrupt.c: MSI-X and the pin. */
#define MSIX_ENABLE    BIT(31) /* in the first double word of the capability */
#define MSIX_MASK_ALL  BIT(30)
#define COMMAND_NO_PIN BIT(10)
void interrupt_reset(struct virtio *v);
/* For a reason (VIRTIO_ISR_), by a vector where MSI-X is on. */
void interrupt_raise(struct virtio *v, u16 vector, u8 reason);
/* What changes when MSI-X is switched or unmasked, or the reasons have been read. */
void interrupt_update(struct virtio *v);
u64 interrupt_table_read(const struct virtio *v, u32 offset, u32 width);
void interrupt_table_write(struct virtio *v, u32 offset, u32 width, u64 value);

/* Where things lie in the function's range of addresses. */
#define AT_COMMON    0x0000
#define AT_ISR	     0x1000
#define AT_DEVICE    0x1100
#define AT_NOTIFY    0x2000
#define NOTIFY_EACH  4 /* bytes from one queue to the next */
#define AT_MSIX	     0x3000
#define AT_PENDING   0x3800
#define COMMON_LEN   0x38
#define AT_MSIX_WORD (0x40 / 4) /* of the MSI-X capability in configuration space */

/*
 * A driver for each class: `id` is its name, `type` the type of its state, `peers` the grants of
 * whom it calls. `timer_fn`: NULL, or what l1_timer_arm() leads to; `mail_fn`: NULL, or what takes
 * messages.
 */
#define VIRTIO_DEVICE(id, class, type, peers, timer_fn, mail_fn)                                   \
	static void id##_start(void *state, const struct driver_setup *setup)                      \
	{                                                                                          \
		virtio_start(&(class), state, setup);                                              \
		id##_setup(state, setup);                                                          \
	}                                                                                          \
	static u64 id##_read(void *state, u32 region, u32 offset, u32 width)                       \
	{                                                                                          \
		(void)region;                                                                      \
		return virtio_read(&(class), state, offset, width);                                \
	}                                                                                          \
	static void id##_write(void *state, u32 region, u32 offset, u32 width, u64 value)          \
	{                                                                                          \
		(void)region;                                                                      \
		virtio_write(&(class), state, offset, width, value);                               \
	}                                                                                          \
	static u64 id##_call(void *state, u32 fn, u64 a, u64 b)                                    \
	{                                                                                          \
		return virtio_call(&(class), state, fn, a, b);                                     \
	}                                                                                          \
	static const struct driver id##_driver = {                                                 \
		.name = #id,                                                                       \
		.role = PEER_FUNCTION,                                                             \
		.state_size = sizeof(type),                                                        \
		.grants = (peers) | GRANT_TIMER | GRANT_MSI | GRANT_RANDOM | GRANT_DISK |          \
			  GRANT_MEMORY,                                                            \
		.regions = { { REGION_BAR, 0, MACHINE_BAR_LEN } },                                 \
		.start = id##_start,                                                               \
		.read = id##_read,                                                                 \
		.write = id##_write,                                                               \
		.call = id##_call,                                                                 \
		.mail = mail_fn,                                                                   \
		.timer = timer_fn,                                                                 \
	};                                                                                         \
	DRIVER_REGISTER(id##_driver)
