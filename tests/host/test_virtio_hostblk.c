/* SPDX-License-Identifier: BSD-2-Clause */
/* The block device over a physical disk, whose driver answers as the test wants it to. */
#include "drivers/api/driver.h"
#include "tests/dialect.h"
#include "tests/host/virtio_guest.h"

#define HEADER	GUEST_DATA
#define STATUS	(GUEST_DATA + 0x100)
#define DATA	(GUEST_DATA + 0x1000)
#define SECTORS 256ull
#define PIECE	(BUS_WINDOW / 512)
#define CHUNK	8192

enum { IN, OUT, FLUSH = 4, GET_ID = 8, DISCARD = 11 };
enum { OK, IOERR, UNSUPP, NONE = 0xee };

static struct {
	u8 image[SECTORS * 512];
	u64 result;	       /* of what was asked last; told once, as a driver does */
	bool late, busy, gone; /* no result yet; not now; nobody there */
	u32 asked, forgets, flushes, drops;
	u64 fails_at; /* the request of this number is an error; 0: none */
} d;

static u64 answer(u32 fn, u64 a, u64 b)
{
	u64 result = d.result;

	if (d.gone)
		return BUS_NO_PEER;
	if (fn == BUS_DISK_DROP)
		return d.drops++, 0;
	if (fn == BUS_DISK_RESULT) {
		if (d.late)
			return DISK_PENDING;
		d.result = DISK_IDLE;
		return result;
	}
	if (d.busy)
		return DISK_IDLE;
	d.asked++;
	d.result = d.asked == d.fails_at ? DISK_ERROR : DISK_DONE;
	if (d.forgets && d.forgets--)
		d.result = DISK_IDLE;
	EXPECT(fn == BUS_DISK_FLUSH || (a + b <= SECTORS && b && b <= PIECE));
	if (fn == BUS_DISK_READ)
		memcpy(pc.window, d.image + a * 512, b * 512);
	else if (fn == BUS_DISK_WRITE)
		memcpy(d.image + a * 512, pc.window, b * 512);
	d.flushes += fn == BUS_DISK_FLUSH;
	return DISK_PENDING;
}

static void plug(u64 cow_bytes)
{
	memset(&d, 0, sizeof(d));
	d.result = DISK_IDLE;
	for (u32 i = 0; i < sizeof(d.image); i++)
		d.image[i] = (u8)(i * 13 + i / 512);
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	pc.disk_writable = true;
	pc.cow_bytes = cow_bytes;
	pc.disk_call = answer;
	add_device("hostblk", 1, SECTORS * 512, 0, 1);
}

/* Its status, NONE as long as it is under way. */
static u8 status(void)
{
	return (u8)ram_get(STATUS, 1);
}

static u8 request(u32 type, u64 sector, u32 len)
{
	bool in = type == IN || type == GET_ID;

	ram_set(HEADER, type, 8);
	ram_set(HEADER + 8, sector, 8);
	ram_set(STATUS, NONE, 1);
	describe_in(0, 0, HEADER, 16, F_NEXT, len ? 1 : 2);
	describe_in(0, 1, DATA, len, F_NEXT | (in ? F_WRITE : 0), 2);
	describe_in(0, 2, STATUS, 1, F_WRITE, 0);
	offer(0, 0);
	notify(0);
	return status();
}

TEST(hostblk_moves_sectors)
{
	plug(0);
	EXPECT_EQ(request(IN, 3, 200 * 512), OK);
	EXPECT_MEM(pc.ram + DATA, d.image + 3 * 512, 200 * 512);
	EXPECT_EQ(d.asked, 2);
	memset(pc.ram + DATA, 0x77, 130 * 512);
	EXPECT_EQ(request(OUT, 100, 130 * 512), OK);
	EXPECT_MEM(pc.ram + DATA, d.image + 100 * 512, 130 * 512);
	EXPECT(d.image[100 * 512 - 1] != 0x77 && d.image[230 * 512] != 0x77);
	EXPECT_EQ(request(FLUSH, 0, 0), OK);
	EXPECT_EQ(d.flushes, 1);
	EXPECT_EQ(request(GET_ID, 0, 20), OK);
	EXPECT_MEM(pc.ram + DATA, "a disk\0", 7);
	EXPECT_EQ(request(DISCARD, 0, 16), UNSUPP);
	EXPECT_EQ(request(IN, SECTORS - 1, 1024), IOERR);
	EXPECT_EQ(request(OUT, ~0ull, 512), IOERR);
	EXPECT_EQ(request(IN, 0, 100), IOERR);
	EXPECT_EQ(d.asked, 5);
	pc_stop();
}

