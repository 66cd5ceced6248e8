/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The network device (VIRTIO 1.2, "Network Device"): one queue for each direction, and a switch
 * behind them that is called on the bus. Frames go between RAM and the switch without passing
 * through here. Checksums may be left to the receiver; frames are of ordinary size.
 */
#include "drivers/virtio/virtio.h"

#define RX 0
#define TX 1

#define NET_F_CSUM	 BIT(0)
#define NET_F_GUEST_CSUM BIT(1)
#define NET_F_MAC	 BIT(5)

#define FRAMES 64 /* received at one go; the rest waits for a timer */

struct net {
	struct virtio v;
	u8 mac[6];
	u64 unfit; /* chains that no frame fits into, or that hold none */
};

static u32 accepts(const struct virtio *v)
{
	if (!(v->status & VIRTIO_DRIVER_OK))
		return 0;
	return BUS_PORT_UP | (v->accepted & NET_F_GUEST_CSUM ? BUS_PORT_CHECKSUMS : 0);
}

struct sending {
	u32 left, accepts;
};

static int send_piece(void *context, u64 gpa, u32 len)
{
	struct sending *s = context;
	u64 flags = s->accepts | (s->left > len ? BUS_FRAME_MORE : 0);

	s->left -= len;
	return l2_call(PEER_SWITCH, BUS_FRAME_PIECE, gpa, len | flags << 32) == BUS_NO_PEER
		       ? -EFAULT
		       : 0;
}

static u32 send(void *state, const struct virtio_chain *c)
{
	struct net *n = state;
	struct sending s = { c->read_len, accepts(&n->v) };

	if (c->read_len < BUS_FRAME_MIN || c->read_len > BUS_FRAME_MAX)
		n->unfit++;
	else if (virtio_each(c, false, 0, c->read_len, send_piece, &s) < 0)
		virtio_break(&n->v);
	return 0;
}

static int receive_piece(void *context, u64 gpa, u32 len)
{
	(void)context;
	return l2_call(PEER_SWITCH, BUS_FRAME_READ, gpa, len) == BUS_NO_PEER ? -EFAULT : 0;
}

/* The frame that comes next, of `len` bytes, into a chain; how many bytes were written. */
static u32 take(struct net *n, const struct virtio_chain *c, u32 len)
{
	if (c->write_len < len) {
		n->unfit++;
		l2_call(PEER_SWITCH, BUS_FRAME_DROP, 0, 0);
		return 0;
	}
	if (virtio_each(c, true, 0, len, receive_piece, NULL) < 0)
		virtio_break(&n->v);
	return len;
}

static void receive(struct net *n)
{
	struct virtio_chain chain;
	u32 frames = 0;
	u64 len;

	while (frames < FRAMES) {
		len = l2_call(PEER_SWITCH, BUS_FRAME_NEXT, 0, 0);
		if (!len || len == BUS_NO_PEER)
			break;
		if (virtio_next(&n->v, RX, &chain)) {
			virtio_done(&n->v, RX, &chain, take(n, &chain, (u32)len));
			frames++;
		} else if (virtio_wait(&n->v, RX)) {
			break;
		}
	}
	virtio_show(&n->v, RX);
	if (frames == FRAMES)
		l1_timer_arm(l1_now_ns());
}

static void notify(void *state, u32 queue)
{
	if (queue == TX)
		virtio_serve(state, TX, send);
	else
		receive(state);
}

/* The switch has something, or one of the queues has more than was done at one go. */
static void timer(void *state)
{
	receive(state);
	virtio_serve(state, TX, send);
}

static void report(void *state)
{
	l2_call(PEER_SWITCH, BUS_PORT_STATE, accepts(state), 0);
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
	.ready = report,
};

VIRTIO_DEVICE(net, net_class, struct net, timer);
