/* SPDX-License-Identifier: BSD-2-Clause */
/* The AHCI driver over a model of a controller that can be told to be wrong in many ways. */
#include "tests/host/ahci_hba.h"
#include "tests/host/disk_tests.h"

#define DRIVER "ahci"
#define TARGET DISK_ALL(HBA_DISK)

static const struct disk_model model = { .driver = DRIVER,
	.plug = ahci_hba_plug,
	.start = ahci_hba_start,
	.unit = HBA_DISK,
	.sectors = HBA_SECTORS,
	.image = hba.image,
	.flushes = &hba.flushes,
	.resets = &hba.resets,
	.faults = &hba.faults,
	.hangs = &hba.hangs,
	.fails = &hba.fails };

DISK_TESTS(ahci)

/* And of an old disk. */
TEST(ahci_waits_for_sectors)
{
	for (u32 old = 0; old < 2; old++) {
		ahci_hba_plug();
		hba.old = old;
		ahci_hba_start();
		hba.busy = 5;
		move_sectors();
		end();
	}
}

TEST(ahci_finds_disks)
{
	begin();
	for (u8 unit = 0; unit < DISK_UNITS; unit++)
		EXPECT_EQ(sectors(unit), unit == HBA_DISK ? HBA_SECTORS : 0);
	EXPECT_EQ(hba.resets, 2); /* at power-on, and by the driver */
	EXPECT(pc.master);
	end();
}

TEST(ahci_has_the_controller_interrupt)
{
	begin();
	EXPECT(!ahci_hba_interrupts());
	end();
	pc_messages = true;
	begin();
	move_sectors();
	EXPECT(ahci_hba_interrupts());
	pc_messages = false;
	end();
}

static void expect_one_error(void)
{
	hba.fails = true;
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	hba.fails = false;
	memset(disk_window(0), 0, BUS_WINDOW);
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_MEM(disk_window(0), hba.image + DISK_SECTOR, 8 * DISK_SECTOR);
}

/* The other ports, and who waits at them, need not know. */
TEST(ahci_begins_a_port_anew_after_an_error)
{
	u32 before;

	begin();
	before = hba.resets;
	expect_one_error();
	EXPECT_EQ(hba.links, 0);
	hba.cut = 512; /* less was read than was asked for */
	EXPECT_EQ(read_some(0, 1, 8), DISK_ERROR);
	hba.cut = 0;
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_INFO, DISK_INFO_ERRORS, 0), 2);
	EXPECT_EQ(hba.resets, before);
	EXPECT(pc.master);
	end();
}

TEST(ahci_resets_a_disk_that_clings_to_an_error)
{
	u32 before;

	begin();
	before = hba.resets;
	hba.clings = true;
	expect_one_error();
	EXPECT_EQ(hba.links, 1);
	EXPECT_EQ(hba.resets, before);
	end();
}

/* All of it then, and until that is done it reaches no memory. */
TEST(ahci_resets_a_controller_whose_port_does_not_stop)
{
	u32 before;

	begin();
	before = hba.resets;
	hba.runs_on = hba.fails = true;
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_DISK_READ, 0, TARGET | 8), DISK_PENDING);
	pc_advance(400 * 1000000ull);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_DISK_RESULT, 0, 0), DISK_PENDING);
	EXPECT(pc.master);
	EXPECT_EQ(disk_end(DRIVER, 0), DISK_ERROR);
	EXPECT(!pc.master);
	hba.runs_on = false;
	expect_one_error();
	EXPECT_EQ(hba.resets, before + 1);
	end();
}

TEST(ahci_says_why_a_disk_is_of_no_use)
{
	ahci_hba_plug();
	hba.logical = 4096;
	ahci_hba_start();
	EXPECT_EQ(sectors(HBA_DISK), 0);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_INFO, DISK_INFO_REFUSED + HBA_DISK, 0),
		DISK_REFUSED_FORMAT);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_INFO, DISK_INFO_REFUSED, 0), DISK_REFUSED_NOT);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_INFO, DISK_INFO_REFUSED + DISK_UNITS, 0), BUS_NO_PEER);
	end();
	ahci_hba_plug();
	hba.narrow = true; /* but the memory is below 4 GiB */
	ahci_hba_start();
	EXPECT_EQ(sectors(HBA_DISK), HBA_SECTORS);
	hba.fails = true;
	((struct disk *)pc_state(1))->memory_at = BIT(32);
	EXPECT_EQ(read_some(0, 0, 1), DISK_ERROR);
	EXPECT_EQ(read_some(0, 0, 1), DISK_ERROR);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_INFO, DISK_INFO_REFUSED + HBA_DISK, 0),
		DISK_REFUSED_ADDRESS);
	end();
}

TEST(ahci_without_a_controller)
{
	ahci_hba_plug();
	hba.stuck = true;
	hba.reg[1] = 1;
	ahci_hba_start();
	pc_advance(20000000000ull);
	EXPECT_EQ(sectors(HBA_DISK), 0);
	EXPECT(!pc.master);
	end();
	ahci_hba_plug();
	hba.gone = true;
	ahci_hba_start();
	EXPECT_EQ(sectors(HBA_DISK), 0);
	end();
}
