/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtual switch: ports for network devices, each with the addresses that its guest may use, a
 * VLAN and a rate. What comes in another's name is dropped and reported, as a message to the port
 * that sent it. It learns where the addresses of open ports are (IEEE 802.1Q, "The learning
 * process"; those of the others are known), keeps VLANs apart and shows everything to mirrors.
 *
 * Frames do not pass through here. A port grants what it sends for reading and its buffers for
 * writing: of a frame the beginning is read once and judged by this copy, and the nucleus is asked
 * to copy the rest from one grant into another. Before it stands virtio's header (VIRTIO 1.2,
 * "Device Operation" of the network device), of which only what was checked gets there. Several TCP
 * segments in one frame are cut for ports that do not take them so. Nobody waits: where there is no
 * buffer, a frame is lost and counted.
 *
 * The copy that ends a frame tells the port of it, and a buffer can be written to once: so a switch
 * that fails under way and does the call again sends each frame once. What is -ESTALE then was
 * done.
 */
#include "drivers/api/driver.h"
#include "drivers/vswitch/segment.h"

#include "core/lib/string.h"

#define PORTS BUS_PORTS
#define SLOTS BUS_BUFFERS_MOST /* that a port may have here */
#define TABLE 170	       /* addresses learnt */
#define CUTS  256	       /* segments that are made at most in one call, for all ports */

#define FRESH_NS  300000000000ull /* how long what was learnt is believed */
#define BURST_NS  100000000ull	  /* a port that was silent may send as much at once */
#define NS_PER_S  1000000000ull
#define MAC_GROUP BIT(40)
#define NO_PORT	  UINT32_MAX

#define TAG_CUSTOMER 0x8100 /* IEEE 802.1Q, "Tag formats" */
#define TAG_SERVICE  0x88a8

/* Where in the payload the sender says who it is (RFC 791, "Internet Header Format"; RFC 826). */
#define IPV4_SENDER   12
#define ARP_SENDER    8
#define ARP_SENDS_IP  14
#define ADDRESSES_END (14 + 20) /* of the frame: no checksum comes before */

/* What is read of a frame: as far as TCP's header may go. */
struct start {
	struct header header;
	u8 to[6], from[6], type[2];
	u8 payload[SEGMENT_HEADERS - 14];
};
ASSERT_SIZE(struct start, sizeof(struct header) + SEGMENT_HEADERS);
#define JUDGED_LEAST (offsetof(struct start, payload) + 28) /* the addresses in ARP */

/* One that is being forwarded. */
struct frame {
	struct start start;
	u64 grant, from, to; /* to be read; addresses */
	u32 len, port;	     /* with its header; where it came in */
	u32 judged;	     /* so much of it was read, and is passed on as it was judged */
	u32 cuts;	     /* segments that may still be made */
	struct segments segments;
};

struct port {
	bool used, open, mirror;
	u8 state; /* BUS_PORT_ bits: what its guest is ready for */
	u8 end;	  /* of the bus: what its buffers have to be granted by, as the nucleus has seen */
	u64 mac;
	u32 ip, vlan;
	u64 bytes_per_s, tokens, refilled_ns;
	u64 sent, received, refused, lost;
	u32 head, tail; /* buffers ever given and used */
};

struct learnt {
	u64 mac, seen_ns;
	u32 vlan, port;
};

struct vswitch {
	struct port port[PORTS];
	u32 mirrors; /* ports, a bit for each */
	struct bus_buffer buffer[PORTS][SLOTS];
	struct learnt table[TABLE];
	u8 unused[16];
};
static_assert(!((sizeof(struct vswitch) - offsetof(struct vswitch, buffer)) % PAGE_SIZE),
	"what changes with every frame has its own page, which is kept for a microreboot each time");

/* There are two bytes more behind it. */
static u64 number(const u8 mac[6])
{
	u64 n;

	memcpy(&n, mac, sizeof(n));
	return __builtin_bswap64(n) >> 16;
}

static struct learnt *place(struct vswitch *s, u64 mac, u32 vlan)
{
	return &s->table[(mac ^ mac >> 8 ^ mac >> 16 ^ vlan) % TABLE];
}

