/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network device (VIRTIO 1.2, "Network Device"): one queue for each direction, and a switch
 * behind them. What is sent is granted to the switch while it is called; the buffers to receive
 * into are granted to it as the guest offers them, and it says which were written to. Frames go
 * from RAM to RAM without passing through here. Checksums may be left to the receiver; frames are
 * of ordinary size.
 */
#include "drivers/virtio/virtio.h"

#define RX 0
#define TX 1

#define NET_F_CSUM	 BIT(0)
#define NET_F_GUEST_CSUM BIT(1)
#define NET_F_MAC	 BIT(5)

#define BUFFERS VIRTIO_QUEUE_SIZE

/* One that the switch may write to. */
struct buffer {
	u64 grant;
	u16 head;
};

struct net {
	struct virtio v;
	u8 mac[6];
	u64 unfit;	     /* chains that no frame fits into, or that hold none */
	u32 offered, filled; /* buffers ever granted, and of these written to */
	struct buffer buffer[BUFFERS];
	u8 frame[BUS_FRAME_MAX]; /* one that comes in too many pieces to be granted */
};

static_assert(sizeof(struct bus_piece) == sizeof(struct virtq_desc), "segments are pieces");
static_assert(BUFFERS < BUS_GRANTS, "and one to send");

/* The segments from `first` on. */
static s64 grant(const struct virtio_chain *c, u32 first, u32 n, u32 rights)
{
	return l2_grant(
		PEER_SWITCH, (const struct bus_piece *)&c->seg[first], MIN(n, BUS_PIECES), rights);
}

static s64 grant_copy(struct net *n, const struct virtio_chain *c)
{
	struct bus_piece own = { .at = (u64)n->frame, .len = c->read_len };

	if (virtio_get(c, 0, n->frame, c->read_len) < 0)
		return -EFAULT;
	return l2_grant(PEER_SWITCH, &own, 1, BUS_READ | BUS_OWN);
}

static u32 send(void *state, const struct virtio_chain *c)
{
	struct net *n = state;
	s64 handle;

	if (c->read_len < BUS_FRAME_MIN || c->read_len > BUS_FRAME_MAX) {
		n->unfit++;
		return 0;
	}
	handle = c->nread > BUS_PIECES ? grant_copy(n, c) : grant(c, 0, c->nread, BUS_READ);
	if (handle == -EFAULT)
		virtio_break(&n->v);
	if (handle < 0)
		return 0;
	l2_call(PEER_SWITCH, BUS_FRAME, (u64)handle, c->read_len);
	l2_revoke((u64)handle);
	return 0;
}

/* Grants one; false: it is none for a frame. What cannot be granted waits for BUS_RENEW. */
static bool offer(struct net *n, const struct virtio_chain *c)
{
	u32 segments = MIN(c->n - c->nread, BUS_PIECES);
	u64 len = 0;
	s64 handle;

	for (u32 i = 0; i < segments; i++)
		len += c->seg[c->nread + i].len;
	if (len < BUS_FRAME_MAX)
		return false;
	handle = grant(c, c->nread, segments, BUS_WRITE);
	if (handle == -EFAULT)
		virtio_break(&n->v);
	n->buffer[n->offered++ % BUFFERS] = (struct buffer){ (u64)MAX(handle, 0), c->head };
	if (handle > 0)
		l2_call(PEER_SWITCH, BUS_BUFFER, (u64)handle, 0);
	return true;
}

/* Whatever the guest has offered. */
static void offer_all(struct net *n)
{
	struct virtio_chain chain;
	u32 left = 2 * BUFFERS;

	do {
		while (left && n->offered - n->filled < BUFFERS && virtio_next(&n->v, RX, &chain)) {
			left--;
			if (offer(n, &chain))
				continue;
			n->unfit++;
			virtio_done(&n->v, RX, chain.head, 0);
		}
	} while (left && !virtio_wait(&n->v, RX));
	virtio_show(&n->v, RX);
	if (!left)
		l1_timer_arm(l1_now_ns());
}

/*
 * A buffer was written to, the oldest one unless the switch was rebooted and has lost some: the
 * guest has these back empty. Anything else is from before a new beginning.
 */
static void came(struct net *n, u64 handle, u64 len)
{
	u32 i = n->filled;

	while (i != n->offered && n->buffer[i % BUFFERS].grant != handle)
		i++;
	if (!handle || i == n->offered)
		return;
	for (; n->filled != i; n->filled++)
		virtio_done(&n->v, RX, n->buffer[n->filled % BUFFERS].head, 0);
	n->filled++;
	virtio_done(&n->v, RX, n->buffer[i % BUFFERS].head, (u32)MIN(len, BUS_FRAME_MAX));
}

/* The switch knows of no buffers any more. */
static void report(void *state)
{
	struct net *n = state;
	u64 up = n->v.status & VIRTIO_DRIVER_OK ? BUS_PORT_UP : 0;

	for (; n->filled != n->offered; n->filled++)
		l2_revoke(n->buffer[n->filled % BUFFERS].grant);
	l2_call(PEER_SWITCH, BUS_PORT_STATE,
		up | (up && (n->v.accepted & NET_F_GUEST_CSUM) ? BUS_PORT_CHECKSUMS : 0), 0);
}

static void ready(void *state)
{
	report(state);
	offer_all(state);
}

static void renew(struct net *n)
{
	virtio_untake(&n->v, RX, n->offered - n->filled);
	ready(n);
}

static void mail(void *state)
{
	struct net *n = state;
	struct bus_message m;
	bool anew = false;
	u32 left;

	do {
		left = l2_receive(&m);
		if (left && m.fn == BUS_FRAME_CAME)
			came(n, m.a, m.b);
		anew |= left && m.fn == BUS_RENEW;
	} while (left > 1);
	if (anew)
		renew(n); /* before it shows what has come, and forgets that it must do this */
	else
		virtio_show(&n->v, RX);
}

static void notify(void *state, u32 queue)
{
	if (queue == TX)
		virtio_serve(state, TX, send);
	else
		offer_all(state);
}

/* There was more in a queue than is done at one go. */
static void timer(void *state)
{
	offer_all(state);
	virtio_serve(state, TX, send);
}

static void net_setup(struct net *n, const struct driver_setup *setup)
{
	for (u32 i = 0; i < sizeof(n->mac); i++)
		n->mac[i] = setup->mac >> (40 - 8 * i);
}

static const struct virtio_class net_class = {
	.id = 1,
	.queues = 2,
	.pci_class = 0x020000, /* PCI Code and ID Assignment: Ethernet */
	.features = NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MAC,
	.config_at = offsetof(struct net, mac),
	.config_len = sizeof(((struct net *)0)->mac),
	.notify = notify,
	.reset = report,
	.ready = ready,
};

VIRTIO_DEVICE(net, net_class, struct net, GRANT_PEER(PEER_SWITCH), timer, mail);
