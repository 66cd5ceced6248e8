/* SPDX-License-Identifier: BSD-2-Clause */
/* What an ATA disk says of itself (AT Attachment, "IDENTIFY DEVICE"). Pure. */
#include "drivers/host/ata.h"

#include "core/lib/string.h"

/* Words, and bits in them. */
#define ID_MULTIPLE   47
#define ID_ABLE	      49
#define ID_SECTORS    60
#define ID_COMMANDS   83
#define ID_SECTORS_48 100
#define ID_FORMAT     106
#define ID_LOGICAL    117 /* two: words in a sector */
#define ABLE_LBA      BIT(9)
#define COMMANDS_48   BIT(10)
#define FORMAT_LONG   BIT(12) /* sectors are longer than usual */
#define VALID	      0xc000  /* of a word that has this: */
#define VALID_IS      0x4000

#define SECTORS_28 BIT(28)

static bool has(u16 word, u64 bit)
{
	return (word & VALID) == VALID_IS && (word & bit);
}

void ata_read_identity(struct disk_unit *u, const u8 *data, bool *wide, u8 *multiple)
{
	u16 word[DISK_SECTOR / 2];
	u64 sectors;
	u32 logical;

	memcpy(word, data, sizeof(word));
	memcpy(&logical, &word[ID_LOGICAL], 4);
	u->sectors = 0;
	*wide = has(word[ID_COMMANDS], COMMANDS_48);
	*multiple = (u8)word[ID_MULTIPLE];
	if (!(word[ID_ABLE] & ABLE_LBA))
		return;
	if (has(word[ID_FORMAT], FORMAT_LONG) && logical != DISK_SECTOR / 2) {
		u->refused = DISK_REFUSED_FORMAT;
		return;
	}
	memcpy(&sectors, &word[*wide ? ID_SECTORS_48 : ID_SECTORS], 8);
	u->sectors = sectors & (*wide ? BIT(48) - 1 : SECTORS_28 - 1);
}
