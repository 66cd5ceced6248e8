/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual switch: ports for network devices, each with the address that its guest may use, a
 * VLAN and a rate. It learns where the addresses of open ports are (IEEE 802.1Q, "The learning
 * process"; those of the others are known), keeps VLANs apart and shows everything to mirrors.
 *
 * A frame comes in pieces, straight from the RAM of the VM that calls, into a place of its port's;
 * complete, it is judged by this copy, and copied to a queue of each port that is to have it.
 * Before it stands virtio's header (VIRTIO 1.2, "Device Operation" of the network device), of which
 * only what was checked is kept. Nobody waits: where there is no room, a frame is lost and counted.
 */
#include "drivers/api/driver.h"

#include "core/lib/string.h"

#define PORTS BUS_PORTS
#define SLOTS 64 /* frames that a port's queue holds */
#define TABLE 64 /* addresses learnt */

#define FRESH_NS  300000000000ull /* how long what was learnt is believed */
#define BURST_NS  100000000ull	  /* a port that was silent may send as much at once */
#define NS_PER_S  1000000000ull
#define MAC_GROUP BIT(40)
#define NO_PORT	  UINT32_MAX

#define TAG_CUSTOMER 0x8100 /* IEEE 802.1Q, "Tag formats" */
#define TAG_SERVICE  0x88a8

#define HEADER_CHECKSUM 1 /* flag: the frame's checksum is still to be made */

struct header {
	u8 flags, gso_type;
	u16 header_len, gso_size;
	u16 checksum_start, checksum_offset; /* in the frame */
	u16 buffers;
};
ASSERT_SIZE(struct header, 12);

struct frame {
	struct header header;
	u8 to[6], from[6], type[2];
	u8 payload[BUS_FRAME_MAX - 12 - 14];
};
ASSERT_SIZE(struct frame, BUS_FRAME_MAX);

struct queued {
	u32 len;
	struct frame frame;
};

struct port {
	bool used, open, mirror;
	u8 state; /* BUS_PORT_ bits: what its guest is ready for */
	u64 mac;
	u32 vlan;
	u64 bytes_per_s, tokens, refilled_ns;
	u32 coming_len, read; /* of what is coming in; of the first in the queue, what was read */
	struct frame coming;
	u32 head, tail; /* frames ever put into the queue and taken from it */
	struct queued queue[SLOTS];
	u64 sent, received, refused, lost;
};

struct learnt {
	u64 mac, seen_ns;
	u32 vlan, port;
};

struct vswitch {
	struct port port[PORTS];
	struct learnt table[TABLE];
};

static u64 number(const u8 mac[6])
{
	u64 n = 0;

	for (u32 i = 0; i < 6; i++)
		n = n << 8 | mac[i];
	return n;
}

static struct learnt *place(struct vswitch *s, u64 mac, u32 vlan)
{
	return &s->table[(mac ^ mac >> 8 ^ mac >> 16 ^ vlan) % TABLE];
}

/* Whose address this is, by configuration. */
static u32 owner(const struct vswitch *s, u64 mac, u32 vlan)
{
	for (u32 i = 0; i < PORTS; i++)
		if (s->port[i].used && s->port[i].mac == mac && s->port[i].vlan == vlan)
			return i;
	return NO_PORT;
}

static u32 find(struct vswitch *s, u64 mac, u32 vlan)
{
	u32 port = owner(s, mac, vlan);
	const struct learnt *l = place(s, mac, vlan);

	if (port == NO_PORT && l->seen_ns && l->mac == mac && l->vlan == vlan &&
		s->port[l->port].used && l1_now_ns() - l->seen_ns < FRESH_NS)
		return l->port;
	return port;
}

static void learn(struct vswitch *s, u64 mac, u32 vlan, u32 port)
{
	if (s->port[port].open && owner(s, mac, vlan) == NO_PORT)
		*place(s, mac, vlan) = (struct learnt){ mac, l1_now_ns() | 1, vlan, port };
}

/* Whether the port's rate leaves room for so many bytes; they are counted then. */
static bool within_rate(struct port *p, u32 len)
{
	u64 now, most = p->bytes_per_s / (NS_PER_S / BURST_NS) + BUS_FRAME_MAX;

	if (!p->bytes_per_s)
		return true;
	now = l1_now_ns();
	if (now > p->refilled_ns)
		p->tokens = MIN(most, p->tokens + MIN(now - p->refilled_ns, NS_PER_S) *
							  p->bytes_per_s / NS_PER_S);
	p->refilled_ns = now;
	if (p->tokens < len)
		return false;
	p->tokens -= len;
	return true;
}

/* The checksum that the sender left out: the sum over the rest of the frame (RFC 1071). */
static void make_checksum(struct frame *f, u32 len)
{
	u8 *bytes = f->to;
	u32 start = f->header.checksum_start, at = start + f->header.checksum_offset;
	u64 sum = 0;

	f->header.flags = 0;
	for (u32 i = start; i < len; i += 2)
		sum += (u32)bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = sum == 0xffff ? sum : ~sum & 0xffff; /* zero would mean that there is none */
	bytes[at] = (u8)(sum >> 8);
	bytes[at + 1] = (u8)sum;
}

static void deliver(struct vswitch *s, u32 to, const struct frame *f, u32 len)
{
	struct port *p = &s->port[to];
	struct queued *q = &p->queue[p->head % SLOTS];

	if (!(p->state & BUS_PORT_UP) || p->head - p->tail == SLOTS) {
		p->lost++;
		return;
	}
	q->len = len;
	memcpy(&q->frame, f, len);
	if ((f->header.flags & HEADER_CHECKSUM) && !(p->state & BUS_PORT_CHECKSUMS))
		make_checksum(&q->frame, len - (u32)sizeof(struct header));
	if (p->head++ == p->tail)
		l2_wake(to);
}

/* The header as the others may see it; false: it asks for what is not there. */
static bool clean_header(struct header *h, u32 len)
{
	struct header clean = { .buffers = 1 };

	if (h->gso_type)
		return false;
	if (h->flags & HEADER_CHECKSUM) {
		clean.flags = HEADER_CHECKSUM;
		clean.checksum_start = h->checksum_start;
		clean.checksum_offset = h->checksum_offset;
		if (clean.checksum_start + clean.checksum_offset + 2u > len)
			return false;
	}
	*h = clean;
	return true;
}

/* May this port send that? Tagged frames would leave its VLAN. */
static bool allowed(struct port *p, struct frame *f, u32 len, u64 from)
{
	u32 type = (u32)f->type[0] << 8 | f->type[1];

	return clean_header(&f->header, len - (u32)sizeof(f->header)) && !(from & MAC_GROUP) &&
	       (p->open || from == p->mac) && type != TAG_CUSTOMER && type != TAG_SERVICE &&
	       within_rate(p, len);
}

/* A whole frame, from one port to those that are to have it. */
static void forward(struct vswitch *s, u32 from, struct frame *f, u32 len)
{
	struct port *p = &s->port[from];
	u64 to_mac = number(f->to), from_mac = number(f->from);
	u32 to;

	if (len < BUS_FRAME_MIN || !allowed(p, f, len, from_mac)) {
		p->refused++;
		return;
	}
	p->sent++;
	learn(s, from_mac, p->vlan, from);
	to = to_mac & MAC_GROUP ? NO_PORT : find(s, to_mac, p->vlan);
	for (u32 i = 0; i < PORTS; i++) {
		const struct port *other = &s->port[i];
		bool wanted =
			other->mirror || (other->vlan == p->vlan && (to == NO_PORT || to == i));

		if (other->used && i != from && wanted)
			deliver(s, i, f, len);
	}
}

/* flags: BUS_PORT_ bits, and BUS_FRAME_MORE unless this is the last piece. */
static u64 take_piece(struct vswitch *s, u32 port, u64 gpa, u32 len, u32 flags)
{
	struct port *p = &s->port[port];
	u32 at = p->coming_len;

	p->state = flags & (BUS_PORT_UP | BUS_PORT_CHECKSUMS);
	p->coming_len = 0;
	if (len > sizeof(p->coming) - at || l3_memory_read(gpa, (u8 *)&p->coming + at, len) < 0)
		return BUS_NO_PEER;
	if (flags & BUS_FRAME_MORE)
		p->coming_len = at + len;
	else
		forward(s, port, &p->coming, at + len);
	return 0;
}

static u64 next_len(const struct port *p)
{
	return p->head == p->tail ? 0 : p->queue[p->tail % SLOTS].len;
}

static u64 drop(struct port *p)
{
	p->tail += p->head != p->tail;
	p->read = 0;
	return 0;
}

static u64 read_piece(struct port *p, u64 gpa, u32 len)
{
	const struct queued *q = &p->queue[p->tail % SLOTS];

	if (p->head == p->tail || len > q->len - p->read ||
		l3_memory_write(gpa, (const u8 *)&q->frame + p->read, len) < 0)
		return BUS_NO_PEER;
	p->read += len;
	if (p->read == q->len) {
		drop(p);
		p->received++;
	}
	return 0;
}

/* How the guest's driver stands; without one nothing waits for it. */
static u64 set_state(struct port *p, u8 state)
{
	p->state = state & (BUS_PORT_UP | BUS_PORT_CHECKSUMS);
	p->coming_len = p->read = 0;
	if (!(state & BUS_PORT_UP))
		p->tail = p->head;
	return 0;
}

static u64 configure(struct port *p, u64 a, u64 b)
{
	memset(p, 0, offsetof(struct port, coming));
	p->head = p->tail = 0;
	p->sent = p->received = p->refused = p->lost = 0;
	p->mac = a & (BIT(48) - 1);
	p->vlan = a >> BUS_PORT_VLAN & 0xfff;
	p->open = a & BUS_PORT_OPEN;
	p->mirror = a & BUS_PORT_MIRROR;
	p->used = a & BUS_PORT_USED;
	p->bytes_per_s = p->tokens = b;
	return 0;
}

/* BUS_INFO: 0 frames sent, 1 received, 2 refused, 3 lost for want of room. */
static u64 info(const struct port *p, u64 item)
{
	const u64 items[] = { p->sent, p->received, p->refused, p->lost };

	return item < ARRAY_LEN(items) ? items[item] : BUS_NO_PEER;
}

static u64 vswitch_call(void *state, u32 fn, u64 a, u64 b)
{
	struct vswitch *s = state;
	u32 port = fn >> BUS_PORT_SHIFT;
	struct port *p = &s->port[port % PORTS];

	if (port >= PORTS)
		return BUS_NO_PEER;
	switch (fn & (BIT(BUS_PORT_SHIFT) - 1)) {
	case BUS_FRAME_PIECE:
		return take_piece(s, port, a, (u32)b, b >> 32);
	case BUS_FRAME_NEXT:
		return next_len(p);
	case BUS_FRAME_READ:
		return read_piece(p, a, (u32)b);
	case BUS_FRAME_DROP:
		return drop(p);
	case BUS_PORT_STATE:
		return set_state(p, (u8)a);
	case BUS_PORT_CONFIGURE:
		return configure(p, a, b);
	case BUS_INFO:
		return info(p, a);
	default:
		return BUS_NO_PEER;
	}
}

static void vswitch_start(void *state, const struct driver_setup *setup)
{
	(void)state, (void)setup;
}

static const struct driver vswitch_driver = {
	.name = "vswitch",
	.role = PEER_SWITCH,
	.state_size = sizeof(struct vswitch),
	.grants = GRANT_MEMORY | GRANT_WAKE,
	.start = vswitch_start,
	.call = vswitch_call,
};
DRIVER_REGISTER(vswitch_driver);
