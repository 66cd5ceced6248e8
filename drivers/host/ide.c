/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IDE controllers in compatibility or native mode, by PIO alone: two channels of two disks each
 * (AT Attachment with Packet Interface, "Register descriptions" and "PIO data-in and data-out
 * command protocols"). Units 0 and 1 are master and slave of the first channel, 2 and 3 of the
 * second. What is no ATA disk is not there for us. The device does no DMA, so it reaches no memory.
 */
#include "drivers/host/ata.h"

#include "core/lib/string.h"

/* Ranges of the channels' two blocks, and registers in them. */
#define COMMAND_BLOCK(unit) ((unit)&2)
#define CONTROL_BLOCK(unit) (((unit)&2) + 1)
#define R_DATA		    0
#define R_COUNT		    2
#define R_LOW		    3
#define R_MID		    4
#define R_HIGH		    5
#define R_DEVICE	    6
#define R_STATUS	    7 /* reading; a command is written there */

#define DEVICE_SLAVE 0x10
#define DEVICE_FIXED 0xa0

#define STATUS_NOBODY 0xff
#define CONTROL_RESET 0x04

#define MULTIPLE_MAX 16
#define AT_ONE_GO    1 /* sectors: one is hundreds of cycles of a slow bus */
#define SPIN	     4 /* looks at the status before a time is waited */

/* What the command in hand waits for. */
enum phase {
	PHASE_FREE,
	PHASE_SELECT,
	PHASE_COMMAND,
	PHASE_IN,
	PHASE_OUT,
	PHASE_END,
	PHASE_MULTIPLE
};

struct ide {
	struct disk disk;
	u8 multiple[4]; /* sectors that go in one block */
	bool wide[4];	/* 48 bits of sector number */
	u8 phase;
	u32 done;     /* sectors moved */
	u32 in_block; /* that the disk has ready, or has room for */
};

static u8 get(u8 unit, u32 reg)
{
	return (u8)l1_reg_read(DEVICE_REG(COMMAND_BLOCK(unit), reg), 1);
}

static void set(u8 unit, u32 reg, u32 value)
{
	l1_reg_write(DEVICE_REG(COMMAND_BLOCK(unit), reg), 1, value & 0xff);
}

static u8 status(u8 unit)
{
	return get(unit, R_STATUS);
}

/* Some hundred nanoseconds pass, and no interrupt is taken notice of. */
static void pause(u8 unit)
{
	for (u32 i = 0; i < 4; i++)
		(void)l1_reg_read(DEVICE_REG(CONTROL_BLOCK(unit), 0), 1);
}

static void ide_reset(void *state)
{
	struct ide *ide = state;

	for (u8 unit = 0; unit < 4; unit += 2) {
		u32 control = DEVICE_REG(CONTROL_BLOCK(unit), 0);

		l1_reg_write(control, 1, CONTROL_RESET);
		for (u32 i = 0; i < 5; i++)
			pause(unit);
		l1_reg_write(control, 1, 0);
	}
	ide->phase = PHASE_FREE;
}

static void set_place(u8 unit, u64 sector, u32 count)
{
	set(unit, R_COUNT, count);
	set(unit, R_LOW, (u32)sector);
	set(unit, R_MID, (u32)(sector >> 8));
	set(unit, R_HIGH, (u32)(sector >> 16));
}

/* The command for what is asked, and the phase that follows it. */
static u8 command(const struct ide *ide, const struct disk_request *r, u8 *phase)
{
	bool wide = ide->wide[r->unit], many = ide->multiple[r->unit];

	*phase = r->action == DISK_OUT ? PHASE_OUT : r->action == DISK_FLUSH ? PHASE_END : PHASE_IN;
	switch (r->action) {
	case DISK_IN:
		if (many)
			return wide ? ATA_READ_MULTIPLE_EXT : ATA_READ_MULTIPLE;
		return wide ? ATA_READ_EXT : ATA_READ;
	case DISK_OUT:
		if (many)
			return wide ? ATA_WRITE_MULTIPLE_EXT : ATA_WRITE_MULTIPLE;
		return wide ? ATA_WRITE_EXT : ATA_WRITE;
	case DISK_FLUSH:
		return wide ? ATA_FLUSH_EXT : ATA_FLUSH;
	default:
		return ATA_IDENTIFY;
	}
}

static void send_command(struct ide *ide)
{
	const struct disk_request *r = ide->disk.now;
	bool wide = ide->wide[r->unit] && r->action != DISK_IDENTIFY;
	u8 last = wide ? 0 : (u8)(r->sector >> 24 & 15), code = command(ide, r, &ide->phase);

	if (r->action != DISK_IDENTIFY)
		last |= DEVICE_LBA;
	set(r->unit, R_DEVICE, DEVICE_FIXED | (r->unit & 1 ? DEVICE_SLAVE : 0) | last);
	if (wide)
		set_place(r->unit, r->sector >> 24, r->count >> 8);
	set_place(r->unit, r->action == DISK_IDENTIFY ? 0 : r->sector,
		r->action == DISK_IDENTIFY ? 0 : r->count);
	set(r->unit, R_STATUS, code);
	pause(r->unit);
}

static void ide_begin(void *state)
{
	struct ide *ide = state;

	ide->done = ide->in_block = 0;
	ide->phase = PHASE_SELECT;
}

/* The channel is not busy with whatever was before. */
static void select_device(struct ide *ide, u8 unit)
{
	set(unit, R_DEVICE, DEVICE_FIXED | (unit & 1 ? DEVICE_SLAVE : 0));
	pause(unit);
	ide->phase = PHASE_COMMAND;
}

/* Some of the next block's sectors; the rest by the timer, at once. */
static void move(struct ide *ide, const struct disk_request *r, u32 count, bool out)
{
	u32 reg = DEVICE_REG(COMMAND_BLOCK(r->unit), R_DATA);

	if (!ide->in_block)
		ide->in_block = MIN(MAX(ide->multiple[r->unit], 1), count - ide->done);
	for (u32 n = MIN(ide->in_block, AT_ONE_GO); n; n--) {
		u8 *data = ide->disk.memory + r->at + ide->done++ * DISK_SECTOR;

		l1_reg_block(reg, out, data, DISK_SECTOR / 2);
		ide->in_block--;
	}
	ide->disk.soon = true;
	pause(r->unit);
}

/* After the identity: blocks of several sectors, unless the disk does not want to. */
static enum disk_result agree_on_blocks(struct ide *ide, u8 unit)
{
	ata_read_identity(&ide->disk.unit[unit], ide->disk.memory + ide->disk.now->at,
		&ide->wide[unit], &ide->multiple[unit]);
	ide->multiple[unit] = MIN(ide->multiple[unit], MULTIPLE_MAX);
	if (!ide->disk.unit[unit].sectors || !ide->multiple[unit])
		return DISK_DONE;
	set(unit, R_COUNT, ide->multiple[unit]);
	set(unit, R_STATUS, ATA_SET_MULTIPLE);
	pause(unit);
	ide->phase = PHASE_MULTIPLE;
	return DISK_PENDING;
}

/* The disk is not busy: what comes next. DISK_PENDING: it is to be looked at again. */
static enum disk_result advance(struct ide *ide, u8 s)
{
	const struct disk_request *r = ide->disk.now;
	bool bad = s & (STATUS_ERROR | STATUS_FAULT);
	u32 count = r->action == DISK_IDENTIFY ? 1 : r->count;

	switch (ide->phase) {
	case PHASE_SELECT:
		select_device(ide, r->unit);
		return DISK_PENDING;
	case PHASE_COMMAND:
		send_command(ide);
		return DISK_PENDING;
	case PHASE_MULTIPLE:
		if (bad)
			ide->multiple[r->unit] = 0;
		return DISK_DONE;
	case PHASE_IN:
		if (bad || !(s & STATUS_DATA))
			return bad ? DISK_ERROR : DISK_PENDING;
		if (r->action == DISK_IDENTIFY && (get(r->unit, R_MID) || get(r->unit, R_HIGH)))
			return DISK_ERROR; /* a packet device, or a serial one that is not plain */
		move(ide, r, count, false);
		if (ide->done < count)
			return DISK_PENDING;
		return r->action == DISK_IDENTIFY ? agree_on_blocks(ide, r->unit) : DISK_DONE;
	case PHASE_OUT:
		if (bad || !(s & STATUS_DATA))
			return bad ? DISK_ERROR : DISK_PENDING;
		move(ide, r, count, true);
		if (ide->done == count)
			ide->phase = PHASE_END;
		return DISK_PENDING;
	default:
		return bad ? DISK_ERROR : s & STATUS_DATA ? DISK_PENDING : DISK_DONE;
	}
}

/* Goes on as far as the disk does without being waited for, a block at the most. */
static enum disk_result ide_poll(void *state)
{
	struct ide *ide = state;
	const struct disk_request *r = ide->disk.now;
	enum disk_result result = DISK_PENDING;

	ide->disk.soon = false;
	for (u32 spin = 0; result == DISK_PENDING && spin < SPIN && !ide->disk.soon; spin++) {
		u8 s = status(r->unit), phase = ide->phase;

		/* Nobody there: the lines float, or are pulled down. */
		if (r->action == DISK_IDENTIFY &&
			(s == STATUS_NOBODY || (!s && phase != PHASE_SELECT)))
			return DISK_ERROR;
		if (s & STATUS_BUSY)
			continue;
		result = advance(ide, s);
		if (ide->phase != phase)
			spin = 0;
	}
	return result;
}

static const struct disk_class ide_class = {
	.units = 4,
	.poll_ns = 10000000,
	.reset = ide_reset,
	.begin = ide_begin,
	.poll = ide_poll,
};

static const struct driver_device ide_device = {
	.match = { { .class = 0x010100, .mask = 0xffff00 } },
	.memory_bytes = DISK_CLASS_AT,
	.units = 4,
};

DISK_DRIVER(ide, ide_class, struct ide, ide_device, 0);
