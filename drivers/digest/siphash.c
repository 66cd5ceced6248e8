/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4, after chapter 2 of "SipHash: a fast short-input PRF": two rounds for each word of
 * eight bytes, four at the end. Pure; reads little-endian words as they lie.
 */
#include "drivers/api/siphash.h"
#include "core/lib/string.h"

struct state {
	u64 v0, v1, v2, v3;
};

static u64 rotate(u64 x, u32 n)
{
	return x << n | x >> (64 - n);
}

static u64 load64(const u8 *p)
{
	u64 word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static void rounds(struct state *s, u32 n)
{
	while (n--) {
		s->v0 += s->v1;
		s->v2 += s->v3;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 = rotate(s->v0, 32) + s->v3;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 = rotate(s->v2, 32);
	}
}

static void absorb(struct state *s, u64 word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

u64 siphash24(const u8 key[16], const void *data, size_t len)
{
	u64 k0 = load64(key), k1 = load64(key + 8);
	struct state s = {
		k0 ^ 0x736f6d6570736575, /* "somepseu" */
		k1 ^ 0x646f72616e646f6d, /* "dorandom" */
		k0 ^ 0x6c7967656e657261, /* "lygenera" */
		k1 ^ 0x7465646279746573, /* "tedbytes" */
	};
	const u8 *p = data, *end = p + len / 8 * 8;
	u64 last = (u64)len << 56;

	for (; p < end; p += 8)
		absorb(&s, load64(p));
	for (u32 i = 0; i < len % 8; i++)
		last |= (u64)p[i] << (8 * i);
	absorb(&s, last);
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
