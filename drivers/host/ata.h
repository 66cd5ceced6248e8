/* SPDX-License-Identifier: BSD-2-Clause */
/* What ATA disks have in common, by whatever they are connected (AT Attachment, "Commands"). */
#pragma once

#include "drivers/host/disk.h"

/* Bits of the device and status registers. */
#define DEVICE_LBA   0x40
#define STATUS_ERROR 0x01
#define STATUS_DATA  0x08 /* DRQ */
#define STATUS_FAULT 0x20
#define STATUS_BUSY  0x80

enum {
	ATA_READ = 0x20,
	ATA_READ_EXT = 0x24,
	ATA_READ_DMA_EXT = 0x25,
	ATA_READ_MULTIPLE_EXT = 0x29,
	ATA_WRITE = 0x30,
	ATA_WRITE_EXT = 0x34,
	ATA_WRITE_DMA_EXT = 0x35,
	ATA_WRITE_MULTIPLE_EXT = 0x39,
	ATA_READ_MULTIPLE = 0xc4,
	ATA_WRITE_MULTIPLE = 0xc5,
	ATA_SET_MULTIPLE = 0xc6,
	ATA_READ_DMA = 0xc8,
	ATA_WRITE_DMA = 0xca,
	ATA_FLUSH = 0xe7,
	ATA_FLUSH_EXT = 0xea,
	ATA_IDENTIFY = 0xec,
};

/*
 * What ATA_IDENTIFY has returned, of a unit: its sectors, none if it makes no sense or is none that
 * we can use. *wide: it has 48 bits of sector number; *multiple: sectors in one block, if several.
 */
void ata_read_identity(struct disk_unit *u, const u8 *data, bool *wide, u8 *multiple);
