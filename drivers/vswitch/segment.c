/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP segments out of one frame. Whoever sends such a frame has checked nothing of it: each length
 * is held against what is there before it is used, and each segment's headers are made anew. The
 * sums are made of words in the order of memory: their bytes come out in that of the wire (RFC
 * 1071, "Byte Order Independence").
 */
#include "drivers/vswitch/segment.h"

#include "drivers/api/driver.h"

#include "core/lib/string.h"

#define AT_TYPE 12
#define AT_IP	14

/* IPv4 */
#define AT_V4_LEN      (AT_IP + 2)
#define AT_V4_ID       (AT_IP + 4)
#define AT_V4_FRAGMENT (AT_IP + 6)
#define AT_V4_PROTOCOL (AT_IP + 9)
#define AT_V4_CHECKSUM (AT_IP + 10)
#define AT_V4_SENDER   (AT_IP + 12)
#define V4_FRAGMENT    0x3fff /* more of them, or not the first */

/* IPv6; extension headers are not looked for. */
#define AT_V6_LEN      (AT_IP + 4)
#define AT_V6_PROTOCOL (AT_IP + 6)
#define AT_V6_SENDER   (AT_IP + 8)
#define V6_HEADER      40

#define PROTOCOL_TCP 6

/* TCP, from its header on */
#define TCP_SEQUENCE 4
#define TCP_OFFSET   12
#define TCP_FLAGS    13
#define TCP_CHECKSUM 16
#define TCP_HEADER   20
#define FLAG_FIN     BIT(0)
#define FLAG_PUSH    BIT(3)
#define FLAG_REDUCED BIT(7) /* CWR (RFC 3168): it is said once */

static u32 get16(const u8 *at)
{
	return (u32)at[0] << 8 | at[1];
}

static void put16(u8 *at, u32 value)
{
	at[0] = (u8)(value >> 8);
	at[1] = (u8)value;
}

/* Adds bytes to a sum; an odd number of them ends it. */
static u64 add(u64 sum, const u8 *at, u32 len)
{
	u32 word;

	for (; len >= sizeof(word); at += sizeof(word), len -= (u32)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		sum += word;
	}
	for (word = 0; len--; word |= (u32)at[len] << 8 * len)
		;
	return sum + word;
}

static u16 fold(u64 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (u16)~sum;
}

void checksum_make(u8 *frame, const struct header *h, u32 len)
{
	u16 sum = fold(add(0, frame + h->checksum_start, len - h->checksum_start));

	sum = sum ? sum : 0xffff; /* zero would mean that there is none */
	memcpy(frame + h->checksum_start + h->checksum_offset, &sum, sizeof(sum));
}

/* Where TCP's header begins; 0: it does not. */
static u32 find_tcp(const u8 *head, u32 len, bool v6)
{
	u32 tcp = AT_IP + (v6 ? V6_HEADER : 4 * (head[AT_IP] & 15u));
	bool fits =
		len >= tcp + TCP_HEADER && get16(head + AT_TYPE) == (v6 ? TYPE_IPV6 : TYPE_IPV4);

	if (!fits || head[AT_IP] >> 4 != (v6 ? 6 : 4) || tcp < AT_IP + 20)
		return 0;
	if (head[v6 ? AT_V6_PROTOCOL : AT_V4_PROTOCOL] != PROTOCOL_TCP)
		return 0;
	return v6 || !(get16(head + AT_V4_FRAGMENT) & V4_FRAGMENT) ? tcp : 0;
}

bool segments_find(struct segments *s, const struct header *h, const u8 *head, u32 len)
{
	u32 most = BUS_FRAME_MAX - (u32)sizeof(*h);

	s->v6 = h->gso_type == HEADER_TCPV6;
	s->len = len;
	s->size = h->gso_size;
	if ((!s->v6 && h->gso_type != HEADER_TCPV4) || !(h->flags & HEADER_CHECKSUM) || !s->size ||
		len < AT_IP + 20 + TCP_HEADER)
		return false;
	s->tcp = find_tcp(head, len, s->v6);
	if (!s->tcp || h->checksum_start != s->tcp || h->checksum_offset != TCP_CHECKSUM)
		return false;
	s->data = s->tcp + 4 * (head[s->tcp + TCP_OFFSET] >> 4u);
	if (s->data < s->tcp + TCP_HEADER || s->data >= len || s->data + s->size > most)
		return false;
	s->n = (len - s->data + s->size - 1) / s->size;
	return true;
}

u32 segment_len(const struct segments *s, u32 i)
{
	return MIN(s->size, s->len - s->data - i * s->size);
}

/* Its length, its number, and the checksum over its header. */
static void make_ip(const struct segments *s, u32 i, u8 *frame, u32 len)
{
	u16 sum;

	if (s->v6) {
		put16(frame + AT_V6_LEN, len - AT_IP - V6_HEADER);
		return;
	}
	put16(frame + AT_V4_LEN, len - AT_IP);
	put16(frame + AT_V4_ID, get16(frame + AT_V4_ID) + i);
	put16(frame + AT_V4_CHECKSUM, 0);
	sum = fold(add(0, frame + AT_IP, s->tcp - AT_IP));
	memcpy(frame + AT_V4_CHECKSUM, &sum, sizeof(sum));
}

/* Over what stands for IP's header, and all of TCP's (RFC 9293, "Checksum"). */
static void sum_tcp(const struct segments *s, u8 *frame, u32 len)
{
	const u8 rest[] = { 0, PROTOCOL_TCP, (u8)((len - s->tcp) >> 8), (u8)(len - s->tcp) };
	u64 sum = add(0, rest, sizeof(rest));
	u16 folded;

	sum = add(sum, frame + (s->v6 ? AT_V6_SENDER : AT_V4_SENDER), s->v6 ? 32 : 8);
	put16(frame + s->tcp + TCP_CHECKSUM, 0);
	folded = fold(add(sum, frame + s->tcp, len - s->tcp));
	memcpy(frame + s->tcp + TCP_CHECKSUM, &folded, sizeof(folded));
}

void segment_make(const struct segments *s, u32 i, u8 *frame)
{
	u32 len = s->data + segment_len(s, i), sequence;
	u8 *tcp = frame + s->tcp;

	make_ip(s, i, frame, len);
	memcpy(&sequence, tcp + TCP_SEQUENCE, sizeof(sequence));
	sequence = __builtin_bswap32(__builtin_bswap32(sequence) + i * s->size);
	memcpy(tcp + TCP_SEQUENCE, &sequence, sizeof(sequence));
	if (i + 1 < s->n)
		tcp[TCP_FLAGS] &= (u8) ~(FLAG_FIN | FLAG_PUSH);
	if (i)
		tcp[TCP_FLAGS] &= (u8)~FLAG_REDUCED;
	sum_tcp(s, frame, len);
}
