/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What holds for the driver of any physical disk: DISK_TESTS(id). Before them the file that tests
 * a driver says what its model is, in a constant `model`.
 */
#pragma once

#include "tests/dialect.h"
#include "tests/host/disk_bus.h"

#include <string.h>

struct disk_model {
	const char *driver;
	void (*plug)(void);
	void (*start)(void);
	u8 unit;
	u32 sectors; /* at least 512 */
	u8 *image;
	u32 *flushes, *resets;
	u32 *faults; /* NULL: it counts none */
	bool *hangs, *fails;
};

static const struct disk_model model;

static void begin(void)
{
	model.plug();
	model.start();
}

static void end(void)
{
	EXPECT(!model.faults || !*model.faults);
	pc_stop();
}

static u64 sectors(u8 unit)
{
	return disk_ask(model.driver, 0, BUS_DISK_SIZE, 0, DISK_ALL(unit));
}

static u64 info(u64 item)
{
	return disk_ask(model.driver, 0, BUS_INFO, item, 0);
}

static u64 read_some(u32 port, u64 at, u32 count)
{
	return disk_do(model.driver, port, BUS_DISK_READ, at, DISK_ALL(model.unit) | count);
}

static void expect_read(u32 port, u32 at, u32 count)
{
	memset(disk_window(port), 0, BUS_WINDOW);
	EXPECT_EQ(read_some(port, at, count), DISK_DONE);
	EXPECT_MEM(disk_window(port), model.image + at * DISK_SECTOR, count * DISK_SECTOR);
	EXPECT(count == DISK_WINDOW_SECTORS || !disk_window(port)[count * DISK_SECTOR]);
}

/* Of a disk that is there: whatever there is to be asked of it. */
static void move_sectors(void)
{
	static const u32 counts[] = { 1, 7, 8, 9, 16, 17, 127, 128 };
	u32 flushes = *model.flushes;

	for (u32 i = 0; i < ARRAY_LEN(counts); i++)
		expect_read(2, 103 + i, counts[i]);
	expect_read(7, 300, 128);
	for (u32 i = 0; i < BUS_WINDOW; i++)
		disk_window(1)[i] = (u8)(i * 5 + i / 512);
	EXPECT_EQ(disk_do(model.driver, 1, BUS_DISK_WRITE, 384, DISK_ALL(model.unit) | 128),
		DISK_DONE);
	EXPECT_MEM(disk_window(1), model.image + 384 * DISK_SECTOR, BUS_WINDOW);
	EXPECT_EQ(*model.flushes, flushes);
	EXPECT_EQ(disk_do(model.driver, 1, BUS_DISK_FLUSH, 0, DISK_ALL(model.unit)), DISK_DONE);
	EXPECT_EQ(*model.flushes, flushes + 1);
	EXPECT_EQ(read_some(1, model.sectors - 2, 3), DISK_ERROR);
}

static void moves_sectors(void)
{
	begin();
	move_sectors();
	end();
}

static void serves_its_ports_in_turn(void)
{
	u64 all = DISK_ALL(model.unit);

	begin();
	*model.hangs = true; /* so that one is under way and the others wait */
	for (u32 port = 0; port < BUS_PORTS; port++)
		EXPECT_EQ(disk_ask(model.driver, port, BUS_DISK_READ, 10 * port, all | 128),
			DISK_PENDING);
	EXPECT_EQ(disk_ask(model.driver, 3, BUS_DISK_READ, 0, all | 1), DISK_IDLE);
	EXPECT_EQ(disk_ask(model.driver, 4, BUS_DISK_DROP, 0, 0), 0);
	*model.hangs = false;
	for (u32 port = 1; port < BUS_PORTS; port++) {
		EXPECT_EQ(disk_end(model.driver, port), port == 4 ? DISK_IDLE : DISK_DONE);
		if (port != 4)
			EXPECT_MEM(disk_window(port), model.image + 10 * port * DISK_SECTOR,
				BUS_WINDOW);
	}
	end();
}

static void gives_up_a_disk_that_does_not_answer(void)
{
	u32 before;

	begin();
	before = *model.resets;
	*model.hangs = true;
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	EXPECT_EQ(info(DISK_INFO_TIMEOUTS), 1);
	*model.hangs = false;
	expect_read(0, 1, 8);
	EXPECT(*model.resets > before);
	EXPECT_EQ(info(DISK_INFO_TIMEOUTS), 1);
	end();
}

static void tells_an_error_and_goes_on(void)
{
	begin();
	*model.fails = true;
	EXPECT_EQ(read_some(0, 0, 8), DISK_ERROR);
	*model.fails = false;
	expect_read(0, 1, 8);
	EXPECT_EQ(info(DISK_INFO_ERRORS), 1);
	EXPECT_EQ(info(DISK_INFO_TIMEOUTS), 0);
	end();
}

/* What was under way is forgotten, and asked for again. */
static void begins_anew(void)
{
	u64 all = DISK_ALL(model.unit);

	begin();
	*model.hangs = true;
	EXPECT_EQ(disk_ask(model.driver, 5, BUS_DISK_READ, 1, all | 128), DISK_PENDING);
	pc_device(model.driver);
	EXPECT(!pc.master);
	EXPECT_EQ(disk_ask(model.driver, 5, BUS_DISK_RESULT, 0, 0), DISK_IDLE);
	EXPECT_EQ(sectors(model.unit), BUS_NO_PEER); /* not yet */
	*model.hangs = false;
	expect_read(5, 1, 128);
	EXPECT_EQ(sectors(model.unit), model.sectors);
	end();
}

#define DISK_TEST(id, what)                                                                        \
	TEST(id##_##what)                                                                          \
	{                                                                                          \
		what();                                                                            \
	}

#define DISK_TESTS(id)                                                                             \
	DISK_TEST(id, moves_sectors)                                                               \
	DISK_TEST(id, serves_its_ports_in_turn)                                                    \
	DISK_TEST(id, gives_up_a_disk_that_does_not_answer)                                        \
	DISK_TEST(id, tells_an_error_and_goes_on)                                                  \
	DISK_TEST(id, begins_anew)
