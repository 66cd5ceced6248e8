/* SPDX-License-Identifier: BSD-2-Clause */
/* The AHCI driver over a model of a controller that can be told to be wrong in many ways. */
#include "tests/dialect.h"
#include "tests/host/ahci_hba.h"
#include "tests/host/disk_bus.h"

#include <string.h>

#define DRIVER "ahci"
#define TARGET DISK_ALL(HBA_DISK)

static u64 sectors(u8 unit)
{
	return disk_ask(DRIVER, 0, BUS_DISK_SIZE, 0, DISK_ALL(unit));
}

static void begin(void)
{
	ahci_hba_plug();
	ahci_hba_start();
}

static void end(void)
{
	EXPECT_EQ(hba.faults, 0);
	pc_stop();
}

static u64 read_some(u32 port, u64 at, u32 count)
{
	return disk_do(DRIVER, port, BUS_DISK_READ, at, TARGET | count);
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

static void move_sectors(void)
{
	EXPECT_EQ(read_some(2, 103, 7), DISK_DONE);
	EXPECT_MEM(disk_window(2), hba.image + 103 * DISK_SECTOR, 7 * DISK_SECTOR);
	EXPECT_EQ(read_some(7, 300, 128), DISK_DONE);
	EXPECT_MEM(disk_window(7), hba.image + 300 * DISK_SECTOR, BUS_WINDOW);
	memset(disk_window(1), 0x5a, BUS_WINDOW);
	EXPECT_EQ(disk_do(DRIVER, 1, BUS_DISK_WRITE, 507, TARGET | 5), DISK_DONE);
	EXPECT_MEM(disk_window(1), hba.image + 507 * DISK_SECTOR, 5 * DISK_SECTOR);
	EXPECT_EQ(hba.flushes, 0);
	EXPECT_EQ(disk_do(DRIVER, 1, BUS_DISK_FLUSH, 0, TARGET), DISK_DONE);
	EXPECT_EQ(hba.flushes, 1);
	EXPECT_EQ(read_some(1, 510, 3), DISK_ERROR);
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

TEST(ahci_moves_sectors)
{
	begin();
	hba.busy = 5;
	move_sectors();
	end();
	ahci_hba_plug();
	hba.old = true;
	ahci_hba_start();
	move_sectors();
	end();
}

TEST(ahci_gives_up_a_disk_that_does_not_answer)
{
	u32 before;

	begin();
	before = hba.resets;
	hba.hangs = true;
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	EXPECT_EQ(disk_ask(DRIVER, 0, BUS_INFO, DISK_INFO_TIMEOUTS, 0), 1);
	hba.hangs = false;
	EXPECT_EQ(read_some(0, 1, 8), DISK_DONE);
	EXPECT_EQ(hba.resets, before + 1);
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

/* What was under way is forgotten, and asked for again. */
TEST(ahci_begins_anew)
{
	begin();
	hba.busy = 1000;
	EXPECT_EQ(disk_ask(DRIVER, 5, BUS_DISK_READ, 1, TARGET | 128), DISK_PENDING);
	pc_device(DRIVER);
	EXPECT(!pc.master);
	EXPECT_EQ(disk_ask(DRIVER, 5, BUS_DISK_RESULT, 0, 0), DISK_IDLE);
	EXPECT_EQ(sectors(HBA_DISK), BUS_NO_PEER); /* not yet */
	hba.busy = 0;
	EXPECT_EQ(read_some(5, 1, 128), DISK_DONE);
	EXPECT_MEM(disk_window(5), hba.image + DISK_SECTOR, BUS_WINDOW);
	end();
}
