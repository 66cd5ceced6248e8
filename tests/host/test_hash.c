/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SipHash-2-4 against the paper's vectors (key 00..0f, message 00..len-1), SHA-256 against those of
 * FIPS 180-4's examples, and both in pieces and unaligned.
 */
#include "drivers/api/sha256.h"
#include "drivers/api/siphash.h"
#include "tests/dialect.h"

#include <stdio.h>
#include <string.h>

TEST(siphash_vectors)
{
	static const struct {
		u32 len;
		u64 hash;
	} vectors[] = { { 0, 0x726fdb47dd0e0e31 }, { 1, 0x74f839c593dc67fd },
		{ 7, 0xab0200f58b01d137 }, { 8, 0x93f5f5799a932462 }, { 9, 0x9e0082df0ba9e4b0 },
		{ 15, 0xa129ca6149be45e5 }, { 63, 0x958a324ceb064572 } };
	u8 key[16], message[65];

	for (u32 i = 0; i < sizeof(message); i++)
		message[i] = i - 1;
	for (u32 i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (u32 i = 0; i < ARRAY_LEN(vectors); i++)
		EXPECT_EQ(siphash24(key, message + 1, vectors[i].len), vectors[i].hash);
}

TEST(siphash_depends_on_every_bit)
{
	u8 key[16] = { 0 }, message[11] = { 0 };
	u64 plain = siphash24(key, message, sizeof(message));

	for (u32 bit = 0; bit < 8 * sizeof(key); bit++) {
		key[bit / 8] ^= 1 << bit % 8;
		EXPECT(siphash24(key, message, sizeof(message)) != plain);
		key[bit / 8] ^= 1 << bit % 8;
	}
	for (u32 bit = 0; bit < 8 * sizeof(message); bit++) {
		message[bit / 8] ^= 1 << bit % 8;
		EXPECT(siphash24(key, message, sizeof(message)) != plain);
		message[bit / 8] ^= 1 << bit % 8;
	}
}

/* The digest of text, given to the hash `piece` bytes at a time, as hexadecimal. */
static const char *sha256_hex(const char *text, size_t len, size_t piece)
{
	static char hex[2 * SHA256_SIZE + 1];
	u8 digest[SHA256_SIZE];
	struct sha256 s;

	sha256_init(&s);
	for (size_t i = 0; i < len; i += piece)
		sha256_update(&s, text + i, MIN(piece, len - i));
	sha256_final(&s, digest);
	for (u32 i = 0; i < SHA256_SIZE; i++)
		sprintf(hex + 2 * i, "%02x", digest[i]);
	return hex;
}

TEST(sha256_vectors)
{
	const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

	EXPECT_STR(sha256_hex("", 0, 1),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	EXPECT_STR(sha256_hex("abc", 3, 3),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	EXPECT_STR(sha256_hex(two, strlen(two), 64),
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256_million_in_pieces)
{
	static char text[1000000];
	static const size_t pieces[] = { 1, 3, 63, 64, 65, 1000, sizeof(text) };

	memset(text, 'a', sizeof(text));
	for (u32 i = 0; i < ARRAY_LEN(pieces); i++)
		EXPECT_STR(sha256_hex(text, sizeof(text), pieces[i]),
			"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(sha256_every_padding)
{
	static const struct {
		u32 len;
		const char *hex;
	} vectors[] = {
		{ 55, "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072" },
		{ 56, "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e" },
		{ 57, "ae14a2563ccf969d99aca69ce6bb74981f734bbf9f655f73b8f06db68cab5217" },
		{ 63, "75220b47218278e656f2013bb8f0c455a25eaf01e86c64924e9d48d89776d6f2" },
		{ 64, "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c" },
		{ 65, "9537c5fdf120482f7d58d25e9ed583f52c02b4e304ea814db1633ad565aed7e9" },
		{ 119, "000b48d4edf0fa7bee3c6236ecd2785baa5db4eeb8bb54341b029e0d9fa5fb0c" },
		{ 120, "13f05a0b594787f5ecd315edc96141bd3243203d1b7d4f0836f37308b276ba98" },
		{ 128, "24da1b81d0b16df6428eee73c69fcb2a93c76bc6df706f0c6670fe6bfe800464" },
	};
	char text[130];

	memset(text, 'x', sizeof(text));
	for (u32 i = 0; i < ARRAY_LEN(vectors); i++)
		EXPECT_STR(sha256_hex(text, vectors[i].len, 7), vectors[i].hex);
}
