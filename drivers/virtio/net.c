/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network device (VIRTIO 1.2, "Network Device"): one queue for each direction, and a switch
 * behind them. What is sent is granted to the switch while it is called; the buffers to receive
 * into are granted to it as the guest offers them, and it says which were written to. Frames go
 * from RAM to RAM without passing through here. Checksums may be left to the receiver, and cutting
 * TCP segments ("TCP segmentation offload") where guests merge buffers.
 */
#include "drivers/virtio/virtio.h"

#define RX 0
#define TX 1

#define NET_F_CSUM	 BIT(0)
#define NET_F_GUEST_CSUM BIT(1)
#define NET_F_MAC	 BIT(5)
#define NET_F_GUEST_TSO4 BIT(7)
#define NET_F_GUEST_TSO6 BIT(8)
#define NET_F_HOST_TSO4	 BIT(11)
#define NET_F_HOST_TSO6	 BIT(12)
#define NET_F_MRG_RXBUF	 BIT(15)

#define BUFFERS BUS_BUFFERS_MOST
#define HEADER	12 /* is in the first of them that a frame takes */

struct net {
	struct virtio v;
	u8 mac[6];
	u64 unfit;			   /* chains that no frame fits into, or that hold none */
	u32 offered, filled;		   /* buffers ever granted, and of these written to */
	u64 ring;			   /* the switch's grant to read: */
	struct bus_buffer buffer[BUFFERS]; /* their `port` is the chain's head */
	u8 frame[BUS_FRAME_MAX];	   /* one that comes in too many pieces to be granted */
};

static_assert(sizeof(struct bus_piece) == sizeof(struct virtq_desc), "segments are pieces");
static_assert(VIRTIO_QUEUE_SIZE <= BUFFERS && BUFFERS + 2 <= BUS_GRANTS, "the ring, one to send");

/* The segments from `first` on. */
static s64 grant(const struct virtio_chain *c, u32 first, u32 n, u32 rights)
{
	return l2_grant(PEER_SWITCH, (const struct bus_piece *)&c->seg[first], n, rights);
}

static s64 grant_copy(struct net *n, const struct virtio_chain *c)
{
	struct bus_piece own = { .at = (u64)n->frame, .len = c->read_len };

	if (c->read_len > sizeof(n->frame)) {
		n->unfit++;
		return -ENOSPC;
	}
	if (virtio_get(c, 0, n->frame, c->read_len) < 0)
		return -EFAULT;
	return l2_grant(PEER_SWITCH, &own, 1, BUS_READ | BUS_OWN);
}

static u32 send(void *state, const struct virtio_chain *c)
{
	struct net *n = state;
	s64 handle;
	u64 cuts;

	if (c->read_len < BUS_FRAME_MIN || c->read_len > BUS_FRAME_LONG) {
		n->unfit++;
		return 0;
	}
	handle = c->nread > BUS_PIECES_MOST ? grant_copy(n, c) : grant(c, 0, c->nread, BUS_READ);
	if (handle == -EFAULT)
		virtio_break(&n->v);
	if (handle < 0)
		return 0;
	cuts = l2_call(PEER_SWITCH, BUS_FRAME, (u64)handle, c->read_len);
	if (cuts != BUS_NO_PEER)
		n->v.more += (u32)cuts;
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
	if (len < (n->v.accepted & NET_F_MRG_RXBUF ? HEADER : BUS_FRAME_MAX))
		return false;
	handle = grant(c, c->nread, segments, BUS_WRITE);
	if (handle == -EFAULT)
		virtio_break(&n->v);
	n->buffer[n->offered++ % BUFFERS] =
		(struct bus_buffer){ (u64)MAX(handle, 0), (u32)MIN(len, BUS_FRAME_LONG), c->head };
	return true;
}