TEST(hostblk_waits_without_its_guest)
{
	plug(0);
	d.late = true;
	EXPECT_EQ(request(IN, 0, 512), NONE);
	pc_advance(1000000000);
	EXPECT_EQ(status(), NONE);
	d.late = false;
	pc_advance(200000000);
	EXPECT_EQ(status(), OK);
	d.late = true; /* for ever: not for longer than half a minute */
	EXPECT_EQ(request(IN, 0, 512), NONE);
	pc_advance(29000000000);
	EXPECT_EQ(status(), NONE);
	pc_advance(2000000000);
	EXPECT_EQ(status(), IOERR);
	pc_stop();
}

TEST(hostblk_asks_again)
{
	plug(0);
	d.forgets = 3; /* its driver begins anew, three times */
	memset(pc.ram + DATA, 0x55, 512);
	request(OUT, 9, 512);
	pc_advance(100000000);
	EXPECT_EQ(status(), OK);
	EXPECT_EQ(d.asked, 4);
	EXPECT_EQ(d.image[9 * 512], 0x55);
	d.busy = true;
	EXPECT_EQ(request(IN, 0, 512), NONE);
	pc_advance(50000000);
	d.busy = false;
	pc_advance(50000000);
	EXPECT_EQ(status(), OK);
	d.gone = true; /* for good */
	EXPECT_EQ(request(IN, 0, 512), NONE);
	pc_advance(1000000000);
	EXPECT_EQ(status(), IOERR);
	pc_stop();
}

TEST(hostblk_reports_errors)
{
	plug(0);
	d.fails_at = 2;
	EXPECT_EQ(request(IN, 0, 200 * 512), IOERR);
	EXPECT_EQ(request(IN, 0, 200 * 512), OK);
	d.late = true;
	EXPECT_EQ(request(IN, 0, 512), NONE);
	d.drops = 0;
	set_bar(R_STATUS, 1, 0); /* the guest's driver is gone, and so is its request */
	EXPECT_EQ(d.drops, 1);
	pc_advance(60000000000);
	EXPECT_EQ(status(), NONE);
	pc_stop();
}

TEST(hostblk_read_only)
{
	plug(0);
	pc.disk_writable = false;
	pc_start(MIB(256));
	pc_ram(GUEST_RAM);
	pc.disk_call = answer;
	add_device("hostblk", 1, SECTORS * 512, 0, 1);
	EXPECT_EQ(bar(R_OFFERED, 4) & 0x6260, 0x60);
	EXPECT_EQ(request(OUT, 0, 512), IOERR);
	EXPECT_EQ(request(FLUSH, 0, 0), OK);
	EXPECT_EQ(d.asked, 0);
	pc_stop();
}

/* Sectors that were written are found in any mixture with those that were not. */
TEST(hostblk_copies_on_write)
{
	static u8 expected[SECTORS * 512];

	plug(PC_DISK);
	memcpy(expected, d.image, sizeof(expected));
	for (u32 n = 0; n < 12; n++) {
		u32 at = n * 5 % 60, len = n % 4 + 1;

		memset(pc.ram + DATA, 0x80 + (int)n, len * 512);
		memset(expected + at * 512, 0x80 + (int)n, len * 512);
		EXPECT_EQ(request(OUT, at, len * 512), OK);
	}
	EXPECT_EQ(d.asked, 0);
	EXPECT_EQ(request(FLUSH, 0, 0), OK);
	EXPECT_EQ(request(IN, 0, 200 * 512), OK);
	EXPECT_MEM(pc.ram + DATA, expected, 200 * 512);
	EXPECT_EQ(request(IN, 13, 9 * 512), OK);
	EXPECT_MEM(pc.ram + DATA, expected + 13 * 512, 9 * 512);
	EXPECT_EQ(d.flushes, 0);
	pc_stop();
}

TEST(hostblk_has_no_more_than_its_memory)
{
	u32 n = 0;

	plug(PC_DISK); /* eight chunks, of which seven are given */
	while (n < SECTORS / 16 && request(OUT, n * 16, 512) == OK)
		n++;
	EXPECT_EQ(n, PC_DISK / CHUNK - 1);
	EXPECT_EQ(request(OUT, 3 * 16 + 5, 512), OK); /* in a chunk that is there */
	EXPECT_EQ(request(OUT, SECTORS - 1, 512), IOERR);
	EXPECT_EQ(request(IN, SECTORS - 1, 512), OK);
	pc_stop();
}
