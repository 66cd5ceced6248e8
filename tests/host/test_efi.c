/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The search for the ACPI root pointer in EFI's tables, over tables as firmware writes them and as
 * nobody should. Every mapping is a copy of exactly the bytes asked for, so that a read beside it
 * is seen by the sanitizer.
 */
#include "boot/efi.h"
#include "tests/dialect.h"

#include <stdlib.h>
#include <string.h>

#define BASE	0x1f7e0000ull
#define TABLE	0x018
#define ENTRIES 0x400
#define OLD	0x800
#define NEW	0x840
#define MAPS	1000

static const u8 guid_new[16] = "\x71\xe8\x68\x88\xf1\xe4\xd3\x11\xbc\x22\x00\x80\xc7\x3c\x88\x81";
static const u8 guid_old[16] = "\x30\x2d\x9d\xeb\x88\x2d\xd3\x11\x9a\x16\x00\x90\x27\x3f\xc1\x4d";

static u8 memory[0x4000];
static void *maps[MAPS];
static u32 nmaps;

static const void *map(u64 physical, u64 len)
{
	if (physical < BASE || len > sizeof(memory) || physical - BASE > sizeof(memory) - len ||
		nmaps == MAPS)
		return NULL;
	maps[nmaps] = malloc(len ? len : 1);
	memcpy(maps[nmaps], memory + (physical - BASE), len);
	return maps[nmaps++];
}

static const char *found(u64 at)
{
	static char oem[7];
	const u8 *r = efi_find_rsdp(at, map);

	memset(oem, 0, sizeof(oem));
	if (r)
		memcpy(oem, r + 9, 6);
	while (nmaps)
		free(maps[--nmaps]);
	return r ? oem : "none";
}

static void put(u32 at, u64 value, u32 width)
{
	memcpy(memory + at, &value, width);
}

static void put_entry(u32 i, const u8 *guid, u64 table)
{
	memcpy(memory + ENTRIES + 24 * i, guid, 16);
	put(ENTRIES + 24 * i + 16, table, 8);
}

static void put_rsdp(u32 at, const char *oem)
{
	u8 sum = 0;

	memcpy(memory + at, "RSD PTR ", 8);
	memcpy(memory + at + 9, oem, 6);
	memory[at + 8] = 0;
	for (u32 i = 0; i < 20; i++)
		sum += memory[at + i];
	memory[at + 8] = (u8)-sum;
}

/* Three entries: one of somebody else's, then both kinds, the old one first. */
static void firmware(void)
{
	memset(memory, 0, sizeof(memory));
	memcpy(memory + TABLE, "IBI SYST", 8);
	put(TABLE + 12, 120, 4);
	put(TABLE + 104, 3, 8);
	put(TABLE + 112, BASE + ENTRIES, 8);
	put_entry(0, (const u8 *)"0123456789abcdef", BASE + NEW);
	put_entry(1, guid_old, BASE + OLD);
	put_entry(2, guid_new, BASE + NEW);
	put_rsdp(OLD, "OLDOLD");
	put_rsdp(NEW, "NEWNEW");
}

TEST(efi_takes_the_newer_pointer)
{
	firmware();
	EXPECT_STR(found(BASE + TABLE), "NEWNEW");
	put(TABLE + 104, 2, 8);
	EXPECT_STR(found(BASE + TABLE), "OLDOLD");
	put(TABLE + 104, 1, 8);
	EXPECT_STR(found(BASE + TABLE), "none");
}

TEST(efi_a_damaged_pointer_is_passed_over)
{
	firmware();
	memory[NEW + 15]++;
	EXPECT_STR(found(BASE + TABLE), "OLDOLD");
	memory[OLD] = 'X';
	EXPECT_STR(found(BASE + TABLE), "none");
	firmware();
	put_entry(2, guid_new, 0);
	put_entry(1, guid_old, ~0ull);
	EXPECT_STR(found(BASE + TABLE), "none");
	put_entry(1, guid_old, BASE + sizeof(memory) - 35);
	EXPECT_STR(found(BASE + TABLE), "none");
}

TEST(efi_a_damaged_system_table_names_nothing)
{
	firmware();
	EXPECT_STR(found(0), "none");
	EXPECT_STR(found(~0ull), "none");
	EXPECT_STR(found(BASE + TABLE + 1), "none");
	EXPECT_STR(found(BASE + sizeof(memory) - 119), "none");
	put(TABLE + 12, 119, 4);
	EXPECT_STR(found(BASE + TABLE), "none");
}

TEST(efi_the_list_is_bounded)
{
	static const u64 counts[] = { 257, 1ull << 32, ~0ull / 24 + 2, ~0ull, 0 };

	for (u32 i = 0; i < ARRAY_LEN(counts); i++) {
		firmware();
		put(TABLE + 104, counts[i], 8);
		EXPECT_STR(found(BASE + TABLE), "none");
	}
	firmware();
	put(TABLE + 112, 0, 8);
	EXPECT_STR(found(BASE + TABLE), "none");
	put(TABLE + 112, ~0ull - 8, 8);
	EXPECT_STR(found(BASE + TABLE), "none");
	put(TABLE + 112, BASE + sizeof(memory) - 71, 8);
	EXPECT_STR(found(BASE + TABLE), "none");
}

/* Whatever stands there: no read beside what was mapped, and an end. */
TEST(efi_survives_any_bytes)
{
	srand(1);
	for (u32 round = 0; round < 20000; round++) {
		firmware();
		for (u32 i = 0; i < 4; i++)
			memory[TABLE + (u32)rand() % (NEW + 36 - TABLE)] = (u8)rand();
		for (u32 i = 0; i < 4; i++)
			memory[TABLE + (u32)rand() % 120] = (u8)rand();
		(void)found(BASE + TABLE);
	}
}
