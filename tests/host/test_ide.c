/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IDE driver over a model of one disk, the master of the first channel (AT Attachment), that
 * can be told to be busy, to fail and to be gone; and the partition tables.
 */
#include "tests/host/disk_tests.h"

#define SECTORS		  512
#define MULTIPLE	  4
#define TARGET(partition) ((u64)DISK_TARGET(0, partition) << 32)

enum { BUSY = 0x80, READY = 0x40, DRQ = 8, ERR = 1 };

static struct model {
	u8 image[SECTORS * DISK_SECTOR];
	u8 reg[8], command;
	u16 buffer[MULTIPLE * 256];
	u32 at, len; /* words of the buffer that are through, that there are */
	u32 sector, left, multiple;
	u32 busy; /* so many looks at the status */
	bool hangs, fails, absent, serial;
	u32 writes, flushes, resets;
} m;

static u8 status(void)
{
	if (m.absent || (m.reg[6] & 0x10))
		return 0;
	if (m.hangs || m.busy) {
		m.busy -= m.busy > 0;
		return BUSY;
	}
	return READY | (m.fails ? ERR : m.len ? DRQ : 0);
}

static void next_block(void)
{
	u32 n = MIN(m.left, m.multiple ? m.multiple : 1);

	m.at = 0;
	m.len = n * 256;
	m.busy = 3;
	if (m.command == 0xc4 || m.command == 0x20)
		memcpy(m.buffer, m.image + m.sector * DISK_SECTOR, n * DISK_SECTOR);
}

static void identify(void)
{
	memset(m.buffer, 0, sizeof(m.buffer));
	m.buffer[47] = 0x8000 | MULTIPLE;
	m.buffer[49] = BIT(9);
	m.buffer[60] = SECTORS;
	m.at = 0;
	m.len = 256;
	m.left = 1;
	m.reg[4] = m.reg[5] = m.serial ? 0x3c : 0;
}

static void do_command(u8 code)
{
	m.command = code;
	m.len = 0;
	m.sector = m.reg[3] | m.reg[4] << 8 | m.reg[5] << 16 | (m.reg[6] & 15) << 24;
	m.left = m.reg[2];
	if (code == 0xec)
		identify();
	else if (code == 0xc6)
		m.multiple = m.reg[2];
	else if (code == 0xe7)
		m.flushes++;
	else if (code == 0xc4 || code == 0xc5)
		next_block();
}

static void block_through(void)
{
	u32 n = m.len / 256;

	if (m.command == 0xc5) {
		memcpy(m.image + m.sector * DISK_SECTOR, m.buffer, n * DISK_SECTOR);
		m.writes += n;
	}
	m.sector += n;
	m.left -= n;
	m.len = 0;
	if (m.left)
		next_block();
}

static u64 model_read(u32 reg, u32 width)
{
	u16 word;

	if (reg == DEVICE_REG(1, 0) || reg == DEVICE_REG(0, 7))
		return status();
	if (reg >> 28 || width == 1)
		return reg >> 28 ? 0 : m.reg[reg & 7];
	word = m.buffer[m.at++];
	if (m.at == m.len)
		block_through();
	return word;
}

static void model_write(u32 reg, u32 width, u64 value)
{
	if (reg == DEVICE_REG(1, 0))
		m.resets += value == 4;
	if (reg >> 28)
		return;
	if (reg && reg < 7)
		m.reg[reg] = (u8)value;
	else if (reg == 7)
		do_command((u8)value);
	else if (width == 2 && m.len) {
		m.buffer[m.at++] = (u16)value;
		if (m.at == m.len)
			block_through();
	}
}

static void plug(void)
{
	pc_start(MIB(8));
	pc.reg_read = model_read;
	pc.reg_write = model_write;
	pc_device("ide");
	pc_advance(3000000000ull);
}

static void entry_at(u32 sector, u32 n, u8 type, u32 first, u32 count)
{
	u8 *record = m.image + sector * DISK_SECTOR, *at = record + 446 + 16 * n;

	at[4] = type;
	memcpy(at + 8, &first, 4);
	memcpy(at + 12, &count, 4);
	record[510] = 0x55;
	record[511] = 0xaa;
}

