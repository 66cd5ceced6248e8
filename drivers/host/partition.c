/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Partition tables: the four primary partitions of a master boot record, the logical ones in its
 * first extended one, and the first entries of a GUID partition table (UEFI Specification, "GUID
 * Partition Table (GPT) Disk Layout"; "Legacy Master Boot Record"). They lie on a disk that anybody
 * may have written: a GPT counts only with both of its checksums right. Its copy at the end is not
 * looked for. Pure.
 *
 * Logical partitions are a chain of records like the first, each with one partition, counted from
 * itself, and the place of the next record, counted from the extended partition's beginning: so
 * many are followed, in circles or not. No partition has a record in it, or who may write to it
 * could change what the others are.
 */
#include "drivers/host/disk.h"

#include "core/lib/string.h"

#define MBR_ENTRIES   446
#define MBR_SIGNATURE 0xaa55
#define TYPE_GPT      0xee
#define LOGICAL	      4	 /* the index of the first */
#define GPT_HEADER    92 /* bytes */
#define GPT_ENTRY     128
#define GPT_COUNT_MAX 128 /* entries that are read */

struct mbr_entry {
	u8 status, first_chs[3], type, last_chs[3];
	u32 first, count;
};
ASSERT_SIZE(struct mbr_entry, 16);

struct gpt_header {
	char signature[8];
	u32 revision, bytes, crc, reserved;
	u64 self, backup, first, last;
	u8 guid[16];
	u64 entries_at;
	u32 count, entry_bytes, entries_crc;
} __packed;
ASSERT_SIZE(struct gpt_header, GPT_HEADER);

struct gpt_entry {
	u8 type[16], guid[16];
	u64 first, last, attributes;
};
ASSERT_OFFSET(struct gpt_entry, first, 32);

/* CRC-32 as the UEFI Specification has it (ISO 3309), four bits at a time: a table of partitions
 * has 16 KiB, and a call of a driver no more than its budget. */
static u32 crc32(const u8 *data, u32 len)
{
	static const u32 of_nibble[] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190,
		0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
	u32 crc = ~0u;

	for (; len--; data++) {
		crc = crc >> 4 ^ of_nibble[(crc ^ *data) & 15];
		crc = crc >> 4 ^ of_nibble[(crc ^ *data >> 4) & 15];
	}
	return ~crc;
}

static bool is_apart(const struct disk_extent *e, u64 first, u64 count)
{
	return first >= e->first + e->count || e->first >= first + count;
}

/* Whether they are sectors of the disk, and of no partition that is known already. */
static bool is_free(const struct disk_unit *u, u64 first, u64 count)
{
	if (!count || first >= u->sectors || count > u->sectors - first)
		return false;
	for (u32 i = 0; i < DISK_PARTITIONS; i++)
		if (u->partition[i].count && !is_apart(&u->partition[i], first, count))
			return false;
	return true;
}

/* Partition n, unless it reaches over the disk's end or into another. */
static void take(struct disk_unit *u, u32 n, u64 first, u64 count)
{
	if (is_free(u, first, count))
		u->partition[n] = (struct disk_extent){ first, count };
}

/* False: it is none. */
static bool read_record(struct mbr_entry entry[4], const u8 *sector)
{
	u16 signature;

	memcpy(entry, sector + MBR_ENTRIES, 4 * sizeof(*entry));
	memcpy(&signature, sector + DISK_SECTOR - 2, 2);
	return signature == MBR_SIGNATURE;
}

static bool is_extended(const struct mbr_entry *e)
{
	return e->type == 0x05 || e->type == 0x0f || e->type == 0x85;
}

bool partition_read_mbr(struct disk_unit *u, struct record_chain *chain, const u8 *sector)
{
	struct mbr_entry entry[4];

	memset(u->partition, 0, sizeof(u->partition));
	*chain = (struct record_chain){ .next = LOGICAL };
	if (!read_record(entry, sector))
		return false;
	for (u32 i = 0; i < ARRAY_LEN(entry); i++)
		if (entry[i].type == TYPE_GPT)
			return true;
	for (u32 i = 0; i < ARRAY_LEN(entry); i++)
		if (entry[i].type && entry[i].first && !is_extended(&entry[i]))
			take(u, i, entry[i].first, entry[i].count);
	for (u32 i = 0; i < ARRAY_LEN(entry) && !chain->count; i++) {
		const struct mbr_entry *e = &entry[i];

		if (!is_extended(e) || !e->first || !is_free(u, e->first, e->count))
			continue;
		chain->all = (struct disk_extent){ e->first, e->count };
		chain->at[chain->count++] = e->first;
	}
	return false;
}

/* A logical partition, which counts even if it is not taken; an empty one does not. */
static void take_logical(struct disk_unit *u, struct record_chain *chain, const struct mbr_entry *e)
{
	u64 first = chain->at[chain->count - 1] + e->first;
	u32 n = chain->next;

	if (!e->type || !e->count || is_extended(e) || n == DISK_PARTITIONS)
		return;
	chain->next++;
	if (is_apart(&chain->all, first, 1) ||
		e->count > chain->all.first + chain->all.count - first)
		return;
	for (u32 i = 0; i < chain->count; i++)
		if (chain->at[i] >= first && chain->at[i] - first < e->count)
			return;
	take(u, n, first, e->count);
}

bool partition_read_record(struct disk_unit *u, struct record_chain *chain, const u8 *sector)
{
	struct mbr_entry entry[4];
	u64 at;

	if (!read_record(entry, sector))
		return false;
	take_logical(u, chain, &entry[0]);
	at = chain->all.first + entry[1].first;
	if (!is_extended(&entry[1]) || chain->count == DISK_RECORDS ||
		is_apart(&chain->all, at, 1) || !is_free(u, at, 1))
		return false;
	chain->at[chain->count++] = at;
	return true;
}

bool partition_read_gpt(struct gpt_table *gpt, const struct disk_unit *u, const u8 *sector)
{
	struct gpt_header h;
	u32 crc;

	memcpy(&h, sector, sizeof(h));
	if (memcmp(h.signature, "EFI PART", 8) || h.bytes < GPT_HEADER || h.bytes > DISK_SECTOR ||
		h.self != 1 || h.entry_bytes != GPT_ENTRY || !h.count || h.count > GPT_COUNT_MAX)
		return false;
	crc = h.crc;
	h.crc = 0;
	if (h.bytes != GPT_HEADER || crc32((const u8 *)&h, sizeof(h)) != crc)
		return false;
	if (h.first > h.last || h.last >= u->sectors || h.entries_at < 2 || h.entries_at >= h.first)
		return false;
	*gpt = (struct gpt_table){ h.entries_at, h.first, h.last, h.count, h.entry_bytes,
		h.entries_crc };
	return true;
}

void partition_read_entries(struct disk_unit *u, const struct gpt_table *gpt, const u8 *entries)
{
	static const u8 unused[16];

	if (crc32(entries, gpt->count * gpt->bytes) != gpt->crc)
		return;
	for (u32 i = 0; i < MIN(gpt->count, DISK_PARTITIONS); i++) {
		struct gpt_entry e;

		memcpy(&e, entries + i * gpt->bytes, sizeof(e));
		if (memcmp(e.type, unused, 16) && e.first >= gpt->first && e.last >= e.first &&
			e.last <= gpt->last)
			take(u, i, e.first, e.last - e.first + 1);
	}
}