/* Whose address this is, by configuration. */
static u32 owner(const struct vswitch *s, u64 mac, u32 vlan)
{
	for (u32 i = 0; i < PORTS; i++)
		if (s->port[i].mac == mac && s->port[i].vlan == vlan && s->port[i].used)
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

/* What is known is written again after a second. */
static void learn(struct vswitch *s, u64 mac, u32 vlan, u32 port)
{
	struct learnt *l = place(s, mac, vlan);
	u64 now;

	if (!s->port[port].open || owner(s, mac, vlan) != NO_PORT)
		return;
	now = l1_now_ns() | 1;
	if (now - l->seen_ns > NS_PER_S || l->mac != mac || l->vlan != vlan || l->port != port)
		*l = (struct learnt){ mac, now, vlan, port };
}

/* Whether the port's rate leaves room for the frame, as it is when it is cut; it is counted then.
 */
static bool within_rate(struct port *p, const struct frame *f)
{
	u64 now, most = p->bytes_per_s / (NS_PER_S / BURST_NS) + BUS_FRAME_LONG;
	u64 len = f->len;

	if (!p->bytes_per_s)
		return true;
	if (f->start.header.gso_type)
		len += (f->segments.n - 1ull) * (sizeof(struct header) + f->segments.data);
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

/* What goes to a port: bytes from here, and behind them what lies as far in a grant. */
struct row {
	struct header *own;
	u64 from;
	u32 own_len, len;
};

/* How many of its next buffers it takes; 0: there are too few. */
static u32 room(const struct port *p, const struct bus_buffer *buffer, u32 len)
{
	u32 most = p->state & BUS_PORT_MERGES ? p->head - p->tail : MIN(p->head - p->tail, 1u);

	for (u32 i = 0, all = 0; i < most; i++) {
		all += MIN(buffer[(p->tail + i) % SLOTS].len, len);
		if (all >= len)
			return i + 1;
	}
	return 0;
}

static void give(struct vswitch *s, u32 to, const struct row *r)
{
	struct port *p = &s->port[to];
	u32 n = room(p, s->buffer[to], r->len), at = 0, end;
	int err = n ? 0 : -ENOSPC;

	r->own->buffers = (u16)n;
	for (; n && (!err || err == -ESTALE); n--, at = end) {
		const struct bus_buffer *b = &s->buffer[to][p->tail++ % SLOTS];

		end = at + MIN(r->len - at, b->len);
		err = -ESTALE;
		if (BUS_HANDLE_END(b->grant) == p->end)
			err = l2_copy(b->grant, r->from, r->own,
				BUS_LENGTHS(r->own_len, at, end) | (n == 1 ? BUS_TELL : 0));
	}
	if (err && err != -ESTALE)
		p->lost++;
	else
		p->received++;
}

/* With its checksum, from here. What was checked is not read again. */
static int give_whole(struct vswitch *s, u32 to, const struct frame *f)
{
	u8 whole[BUS_FRAME_MAX] __aligned(8);
	struct header *h = (struct header *)whole;
	int err = 0;

	if (f->judged < f->len)
		err = l2_peek(f->grant, f->judged, whole + f->judged, f->len - f->judged);
	if (err)
		return err;
	memcpy(whole, &f->start, f->judged);
	checksum_make(whole + sizeof(*h), h, f->len - (u32)sizeof(*h));
	memset(h, 0, sizeof(*h));
	give(s, to, &(struct row){ h, 0, f->len, f->len });
	return 0;
}

/* Segment by segment. */
static int give_cut(struct vswitch *s, u32 to, struct frame *f)
{
	u8 whole[BUS_FRAME_MAX] __aligned(8);
	struct header *h = (struct header *)whole;
	const struct segments *g = &f->segments;
	u32 data = (u32)sizeof(*h) + g->data, n;
	int err = 0;

	if (f->cuts < g->n)
		return -E2BIG;
	f->cuts -= g->n;
	for (u32 i = 0; i < g->n && !err; i++) {
		n = segment_len(g, i);
		memcpy(whole, &f->start, data);
		memset(h, 0, sizeof(*h));
		err = l2_peek(f->grant, data + i * g->size, whole + data, n);
		segment_make(g, i, whole + sizeof(*h));
		if (!err)
			give(s, to, &(struct row){ h, 0, data + n, data + n });
	}
	return err;
}

/* In the shape that the port has agreed to. */
static void deliver(struct vswitch *s, u32 to, struct frame *f)
{
	struct port *p = &s->port[to];
	struct header *h = &f->start.header;
	u32 takes =
		h->gso_type ? f->segments.v6 ? BUS_PORT_TCPV6 : BUS_PORT_TCPV4 : BUS_PORT_CHECKSUMS;
	int err = 0;

	if (!(h->flags & HEADER_CHECKSUM) || (p->state & takes))
		give(s, to, &(struct row){ h, f->grant, f->judged, f->len });
	else
		err = h->gso_type ? give_cut(s, to, f) : give_whole(s, to, f);
	p->lost += err < 0;
}

/* The header as the others may see it; false: it asks for what is not there, or to be written
 * over what was judged, or the frame is too long. */
static bool clean_header(struct frame *f)
{
	struct header *h = &f->start.header, clean = { 0 };
	u32 at, len = f->len - (u32)sizeof(*h);

	if (h->gso_type && !segments_find(&f->segments, h, f->start.to, len))
		return false;
	if (!h->gso_type && f->len > BUS_FRAME_MAX)
		return false;
	if (h->flags & HEADER_CHECKSUM) {
		clean.flags = HEADER_CHECKSUM;
		clean.checksum_start = h->checksum_start;
		clean.checksum_offset = h->checksum_offset;
		at = clean.checksum_start + clean.checksum_offset;
		if (at < ADDRESSES_END || at + 2 > len)
			return false;
	}
	if (h->gso_type) {
		clean.gso_type = h->gso_type;
		clean.gso_size = h->gso_size;
		clean.header_len = (u16)f->segments.data;
	}
	*h = clean;
	return true;
}

/*
 * What of another's the frame bears. Who has no IPv4 address yet says 0 (RFC 2131, RFC 5227); IPv6
 * is nobody's.
 */
static enum bus_forgery forged(const struct port *p, const struct frame *f, u32 type, u64 *claimed)
{
	const u8 *payload = f->start.payload, *ip = payload + IPV4_SENDER;
	u32 word;

	*claimed = f->from;
	if (p->open || f->from != p->mac)
		return p->open ? FORGED_NOTHING : FORGED_MAC;
	if (type == TYPE_ARP) {
		*claimed = number(payload + ARP_SENDER);
		if (*claimed != p->mac)
			return FORGED_ARP;
		ip = payload + ARP_SENDS_IP;
	} else if (type != TYPE_IPV4) {
		return FORGED_NOTHING;
	}
	memcpy(&word, ip, sizeof(word));
	*claimed = __builtin_bswap32(word);
	return p->ip && *claimed && *claimed != p->ip ? FORGED_IP : FORGED_NOTHING;
}

/* May this port send that? Tagged frames would leave its VLAN. */
static bool allowed(struct port *p, struct frame *f)
{
	u32 type = (u32)f->start.type[0] << 8 | f->start.type[1];
	enum bus_forgery forgery;
	u64 claimed;

	if ((f->from & MAC_GROUP) || type == TAG_CUSTOMER || type == TAG_SERVICE ||
		!clean_header(f))
		return false;
	forgery = forged(p, f, type, &claimed);
	if (forgery != FORGED_NOTHING) /* told, be it that the port has no room to be told */
		(void)!l2_send(PEER_PORT + f->port, BUS_FRAME_REFUSED, forgery, claimed);
	return forgery == FORGED_NOTHING && within_rate(p, f);
}

/* Who is in the VLAN of a port. */
static u32 members(const struct vswitch *s, u32 port)
{
	u32 ports = 0;

	for (u32 i = 0; i < PORTS; i++)
		if (s->port[i].used && s->port[i].vlan == s->port[port].vlan)
			ports |= 1u << i;
	return ports;
}

/* A whole frame, from one port to those that are to have it. */
static u64 forward(struct vswitch *s, u32 port, u64 grant, u32 len)
{
	struct port *p = &s->port[port];
	struct frame f;
	u32 to, ports;

	f.grant = grant;
	f.port = port;
	f.len = len;
	f.cuts = CUTS;
	f.judged = MIN(len, (u32)sizeof(f.start));
	if (f.judged < JUDGED_LEAST)
		memset(&f.start, 0, JUDGED_LEAST);
	if (len < BUS_FRAME_MIN || len > BUS_FRAME_LONG ||
		l2_peek(grant, 0, &f.start, f.judged) < 0)
		return BUS_NO_PEER;
	f.to = number(f.start.to);
	f.from = number(f.start.from);
	if (!allowed(p, &f)) {
		p->refused++;
		return 0;
	}
	p->sent++;
	learn(s, f.from, p->vlan, port);
	to = f.to & MAC_GROUP ? NO_PORT : find(s, f.to, p->vlan);
	ports = s->mirrors | (to == NO_PORT ? members(s, port) : 1u << to);
	for (ports &= ~(1u << port); ports; ports &= ports - 1)
		deliver(s, (u32)__builtin_ctz(ports), &f);
	return CUTS - f.cuts;
}

/* How the guest's driver stands. */
static u64 set_state(struct port *p, u8 state, u32 buffers)
{
	p->state = state;
	p->head = p->tail = buffers;
	return 0;
}

/* Where there are too many, the first is one that was forgotten. */
static u64 add_buffer(struct vswitch *s, u32 port, u64 grant, u32 len)
{
	struct port *p = &s->port[port];

	p->end = BUS_HANDLE_END(grant);
	p->tail += p->head - p->tail == SLOTS;
	s->buffer[port][p->head++ % SLOTS] = (struct bus_buffer){ .grant = grant, .len = len };
	return 0;
}

/* All that were not used yet: of a port that was rebooted they are not those of before. */
static u64 read_buffers(struct vswitch *s, u32 port, u64 ring, u32 head)
{
	struct port *p = &s->port[port];
	u32 n, i;

	p->end = BUS_HANDLE_END(ring);
	if (head - p->tail > SLOTS)
		p->tail = head - SLOTS;
	for (p->head = p->tail; p->head != head; p->head += n) {
		i = p->head % SLOTS;
		n = MIN(head - p->head, SLOTS - i);
		if (l2_peek(ring, i * (u32)sizeof(struct bus_buffer), &s->buffer[port][i],
			    n * (u32)sizeof(struct bus_buffer)) < 0)
			return BUS_NO_PEER;
	}
	return 0;
}

/* Settings change while the port is at work: its buffers stay. What was learnt of it does not. */
static u64 configure(struct vswitch *s, u32 port, u64 a, u64 b)
{
	struct port *p = &s->port[port];

	if (!(a & BUS_PORT_USED))
		memset(p, 0, sizeof(*p));
	for (struct learnt *l = s->table; l < s->table + TABLE; l++)
		if (l->port == port)
			l->seen_ns = 0;
	p->ip = (u32)(b >> 32);
	p->mac = a & (BIT(48) - 1);
	p->vlan = a >> BUS_PORT_VLAN & 0xfff;
	p->open = a & BUS_PORT_OPEN;
	p->mirror = a & BUS_PORT_MIRROR;
	p->used = a & BUS_PORT_USED;
	s->mirrors = (s->mirrors & ~(1u << port)) | (u32)(p->used && p->mirror) << port;
	p->bytes_per_s = p->tokens = (u32)b;
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
	case BUS_FRAME:
		return forward(s, port, a, (u32)b);
	case BUS_BUFFER:
		return add_buffer(s, port, a, (u32)b);
	case BUS_BUFFERS:
		return read_buffers(s, port, a, (u32)b);
	case BUS_PORT_STATE:
		return set_state(p, (u8)a, (u32)b);
	case BUS_PORT_CONFIGURE:
		return configure(s, port, a, b);
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
	.grants = GRANT_WAKE,
	.start = vswitch_start,
	.call = vswitch_call,
};
DRIVER_REGISTER(vswitch_driver);