static void entry(u32 n, u8 type, u32 first, u32 count)
{
	entry_at(0, n, type, first, count);
}

static void fill(void)
{
	memset(&m, 0, sizeof(m));
	for (u32 i = DISK_SECTOR; i < sizeof(m.image); i++)
		m.image[i] = (u8)(i * 7 + i / 512);
}

static const struct disk_model model = { .driver = "ide",
	.plug = fill,
	.start = plug,
	.sectors = SECTORS,
	.image = m.image,
	.flushes = &m.flushes,
	.resets = &m.resets,
	.hangs = &m.hangs,
	.fails = &m.fails };

DISK_TESTS(ide)

TEST(ide_finds_disks_and_partitions)
{
	fill();
	entry(0, 0x83, 100, 50);
	entry(1, 0x83, 140, 20); /* over the first */
	entry(2, 0x83, 500, 13); /* over the end */
	entry(3, 0x83, 500, 12);
	plug();
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(0)), SECTORS);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(1)), 50);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(2)), 0);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(3)), 0);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(4)), 12);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, (u64)DISK_TARGET(1, 0) << 32), 0);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, (u64)DISK_TARGET(0, 17) << 32), 0);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, ~0ull), BUS_NO_PEER);
	EXPECT_EQ(disk_ask("ide", 8, BUS_DISK_SIZE, 0, TARGET(0)), BUS_NO_PEER);
	pc_stop();
}

#define EXTENDED     200
#define EXTENDED_LEN 300

/* A record of a logical partition; next: the sector of the one after it, or 0. */
static void record(u32 at, u32 first, u32 count, u32 next)
{
	memset(m.image + at * DISK_SECTOR, 0, DISK_SECTOR);
	entry_at(at, 0, 0x83, first - at, count);
	if (next)
		entry_at(at, 1, 5, next - EXTENDED, 1);
}

static void begin_records(void)
{
	fill();
	entry(0, 0x83, 100, 50);
	entry(2, 5, EXTENDED, EXTENDED_LEN);
	record(EXTENDED, 210, 10, 0);
}

static void expect_logical(u32 n, u64 count)
{
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(n)), count);
}

TEST(ide_finds_logical_partitions)
{
	begin_records();
	record(EXTENDED, 210, 10, 300);
	record(300, 301, 20, 250); /* the order is the chain's */
	record(250, 260, 40, 400);
	record(400, 401, 0, 410); /* what is empty does not count */
	record(410, 488, 12, 0);
	plug();
	expect_logical(1, 50);
	expect_logical(3, 0); /* it is there for others */
	expect_logical(5, 10);
	expect_logical(6, 20);
	expect_logical(7, 40);
	expect_logical(8, 12);
	expect_logical(9, 0);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_READ, 3, TARGET(7) | 7), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 0), DISK_DONE);
	EXPECT_MEM(disk_window(0), m.image + 263 * DISK_SECTOR, 7 * DISK_SECTOR);
	pc_stop();
}

/* Outside the extended one or the disk, over others, over records; the next has its number. */
TEST(ide_leaves_logical_partitions_out)
{
	static const u32 bad[][2] = { { 300, 214 }, { 499, 2 }, { 505, 5 }, { 511, 2 },
		{ 300, ~0u }, { 299, 2 }, { 300, 1 }, { 250, 60 }, { 199, 1 }, { 325, 1 },
		{ 320, 10 } };

	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		begin_records();
		record(EXTENDED, 210, 10, 300);
		record(300, 325, 3, 220);
		record(220, bad[i][0], bad[i][1], 330);
		record(330, 331, 5, 0);
		plug();
		expect_logical(5, 10);
		expect_logical(6, 3);
		expect_logical(7, 0);
		expect_logical(8, 5);
		pc_stop();
	}
}

