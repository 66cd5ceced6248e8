/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SHA-256. FIPS 180-4, "SHA-224 and SHA-256 Functions" and "SHA-256": the names of the functions
 * and of the working variables are the standard's. Pure.
 */
#include "drivers/api/sha256.h"
#include "core/lib/string.h"

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const u32 K[64] = { 0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74,
	0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
	0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138,
	0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1,
	0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
	0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb,
	0xbef9a3f7, 0xc67178f2 };

static u32 rotr(u32 x, u32 n)
{
	return x >> n | x << (32 - n);
}

static u32 big_sigma0(u32 x)
{
	return rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22);
}

static u32 big_sigma1(u32 x)
{
	return rotr(x, 6) ^ rotr(x, 11) ^ rotr(x, 25);
}

static u32 small_sigma0(u32 x)
{
	return rotr(x, 7) ^ rotr(x, 18) ^ x >> 3;
}

static u32 small_sigma1(u32 x)
{
	return rotr(x, 17) ^ rotr(x, 19) ^ x >> 10;
}

static void schedule(u32 w[64], const u8 *block)
{
	for (u32 t = 0; t < 16; t++) {
		memcpy(&w[t], block + 4 * t, 4);
		w[t] = __builtin_bswap32(w[t]);
	}
	for (u32 t = 16; t < 64; t++)
		w[t] = small_sigma1(w[t - 2]) + w[t - 7] + small_sigma0(w[t - 15]) + w[t - 16];
}

/* a to h of round t are v[0] to v[7]: nothing is moved, v is one word further down each round. */
static void compress(u32 h[8], const u8 *block)
{
	u32 w[64], states[64 + 8], *v = states + 64;

	schedule(w, block);
	memcpy(v, h, 8 * sizeof(*h));
	for (u32 t = 0; t < 64; t++, v--) {
		u32 ch = v[6] ^ (v[4] & (v[5] ^ v[6]));
		u32 maj = (v[0] & v[1]) ^ (v[2] & (v[0] ^ v[1]));
		u32 t1 = v[7] + big_sigma1(v[4]) + ch + K[t] + w[t];

		v[3] += t1;
		v[-1] = t1 + big_sigma0(v[0]) + maj;
	}
	for (u32 i = 0; i < 8; i++)
		h[i] += v[i];
}

void sha256_init(struct sha256 *s)
{
	/* The first 32 bits of the fractions of the square roots of the first 8 primes. */
	*s = (struct sha256){ .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				      0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_update(struct sha256 *s, const void *data, size_t len)
{
	const u8 *p = data;

	while (len) {
		u32 used = s->len % 64;
		u32 n = MIN(len, 64 - used);

		memcpy(s->block + used, p, n);
		s->len += n;
		p += n;
		len -= n;
		if (used + n == 64)
			compress(s->h, s->block);
	}
}

void sha256_final(struct sha256 *s, u8 digest[SHA256_SIZE])
{
	static const u8 padding[64] = { 0x80 };
	u64 bits = __builtin_bswap64(s->len * 8);

	sha256_update(s, padding, 1 + (119 - s->len % 64) % 64);
	sha256_update(s, &bits, sizeof(bits));
	for (u32 i = 0; i < 8; i++) {
		u32 word = __builtin_bswap32(s->h[i]);

		memcpy(digest + 4 * i, &word, 4);
	}
}
