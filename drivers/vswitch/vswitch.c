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
 * "Device Operation" of the network device), of which only what was checked gets there. Nobody
 * waits: where there is no buffer, a frame is lost and counted.
 */
#include "drivers/api/driver.h"

#include "core/lib/string.h"

#define PORTS BUS_PORTS
#define SLOTS 64 /* buffers that a port may have here */
#define TABLE 64 /* addresses learnt */

#define FRESH_NS  300000000000ull /* how long what was learnt is believed */
#define BURST_NS  100000000ull	  /* a port that was silent may send as much at once */
#define NS_PER_S  1000000000ull
#define MAC_GROUP BIT(40)
#define NO_PORT	  UINT32_MAX

#define TAG_CUSTOMER 0x8100 /* IEEE 802.1Q, "Tag formats" */
#define TAG_SERVICE  0x88a8
#define TYPE_IPV4    0x0800
#define TYPE_ARP     0x0806

/* Where in the payload the sender says who it is (RFC 791, "Internet Header Format"; RFC 826). */
#define IPV4_SENDER   12
#define ARP_SENDER    8
#define ARP_SENDS_IP  14
#define ADDRESSES_END (14 + 20) /* of the frame: no checksum comes before */

#define HEADER_CHECKSUM 1 /* flag: the frame's checksum is still to be made */

struct header {
	u8 flags, gso_type;
	u16 header_len, gso_size;
	u16 checksum_start, checksum_offset; /* in the frame */
	u16 buffers;
};
ASSERT_SIZE(struct header, 12);

/* What is read of a frame: as far as the addresses in ARP go. */
struct start {
	struct header header;
	u8 to[6], from[6], type[2];
	u8 payload[28];
};
ASSERT_SIZE(struct start, 54);

/* One that is being forwarded. */
struct frame {
	struct start start;
	u64 grant, from, to; /* to be read; addresses */
	u32 len, port;	     /* with its header; where it came in */
	u32 judged;	     /* so much of it was read, and is passed on as it was judged */
};

struct port {
	bool used, open, mirror;
	u8 state; /* BUS_PORT_ bits: what its guest is ready for */
	u64 mac;
	u32 ip, vlan;
	u64 bytes_per_s, tokens, refilled_ns;
	u64 sent, received, refused, lost;
	u32 head, tail; /* buffers ever given and used */
	u64 buffer[SLOTS];
};

struct learnt {
	u64 mac, seen_ns;
	u32 vlan, port;
};

struct vswitch {
	struct port port[PORTS];
	struct learnt table[TABLE];
	u32 mirrors; /* ports, a bit for each */
};

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
static void make_checksum(u8 *bytes, const struct header *h, u32 len)
{
	u32 start = h->checksum_start, at = start + h->checksum_offset;
	u64 sum = 0;

	for (u32 i = start; i < len; i += 2)
		sum += (u32)bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = sum == 0xffff ? sum : ~sum & 0xffff; /* zero would mean that there is none */
	bytes[at] = (u8)(sum >> 8);
	bytes[at + 1] = (u8)sum;
}

/* With its checksum, from here. What was checked is not read again. */
static int copy_whole(u64 buffer, const struct frame *f)
{
	const struct header plain = { .buffers = 1 };
	u8 whole[BUS_FRAME_MAX];
	int err = l2_peek(f->grant, whole, f->len);

	if (err)
		return err;
	memcpy(whole, &f->start, f->judged);
	make_checksum(whole + sizeof(plain), &f->start.header, f->len - (u32)sizeof(plain));
	memcpy(whole, &plain, sizeof(plain));
	return l2_copy(buffer, 0, whole, BUS_LENGTHS(f->len, f->len));
}

static void deliver(struct vswitch *s, u32 to, struct frame *f)
{
	struct port *p = &s->port[to];
	bool sum = (f->start.header.flags & HEADER_CHECKSUM) && !(p->state & BUS_PORT_CHECKSUMS);
	u64 buffer;
	int err = -ESTALE;

	while (err == -ESTALE && p->head != p->tail) {
		buffer = p->buffer[p->tail++ % SLOTS];
		err = sum ? copy_whole(buffer, f)
			  : l2_copy(buffer, f->grant, &f->start, BUS_LENGTHS(f->judged, f->len));
	}
	if (err || l2_send(PEER_PORT + to, BUS_FRAME_CAME, buffer, f->len) < 0)
		p->lost++;
	else
		p->received++;
}

/* The header as the others may see it; false: it asks for what is not there, or to be written
 * over what was judged. */
static bool clean_header(struct header *h, u32 len)
{
	struct header clean = { .buffers = 1 };
	u32 at;

	if (h->gso_type)
		return false;
	if (h->flags & HEADER_CHECKSUM) {
		clean.flags = HEADER_CHECKSUM;
		clean.checksum_start = h->checksum_start;
		clean.checksum_offset = h->checksum_offset;
		at = clean.checksum_start + clean.checksum_offset;
		if (at < ADDRESSES_END || at + 2 > len)
			return false;
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
		!clean_header(&f->start.header, f->len - (u32)sizeof(struct header)))
		return false;
	forgery = forged(p, f, type, &claimed);
	if (forgery != FORGED_NOTHING) /* told, be it that the port has no room to be told */
		(void)!l2_send(PEER_PORT + f->port, BUS_FRAME_REFUSED, forgery, claimed);
	return forgery == FORGED_NOTHING && within_rate(p, f->len);
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
	f.judged = MIN(len, (u32)sizeof(f.start));
	if (f.judged < sizeof(f.start))
		memset(&f.start, 0, sizeof(f.start));
	if (len < BUS_FRAME_MIN || len > BUS_FRAME_MAX || l2_peek(grant, &f.start, f.judged) < 0)
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
	return 0;
}

/* How the guest's driver stands. */
static u64 set_state(struct port *p, u8 state)
{
	p->state = state & (BUS_PORT_UP | BUS_PORT_CHECKSUMS);
	p->tail = p->head;
	return 0;
}

/* Where there are too many, the first is one that was forgotten. */
static u64 add_buffer(struct port *p, u64 grant)
{
	p->tail += p->head - p->tail == SLOTS;
	p->buffer[p->head++ % SLOTS] = grant;
	return 0;
}

/* Settings change while the port is at work: its buffers stay. What was learnt of it does not. */
static u64 configure(struct vswitch *s, u32 port, u64 a, u64 b)
{
	struct port *p = &s->port[port];

	if (!(a & BUS_PORT_USED))
		memset(p, 0, offsetof(struct port, buffer));
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
		return add_buffer(p, a);
	case BUS_PORT_STATE:
		return set_state(p, (u8)a);
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