/* Whatever the guest has offered. The switch looks at the ring for what is new. */
static void offer_all(struct net *n)
{
	struct virtio_chain chain;
	u32 left = 2 * BUFFERS, before = n->offered;

	do {
		while (left && n->offered - n->filled < BUFFERS && virtio_next(&n->v, RX, &chain)) {
			left--;
			if (offer(n, &chain))
				continue;
			n->unfit++;
			virtio_done(&n->v, RX, chain.head, 0);
		}
	} while (left && !virtio_wait(&n->v, RX));
	if (n->offered != before)
		l2_call(PEER_SWITCH, BUS_BUFFERS, n->ring, n->offered);
	virtio_show(&n->v, RX);
	if (!left)
		l1_timer_arm(l1_now_ns());
}

/* The guest has the oldest one back. */
static void done(struct net *n, u32 len)
{
	virtio_done(&n->v, RX, (u16)n->buffer[n->filled++ % BUFFERS].port, len);
}

/*
 * A frame ends at byte `end` of it in this buffer, where it is at byte `at`; what is before that
 * fills those before. Any that are older were lost by a switch that was rebooted: the guest has
 * these back empty. A buffer that is not there is from before a new beginning.
 */
static void came(struct net *n, u64 handle, u32 at, u32 end)
{
	u32 first, last = n->filled;

	while (last != n->offered && n->buffer[last % BUFFERS].grant != handle)
		last++;
	if (!handle || last == n->offered)
		return;
	for (first = last; at && first != n->filled; first--)
		at -= MIN(at, n->buffer[(first - 1) % BUFFERS].len);
	while (n->filled != first)
		done(n, 0);
	for (u32 len; n->filled != last + 1; end -= len) {
		len = MIN(end, n->buffer[n->filled % BUFFERS].len);
		done(n, len);
	}
}

/* What a port is ready for: only a guest that merges buffers has room for many segments. */
static u64 port_state(const struct net *n)
{
	static const struct {
		u64 features, state;
	} bits[] = { { NET_F_GUEST_CSUM, BUS_PORT_CHECKSUMS }, { NET_F_MRG_RXBUF, BUS_PORT_MERGES },
		{ NET_F_MRG_RXBUF | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4, BUS_PORT_TCPV4 },
		{ NET_F_MRG_RXBUF | NET_F_GUEST_CSUM | NET_F_GUEST_TSO6, BUS_PORT_TCPV6 } };
	u64 state = BUS_PORT_UP;

	if (!(n->v.status & VIRTIO_DRIVER_OK))
		return 0;
	for (u32 i = 0; i < ARRAY_LEN(bits); i++)
		if ((n->v.accepted & bits[i].features) == bits[i].features)
			state |= bits[i].state;
	return state;
}

/* The switch knows of no buffers any more. */
static void report(void *state)
{
	struct net *n = state;
	const struct bus_piece ring = { .at = (u64)n->buffer, .len = sizeof(n->buffer) };
	s64 handle;

	for (; n->filled != n->offered; n->filled++)
		l2_revoke(n->buffer[n->filled % BUFFERS].grant);
	l2_revoke(n->ring);
	handle = l2_grant(PEER_SWITCH, &ring, 1, BUS_READ | BUS_OWN);
	n->ring = (u64)MAX(handle, 0);
	l2_call(PEER_SWITCH, BUS_PORT_STATE, port_state(n), n->offered);
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
			came(n, m.a, BUS_FROM(m.b), BUS_ALL(m.b));
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
	.features = NET_F_CSUM | NET_F_GUEST_CSUM | NET_F_MAC | NET_F_GUEST_TSO4 |
		    NET_F_GUEST_TSO6 | NET_F_HOST_TSO4 | NET_F_HOST_TSO6 | NET_F_MRG_RXBUF,
	.config_at = offsetof(struct net, mac),
	.config_len = sizeof(((struct net *)0)->mac),
	.notify = notify,
	.reset = report,
	.ready = ready,
};

VIRTIO_DEVICE(net, net_class, struct net, GRANT_PEER(PEER_SWITCH), timer, mail);
