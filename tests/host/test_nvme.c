/* SPDX-License-Identifier: BSD-2-Clause */
/* The NVMe driver over a model of a controller that can be told to be wrong in many ways. */
#include "tests/host/disk_tests.h"
#include "tests/host/nvme_card.h"

#define DRIVER "nvme"
#define TARGET DISK_ALL(NVME_DISK)

static const struct disk_model model = { .driver = DRIVER,
	.plug = nvme_card_plug,
	.start = nvme_card_start,
	.unit = NVME_DISK,
	.sectors = NVME_SECTORS,
	.image = nvme.image,
	.flushes = &nvme.flushes,
	.resets = &nvme.resets,
	.faults = &nvme.faults,
	.hangs = &nvme.hangs,
	.fails = &nvme.fails };

DISK_TESTS(nvme)

TEST(nvme_finds_namespaces)
{
	begin();
	for (u8 unit = 0; unit < DISK_UNITS; unit++) {
		EXPECT_EQ(sectors(unit), unit == NVME_DISK ? NVME_SECTORS : 0);
		EXPECT_EQ(info(DISK_INFO_REFUSED + unit),
			unit == 2 ? DISK_REFUSED_FORMAT : DISK_REFUSED_NOT);
	}
	EXPECT_EQ(nvme.resets, 1);
	EXPECT(pc.master);
	end();
}

/* The model looks at what the queues are made with. */
TEST(nvme_has_the_controller_interrupt)
{
	pc_messages = true;
	begin();
	move_sectors();
	pc_messages = false;
	end();
}

/* As much at once as the controller takes. */
TEST(nvme_moves_no_more_than_the_controller_takes)
{
	for (u8 transfer = 0; transfer < 6; transfer++) {
		nvme_card_plug();
		nvme.transfer = transfer;
		nvme_card_start();
		move_sectors();
		end();
	}
}

TEST(nvme_is_not_reset_for_an_error)
{
	begin();
	nvme.fails = true;
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	nvme.fails = false;
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_EQ(nvme.resets, 1);
	EXPECT_EQ(info(DISK_INFO_ERRORS), 1);
	end();
}

TEST(nvme_is_reset_when_it_is_silent_or_makes_no_sense)
{
	begin();
	nvme.hangs = true;
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	EXPECT_EQ(info(DISK_INFO_TIMEOUTS), 1);
	EXPECT(!pc.master);
	nvme.hangs = false;
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_EQ(nvme.resets, 2);
	nvme.wrong = 4; /* the number of another command */
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_EQ(nvme.resets, 3);
	nvme.reg[0x1c / 4] |= 2; /* it has failed */
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_MEM(disk_window(0), nvme.image + DISK_SECTOR, 8 * DISK_SECTOR);
	EXPECT_EQ(nvme.resets, 4);
	end();
}

static u64 size_with(u64 blocks, u8 format, u16 metadata)
{
	u64 size;

	nvme_card_plug();
	nvme.blocks = blocks;
	nvme.format = format;
	nvme.metadata = metadata;
	nvme_card_start();
	size = sectors(NVME_DISK);
	end();
	return size;
}

TEST(nvme_believes_no_namespace)
{
	EXPECT_EQ(size_with(NVME_SECTORS, 0x80, 0), NVME_SECTORS); /* a bit without meaning */
	EXPECT_EQ(size_with(BIT(48), 0, 0), 0);
	EXPECT_EQ(size_with(~0ull, 0, 0), 0);
	EXPECT_EQ(size_with(0, 0, 0), 0);
	EXPECT_EQ(size_with(NVME_SECTORS, 0, 8), 0);
	EXPECT_EQ(size_with(NVME_SECTORS, 1, 0), 0);
	EXPECT_EQ(size_with(NVME_SECTORS, 2, 0), 0);
	EXPECT_EQ(size_with(NVME_SECTORS, 3, 0), 0);	/* there is no such format */
	EXPECT_EQ(size_with(NVME_SECTORS, 0xff, 0), 0); /* nor one like that */
}

static void nothing(void)
{
	nvme_card_start();
	pc_advance(100000000000ull);
	EXPECT_EQ(sectors(NVME_DISK), 0);
	end();
}

TEST(nvme_without_a_controller)
{
	nvme_card_plug();
	nvme.gone = true;
	nothing();
	nvme_card_plug();
	nvme.stuck = true;
	nothing();
	nvme_card_plug();
	nvme.refuses = true;
	nothing();
	nvme_card_plug();
	nvme.reg[1] |= 1 << 16; /* pages of 8 KiB */
	nothing();
	nvme_card_plug();
	nvme.reg[1] |= 15; /* doorbells beyond its registers */
	nothing();
}

/* It goes on without it as soon as one namespace has waited for it. */
TEST(nvme_waits_once_for_a_controller_that_is_never_ready)
{
	nvme_card_plug();
	nvme.stuck = true;
	nvme_card_start();
	pc_advance(4900 * 1000000ull);
	EXPECT_EQ(sectors(0), BUS_NO_PEER);
	pc_advance(200 * 1000000ull);
	for (u8 unit = 0; unit < DISK_UNITS; unit++)
		EXPECT_EQ(sectors(unit), 0);
	EXPECT_EQ(info(DISK_INFO_TIMEOUTS), 1);
	end();
}
