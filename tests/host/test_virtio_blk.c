/* SPDX-License-Identifier: BSD-2-Clause */
/* The block device: every request done right, and each of the ways to ask for what cannot be. */
#include "drivers/virtio/virtio.h"
#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define HEADER	GUEST_DATA
#define STATUS	(GUEST_DATA + 0x100)
#define DATA	(GUEST_DATA + 0x1000)
#define SECTORS 64ull
#define IN	0
#define OUT	1
#define FLUSH	4
#define GET_ID	8
#define DISCARD 11
#define ZEROES	13

enum { OK, IOERR, UNSUPP, NONE = 0xee };

#define BLK(features) bring_up("blk", SECTORS * 512, features, 1)

static void header(u32 type, u64 sector)
{
	ram_set(HEADER, type, 8);
	ram_set(HEADER + 8, sector, 8);
	ram_set(STATUS, NONE, 1);
}

/* A request of three descriptors; its status. */
static u8 request(u32 type, u64 sector, u64 data, u32 len)
{
	header(type, sector);
	describe_in(0, 0, HEADER, 16, F_NEXT, 1);
	describe_in(0, 1, data, len, F_NEXT | (type == IN || type == GET_ID ? F_WRITE : 0), 2);
	describe_in(0, 2, STATUS, 1, F_WRITE, 0);
	offer(0, 0);
	notify(0);
	return (u8)ram_get(STATUS, 1);
}

static u8 range(u32 type, u64 sector, u32 count, u32 flags)
{
	ram_set(DATA, sector, 8);
	ram_set(DATA + 8, count, 4);
	ram_set(DATA + 12, flags, 4);
	return request(type, 0, DATA, 16);
}

TEST(blk_says_what_it_is)
{
	BLK(0);
	EXPECT_EQ(config_read(0), 0x10421af4);
	EXPECT_EQ(bar(B_DEVICE, 8), SECTORS);
	EXPECT_EQ(bar(B_DEVICE + 12, 4), GUEST_QUEUE - 2);
	EXPECT_EQ(bar(B_DEVICE + 20, 4), 512);
	EXPECT_EQ(bar(B_DEVICE + 56, 8), 1); /* four bytes are there */
	EXPECT_EQ(bar(B_DEVICE + 60, 4), 0);
	set_bar(B_DEVICE, 8, 1000000);
	EXPECT_EQ(bar(B_DEVICE, 8), SECTORS);
	EXPECT_EQ(bar(R_OFFERED, 4) & 0x6266, 0x6246);
	pc_stop();
	pc_start(MIB(256));
	pc_plug("blk", 1, 512);
	EXPECT_EQ(bar(R_OFFERED, 4) & 0x6266, 0x66); /* read-only */
	pc_stop();
}

TEST(blk_moves_sectors)
{
	BLK(0);
	for (u32 i = 0; i < 1024; i++)
		pc.disk[512 + i] = (u8)(i * 7);
	EXPECT_EQ(request(IN, 1, DATA, 1024), OK);
	EXPECT_MEM(pc.ram + DATA, pc.disk + 512, 1024);
	EXPECT_EQ(used_len(0, 0), 1025);
	EXPECT_EQ(request(OUT, SECTORS - 2, DATA, 1024), OK);
	EXPECT_EQ(used_len(0, 1), 1);
	EXPECT_MEM(pc.disk + 512 * (SECTORS - 2), pc.disk + 512, 1024);
	EXPECT_EQ(request(IN, SECTORS, DATA, 0), OK);
	EXPECT_EQ(pc.msis, 3);
	pc_stop();
}

/* The header in pieces, the data in crooked ones, the status behind them in the same buffer. */
/* The state that a microreboot finds, whether it comes before the guest was told or after. */
TEST(blk_completes_a_request_once)
{
	u8 kept[sizeof(struct virtio)];

	BLK(0);
	pc.disk_writable = true;
	pc.kept = kept;
	pc.kept_len = sizeof(kept);
	ram_set(DATA, 1, 1);
	EXPECT_EQ(request(OUT, 3, DATA, 512), OK);
	EXPECT_EQ(pc.msis, 1);
	EXPECT_EQ(pc.disk[3 * 512], 1);
	memcpy(pc_state(1), kept, sizeof(kept));
	pc.kept = NULL;
	ram_set(DATA, 2, 1); /* the guest has its page back */
	ram_set(USED_AT(0) + 2, 0, 2);
	notify(0);
	EXPECT_EQ(pc.disk[3 * 512], 1);
	EXPECT_EQ(ram_get(USED_AT(0) + 2, 2), 1);
	EXPECT_EQ(pc.msis, 2); /* it may not have heard of it */
	notify(0);
	EXPECT_EQ(pc.msis, 2);
	EXPECT_EQ(request(OUT, 4, DATA, 512), OK);
	EXPECT_EQ(pc.disk[4 * 512], 2);
	pc_stop();
}

TEST(blk_takes_any_framing)
{
	BLK(FEATURE_INDIRECT);
	memset(pc.disk, 0x5a, sizeof(pc.disk));
	header(IN, 3);
	describe_in(0, 0, HEADER, 5, F_NEXT, 1);
	describe_in(0, 1, HEADER + 5, 11, F_NEXT, 2);
	describe_in(0, 2, DATA, 16 * 2, F_INDIRECT, 0);
	describe(DATA, DATA + 0x100, 500, F_WRITE | F_NEXT, 1);
	describe(DATA + 16, DATA + 0x100 + 500, 13, F_WRITE, 0);
	offer(0, 0);
	notify(0);
	EXPECT_EQ(used_len(0, 0), 513);
	EXPECT_MEM(pc.ram + DATA + 0x100, pc.disk, 512);
	EXPECT_EQ(pc.ram[DATA + 0x100 + 512], OK);
	pc_stop();
}