/* In circles, out of the extended one, into a partition, to no record, and longer than any. */
TEST(ide_follows_no_chain_for_ever)
{
	static const u32 links[] = { EXTENDED, 300, 199, 512, 505, 120, 215, 305, 350 };

	for (u32 i = 0; i < ARRAY_LEN(links); i++) {
		begin_records();
		record(EXTENDED, 210, 10, 300);
		record(300, 301, 20, links[i]);
		for (u32 k = 2; k < ARRAY_LEN(links) - 1; k++)
			if (links[k] < SECTORS)
				record(links[k], 351, 5, 340);
		record(340, 341, 5, 0);
		plug();
		expect_logical(5, 10);
		expect_logical(6, 20);
		expect_logical(7, 0);
		expect_logical(8, 0);
		pc_stop();
	}
	begin_records();
	for (u32 at = EXTENDED; at < 496; at += 4)
		record(at, at + 1, 3, at + 4);
	plug();
	for (u32 n = 5; n <= DISK_PARTITIONS; n++)
		expect_logical(n, 3);
	pc_stop();
	begin_records();
	entry(1, 0x83, 300, 10); /* over the extended one, which is none then */
	plug();
	expect_logical(2, 10);
	expect_logical(5, 0);
	pc_stop();
}

TEST(ide_moves_sectors_of_a_partition)
{
	fill();
	entry(0, 0x83, 100, 50);
	plug();
	EXPECT_EQ(disk_ask("ide", 2, BUS_DISK_READ, 3, TARGET(1) | 7), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 2), DISK_DONE);
	EXPECT_MEM(disk_window(2), m.image + 103 * DISK_SECTOR, 7 * DISK_SECTOR);
	EXPECT_EQ(disk_ask("ide", 2, BUS_DISK_RESULT, 0, 0), DISK_IDLE); /* it is told once */
	memset(disk_window(1), 0x5a, BUS_WINDOW);
	EXPECT_EQ(disk_ask("ide", 1, BUS_DISK_WRITE, 45, TARGET(1) | 5), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 1), DISK_DONE);
	EXPECT_EQ(m.writes, 5);
	EXPECT_MEM(disk_window(1), m.image + 145 * DISK_SECTOR, 5 * DISK_SECTOR);
	EXPECT(m.image[150 * DISK_SECTOR] != 0x5a || m.image[150 * DISK_SECTOR + 1] != 0x5a);
	EXPECT_EQ(disk_ask("ide", 1, BUS_DISK_FLUSH, 0, TARGET(1)), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 1), DISK_DONE);
	EXPECT_EQ(m.flushes, 1);
	pc_stop();
}

TEST(ide_refuses_what_is_not_there)
{
	static const u64 places[][2] = { { 50, 1 }, { 49, 2 }, { 0, 51 }, { 0, 0 }, { 0, 129 },
		{ ~0ull, 1 }, { ~0ull - 99, 1 }, { 0, 0xffffffff } };

	fill();
	entry(0, 0x83, 100, 50);
	plug();
	for (u32 i = 0; i < ARRAY_LEN(places); i++) {
		disk_ask("ide", 0, BUS_DISK_WRITE, places[i][0], TARGET(1) | places[i][1]);
		EXPECT_EQ(disk_end("ide", 0), DISK_ERROR);
	}
	disk_ask("ide", 0, BUS_DISK_READ, 0, TARGET(2) | 1);
	EXPECT_EQ(disk_end("ide", 0), DISK_ERROR);
	EXPECT_EQ(m.writes, 0);
	pc_stop();
}

TEST(ide_gives_up_any_disk_that_does_not_answer)
{
	u64 before;

	fill();
	plug();
	m.hangs = true;
	before = m.resets;
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_READ, 0, TARGET(0) | 8), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 0), DISK_ERROR);
	EXPECT(m.resets > before);
	m.hangs = false;
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_READ, 0, TARGET(0) | 8), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 0), DISK_DONE);
	m.fails = true;
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_READ, 0, TARGET(0) | 8), DISK_PENDING);
	EXPECT_EQ(disk_end("ide", 0), DISK_ERROR);
	pc_stop();
	fill();
	m.hangs = true;
	plug();
	pc_advance(20000000000ull);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(0)), 0);
	pc_stop();
}

TEST(ide_without_a_disk)
{
	fill();
	m.absent = true;
	plug();
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(0)), 0);
	pc_stop();
	fill();
	m.serial = true;
	plug();
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(0)), 0);
	pc_stop();
	fill();
	pc_start(MIB(8)); /* all ones */
	pc_device("ide");
	pc_advance(20000000000ull);
	EXPECT_EQ(disk_ask("ide", 0, BUS_DISK_SIZE, 0, TARGET(0)), 0);
	pc_stop();
}
