/* SPDX-License-Identifier: BSD-2-Clause */
/* One walk over a list whose length the firmware states: every step is bounded and checked. */
#include "boot/efi.h"

#include "core/lib/string.h"

#define SIGNATURE   0x5453595320494249 /* "IBI SYST" */
#define ENTRIES_MAX 256
#define RSDP_V1_LEN 20
#define RSDP_LEN    36

struct guid {
	u8 bytes[16];
};

struct system_table {
	u64 signature;
	u32 revision, header_size, crc32, reserved;
	u64 pointers[10]; /* vendor, revision, consoles, services */
	u64 nentries, entries;
};
ASSERT_SIZE(struct system_table, 120);

struct entry {
	struct guid guid;
	u64 table;
};
ASSERT_SIZE(struct entry, 24);

/* The better one first: 8868e871-e4f1-11d3-bc22-0080c73c8881 and eb9d2d30-2d88-11d3-9a16-... */
static const struct guid wanted[] = {
	{ { 0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c,
		0x88, 0x81 } },
	{ { 0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f,
		0xc1, 0x4d } },
};

static const void *rsdp_at(u64 physical, efi_map_t map)
{
	const u8 *r = physical ? map(physical, RSDP_LEN) : NULL;
	u8 sum = 0;

	if (!r || memcmp(r, "RSD PTR ", 8) != 0)
		return NULL;
	for (u32 i = 0; i < RSDP_V1_LEN; i++)
		sum += r[i];
	return sum == 0 ? r : NULL;
}

static const void *find(const struct entry *e, u64 n, const struct guid *guid, efi_map_t map)
{
	for (u64 i = 0; i < n; i++) {
		const void *r = memcmp(&e[i].guid, guid, sizeof(*guid)) == 0
					? rsdp_at(e[i].table, map)
					: NULL;

		if (r)
			return r;
	}
	return NULL;
}

const void *efi_find_rsdp(u64 system_table, efi_map_t map)
{
	const struct system_table *t = system_table ? map(system_table, sizeof(*t)) : NULL;
	const struct entry *entries;
	const void *r = NULL;

	if (!t || t->signature != SIGNATURE || t->header_size < sizeof(*t) ||
		t->nentries > ENTRIES_MAX || !t->entries)
		return NULL;
	entries = map(t->entries, t->nentries * sizeof(*entries));
	for (u32 i = 0; i < ARRAY_LEN(wanted) && entries && !r; i++)
		r = find(entries, t->nentries, &wanted[i], map);
	return r;
}