TEST(blk_other_requests)
{
	char id[20] = "a disk";

	BLK(0);
	EXPECT_EQ(request(GET_ID, 0, DATA, 20), OK);
	EXPECT_MEM(pc.ram + DATA, id, 20);
	memset(pc.ram + DATA, 0xff, 20);
	EXPECT_EQ(request(GET_ID, 0, DATA, 4), OK);
	EXPECT_EQ(ram_get(DATA, 8), 0xffffffff69642061);
	header(FLUSH, 0);
	describe_in(0, 0, HEADER, 16, F_NEXT, 1);
	describe_in(0, 1, STATUS, 1, F_WRITE, 0);
	offer(0, 0);
	notify(0);
	EXPECT_EQ(ram_get(STATUS, 1), OK);
	for (u32 type = 0; type < 40; type++)
		if (type > OUT && type != FLUSH && type != GET_ID && type != DISCARD &&
			type != ZEROES)
			EXPECT_EQ(request(type, 0, DATA, 512), UNSUPP);
	EXPECT_EQ(request(UINT32_MAX, 0, DATA, 512), UNSUPP);
	pc_stop();
}

TEST(blk_discards)
{
	BLK(0);
	memset(pc.disk, 0xff, sizeof(pc.disk));
	EXPECT_EQ(range(DISCARD, 1, 2, 0), OK);
	EXPECT_EQ(range(ZEROES, 5, 1, 1), OK);
	for (u32 i = 0; i < 8 * 512; i++)
		if (!EXPECT_EQ(pc.disk[i], i / 512 == 1 || i / 512 == 2 || i / 512 == 5 ? 0 : 0xff))
			break;
	EXPECT_EQ(range(DISCARD, 0, 1, 1), UNSUPP);
	EXPECT_EQ(range(ZEROES, 0, 1, 2), UNSUPP);
	EXPECT_EQ(range(ZEROES, SECTORS, 1, 0), IOERR);
	EXPECT_EQ(range(ZEROES, SECTORS - 1, 2, 0), IOERR);
	EXPECT_EQ(range(ZEROES, UINT64_MAX, 1, 0), IOERR);
	EXPECT_EQ(range(ZEROES, 0, UINT32_MAX, 0), IOERR);
	EXPECT_EQ(request(ZEROES, 0, DATA, 32), IOERR);
	EXPECT_EQ(request(ZEROES, 0, DATA, 8), IOERR);
	EXPECT_EQ(pc.disk[0], 0xff);
	pc_stop();
}

TEST(blk_refuses_what_is_not_there)
{
	BLK(0);
	memset(pc.ram + DATA, 0x77, 512);
	EXPECT_EQ(request(IN, SECTORS, DATA, 512), IOERR);
	EXPECT_EQ(request(IN, SECTORS - 1, DATA, 1024), IOERR);
	EXPECT_EQ(request(OUT, UINT64_MAX, DATA, 512), IOERR);
	EXPECT_EQ(request(OUT, BIT(55), DATA, 512), IOERR); /* times 512 is nought */
	EXPECT_EQ(request(OUT, 0, DATA, 511), IOERR);
	EXPECT_EQ(request(IN, 0, GUEST_RAM - 256, 512), IOERR);
	EXPECT_EQ(request(IN, 0, UINT64_MAX - 255, 512), IOERR);
	EXPECT_EQ(request(OUT, 0, 0, MIB(2)), IOERR);
	for (u32 i = 0; i < sizeof(pc.disk); i++)
		if (!EXPECT_EQ(pc.disk[i], 0))
			break;
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY);
	pc_stop();
}

TEST(blk_read_only)
{
	BLK(0);
	pc.disk_writable = false;
	memset(pc.ram + DATA, 0x77, 512);
	EXPECT_EQ(request(OUT, 0, DATA, 512), IOERR);
	EXPECT_EQ(range(DISCARD, 0, 1, 0), IOERR);
	EXPECT_EQ(range(ZEROES, 0, 1, 0), IOERR);
	EXPECT_EQ(pc.disk[0], 0);
	pc_stop();
}

static void expect_broken(void)
{
	offer(0, 0);
	notify(0);
	EXPECT_EQ(bar(R_STATUS, 1), STATUS_READY | STATUS_NEEDS_RESET);
	EXPECT_EQ(used_index(0), 0);
	pc_stop();
}

TEST(blk_breaks_where_it_cannot_answer)
{
	BLK(0); /* a header that is too short */
	describe_in(0, 0, HEADER, 15, F_NEXT, 1);
	describe_in(0, 1, STATUS, 1, F_WRITE, 0);
	expect_broken();
	BLK(0); /* none of it may be written */
	describe_in(0, 0, HEADER, 16, 0, 0);
	expect_broken();
	BLK(0); /* all of it may */
	describe_in(0, 0, HEADER, 64, F_WRITE, 0);
	expect_broken();
	BLK(0); /* nothing at all */
	describe_in(0, 0, HEADER, 0, 0, 0);
	expect_broken();
	BLK(0);
	header(FLUSH, 0);
	describe_in(0, 0, HEADER, 16, F_NEXT, 1);
	describe_in(0, 1, GUEST_RAM, 1, F_WRITE, 0);
	expect_broken();
	BLK(0);
	describe_in(0, 0, GUEST_RAM - 8, 16, F_NEXT, 1);
	describe_in(0, 1, STATUS, 1, F_WRITE, 0);
	expect_broken();
}
