/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Physical disks that lie: partition tables with whatever in them, and IDE controllers whose every
 * register reads as it likes, at any time, under calls of the bus. The sanitizers watch the
 * driver's state and memory; what has to hold besides is written below. The first byte chooses.
 */
#include "drivers/host/disk.h"
#include "tests/fuzz/holds.h"
#include "tests/host/fake_gate.h"

#include <string.h>

#define SECTORS 4096

static const u8 *input;
static size_t left;

static u8 take(void)
{
	return left ? left--, *input++ : 0;
}

/* --- tables -------------------------------------------------------------------------------- */

static u32 crc32(const u8 *data, size_t len)
{
	u32 crc = ~0u;

	while (len--)
		for (u32 bit = 0, byte = *data++; bit < 8; bit++, byte >>= 1)
			crc = crc >> 1 ^ ((crc ^ byte) & 1 ? 0xedb88320 : 0);
	return ~crc;
}

/* Inside the disk, and none over another. */
static void judge(const struct disk_unit *u)
{
	for (u32 i = 0; i < DISK_PARTITIONS; i++) {
		const struct disk_extent *e = &u->partition[i];

		if (!e->count)
			continue;
		HOLDS(e->first && e->first < u->sectors && e->count <= u->sectors - e->first);
		for (u32 k = 0; k < i; k++)
			HOLDS(!u->partition[k].count ||
				u->partition[k].first + u->partition[k].count <= e->first ||
				e->first + e->count <= u->partition[k].first);
	}
}

/* The records are where no partition is, however they are linked. */
static void read_records(struct disk_unit *u, struct record_chain *chain, u8 *sector)
{
	u32 n = 0;

	do {
		HOLDS(n++ < DISK_RECORDS && chain->count <= DISK_RECORDS);
		for (u32 i = 446; i < 446 + 32; i++)
			sector[i] = take();
		sector[446 + 4] &= 0x85;
		sector[446 + 16 + 4] &= 0x85;
		memset(sector + 446 + 16 + 8 + 2, 0, 2);
		sector[510] = 0x55, sector[511] = 0xaa;
	} while (partition_read_record(u, chain, sector));
	judge(u);
	for (u32 i = 0; i < DISK_PARTITIONS; i++)
		for (u32 k = 0; k < chain->count; k++)
			HOLDS(chain->at[k] < u->partition[i].first ||
				chain->at[k] - u->partition[i].first >= u->partition[i].count);
}

static void read_tables(void)
{
	struct disk_unit u = { .sectors = SECTORS };
	struct record_chain chain;
	struct gpt_table gpt;
	u8 *sector = calloc(1, DISK_SECTOR), *entries = calloc(1, 128 * 128);
	u32 crc;

	for (u32 i = 446; i < DISK_SECTOR; i++)
		sector[i] = take();
	(void)partition_read_mbr(&u, &chain, sector);
	judge(&u);
	if (chain.count)
		read_records(&u, &chain, sector);
	memset(u.partition, 0, sizeof(u.partition));
	for (u32 i = 0; i < 128 * 128 && left > 92; i++)
		entries[i] = take();
	for (u32 i = 0; i < 92; i++)
		sector[i] = take();
	memset(sector + 92, 0, DISK_SECTOR - 92);
	memcpy(sector, "EFI PART", 8);
	crc = crc32(entries, *(u32 *)(sector + 80) % 129 * 128);
	memcpy(sector + 88, &crc, 4);
	memset(sector + 16, 0, 4);
	crc = crc32(sector, 92);
	memcpy(sector + 16, &crc, 4);
	if (partition_read_gpt(&gpt, &u, sector)) {
		HOLDS(gpt.count * gpt.bytes <= 128 * 128);
		partition_read_entries(&u, &gpt, entries);
		judge(&u);
	}
	free(sector), free(entries);
}

/* --- a controller -------------------------------------------------------------------------- */

static u64 reg_read(u32 reg, u32 width)
{
	(void)reg;
	return width == 1 ? take() : (u64)take() << 8 | take();
}

static void bus_call(void)
{
	static const u32 fns[] = { BUS_DISK_READ, BUS_DISK_WRITE, BUS_DISK_FLUSH, BUS_DISK_RESULT,
		BUS_DISK_DROP, BUS_DISK_SIZE, BUS_INFO, BUS_RESET };
	u32 fn = fns[take() % ARRAY_LEN(fns)] | (u32)(take() % 12) << BUS_PORT_SHIFT;
	u64 target = (u64)(take() % 10) << 8 | take() % 20;

	(void)pc_call("ide", fn, (u64)take() << take() % 64, target << 32 | take());
}

static void drive(void)
{
	pc_start(MIB(8));
	pc.reg_read = reg_read;
	pc_device("ide");
	while (left) {
		u8 step = take();

		if (step & 1)
			bus_call();
		else
			pc_advance((u64)step << 16);
		if (step == 0xfe)
			pc_device("ide");
	}
	/* Whatever it does, a silent controller is given up in the end. */
	pc.reg_read = NULL;
	pc_advance(200000000000ull);
	for (u32 port = 0; port < BUS_PORTS; port++)
		HOLDS(pc_call("ide", BUS_DISK_RESULT | port << BUS_PORT_SHIFT, 0, 0) !=
			DISK_PENDING);
	pc_stop();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	input = data;
	left = len;
	if (take() & 1)
		read_tables();
	else
		drive();
	return 0;
}
