/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The console device (VIRTIO 1.2, "Console Device"), of one port: Linux's hvc0. Its line ends where
 * that of the serial port does, at the VM's console, and what is typed there comes here as soon as
 * the guest's driver is ready. A chain to send that finds no room stays with the guest, and goes on
 * where it was left when there is some. A key takes the next buffer to receive into.
 */
#include "drivers/virtio/virtio.h"

#define RX   0
#define TX   1
#define MOST 512u /* bytes that are sent at one go */

#define CONSOLE_F_EMERG_WRITE BIT(2)

struct console_config {
	u16 columns, rows; /* not offered */
	u32 ports;	   /* likewise */
	u32 emergency;	   /* a byte to send, though there be no queues */
};
ASSERT_SIZE(struct console_config, 12);

struct console {
	struct virtio v;
	struct console_config config;
	bool blocked; /* the console has no room */
	u32 at;	      /* what of the oldest chain is sent */
	u64 sent, received;
};

static void send(struct console *c, u8 byte)
{
	c->sent++;
	c->blocked = !l2_call(PEER_CONSOLE, BUS_CONSOLE_WRITE, byte, 0);
}

/* Sends up to *left bytes of a chain; whether that was all of it. */
static bool send_chain(struct console *c, const struct virtio_chain *chain, u32 *left)
{
	u8 text[64];

	while (c->at < chain->read_len && *left && !c->blocked) {
		u32 n = MIN(MIN(chain->read_len - c->at, *left), (u32)sizeof(text));

		if (virtio_get(chain, c->at, text, n) < 0) {
			virtio_break(&c->v);
			return false;
		}
		for (u32 i = 0; i < n && !c->blocked; i++, c->at++, (*left)--)
			send(c, text[i]);
	}
	return c->at >= chain->read_len;
}

/* Each chain is shown as done at once, so that a microreboot repeats no more than one. */
static void transmit(struct console *c)
{
	struct virtio_chain chain;
	u32 left = MOST, chains = VIRTIO_QUEUE_SIZE;

	do {
		while (left && chains && !c->blocked && virtio_next(&c->v, TX, &chain)) {
			chains--;
			if (!send_chain(c, &chain, &left)) {
				virtio_untake(&c->v, TX, 1);
				break;
			}
			c->at = 0;
			virtio_done(&c->v, TX, chain.head, 0);
			virtio_show(&c->v, TX);
		}
	} while (left && chains && !c->blocked && !virtio_wait(&c->v, TX));
	if (!c->blocked && (!left || !chains))
		l1_timer_arm(l1_now_ns());
}

static void notify(void *state, u32 queue)
{
	if (queue == TX)
		transmit(state);
}

static void timer(void *state)
{
	transmit(state);
}

/* Into the next buffer that has room at all. */
static u64 input(struct console *c, u8 byte)
{
	struct virtio_chain chain;
	bool done = false;

	if ((c->v.status & (VIRTIO_DRIVER_OK | VIRTIO_NEEDS_RESET)) != VIRTIO_DRIVER_OK)
		return BUS_NO_PEER;
	for (u32 i = 0; i < VIRTIO_QUEUE_SIZE && !done && virtio_next(&c->v, RX, &chain); i++) {
		done = chain.write_len > 0;
		if (done && virtio_put(&chain, 0, &byte, 1) < 0)
			virtio_break(&c->v);
		virtio_done(&c->v, RX, chain.head, done);
	}
	virtio_show(&c->v, RX);
	c->received += done;
	return done;
}

/* BUS_CONSOLE_; BUS_INFO: 2 bytes sent, 3 received. */
static u64 call(void *state, u32 fn, u64 a, u64 b)
{
	struct console *c = state;

	(void)b;
	switch (fn) {
	case BUS_CONSOLE_INPUT:
		return input(c, (u8)a);
	case BUS_CONSOLE_DRAINED:
		c->blocked = false;
		transmit(c);
		return 0;
	case BUS_INFO:
		return a == 2 ? c->sent : a == 3 ? c->received : BUS_NO_PEER;
	default:
		return BUS_NO_PEER;
	}
}

static void forget(void *state)
{
	struct console *c = state;

	c->at = 0;
	c->config.emergency = 0;
}

static void emergency(void *state)
{
	struct console *c = state;

	send(c, (u8)c->config.emergency);
}

static void console_setup(struct console *c, const struct driver_setup *setup)
{
	(void)setup;
	c->config.ports = 1;
}

static const struct virtio_class console_class = {
	.id = 3,
	.queues = 2,
	.pci_class = 0x078000, /* PCI Code and ID Assignment: communication, other */
	.features = CONSOLE_F_EMERG_WRITE,
	.config_at = offsetof(struct console, config),
	.config_len = sizeof(struct console_config),
	.config_writable = sizeof(u32),
	.notify = notify,
	.reset = forget,
	.changed = emergency,
	.call = call,
};

VIRTIO_DEVICE(console, console_class, struct console, GRANT_PEER(PEER_CONSOLE), timer, NULL);
