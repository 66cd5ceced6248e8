/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of an AHCI controller. */
#include "tests/host/ahci_hba.h"

#include "tests/host/fake_instance.h"

#include <string.h>

enum {
	CAP = 0,
	GHC = 4,
	GLOBAL_IS = 8,
	PORTS = 0xc,
	CAP2 = 0x24,
	BOHC = 0x28,
	PORT = 0x100,
	EACH = 0x80
};
enum { LIST = 0, FIS = 8, IS = 0x10, IE = 0x14, CMD = 0x18, TFD = 0x20, SIG = 0x24, SSTS = 0x28 };
enum { SCTL = 0x2c, SERR = 0x30, CI = 0x38 };
enum { ST = 1, FRE = 16, CR = 1 << 15, TASK_ERROR = 0x41, READY = 0x50 };

#define MEMORY 0x100000 /* where the fake gate puts it */

struct ahci_hba hba;

static u32 *reg(u32 port, u32 at)
{
	return &hba.reg[(PORT + port * EACH + at) / 4];
}

/* What the controller sees at an address; NULL, a fault of the driver's: nothing. */
static u8 *memory(u64 at, u64 len)
{
	const struct instance *i = by_name("ahci");
	u64 all = i->driver->device->memory_bytes;

	if (pc.master && at >= MEMORY && at - MEMORY <= all && len <= all - (at - MEMORY))
		return (u8 *)i->memory + (at - MEMORY);
	hba.faults++;
	return NULL;
}

static u64 wide(const void *at)
{
	u64 value;

	memcpy(&value, at, 8);
	return value;
}

/* --- commands ------------------------------------------------------------------------------ */

static void identify(u8 *to)
{
	u16 word[256] = { [49] = BIT(9) | BIT(8), [60] = HBA_SECTORS, [83] = 0x4000 };

	if (!hba.old) {
		word[83] |= BIT(10);
		word[100] = HBA_SECTORS;
		word[60] = 0;
	}
	if (hba.logical) {
		word[106] = 0x5000;
		word[117] = (u16)(hba.logical / 2);
	}
	memcpy(to, word, sizeof(word));
}

/* The bytes that were moved. */
static u32 transfer(const u8 *fis, u8 *data, u32 len, bool out)
{
	u32 sector = fis[4] | fis[5] << 8 | fis[6] << 16, count = fis[12] | fis[13] << 8;
	u8 *at = hba.image + sector * DISK_SECTOR;

	if (!fis[7] || sector + count > HBA_SECTORS || len != count * DISK_SECTOR || !data) {
		hba.faults++;
		return 0;
	}
	memcpy(out ? at : data, out ? data : at, len);
	return len;
}

static u32 command(const u8 *fis, u8 *data, u32 len, bool out)
{
	bool extended = fis[2] == 0x25 || fis[2] == 0x35 || fis[2] == 0xea;

	hba.faults += fis[0] != 0x27 || fis[1] != 0x80 || (fis[2] != 0xec && extended == hba.old);
	switch (fis[2]) {
	case 0xec:
		if (data && len == DISK_SECTOR)
			identify(data);
		return len;
	case 0x25:
	case 0xc8:
		hba.faults += out;
		return transfer(fis, data, len, false);
	case 0x35:
	case 0xca:
		hba.faults += !out;
		return transfer(fis, data, len, true);
	case 0xe7:
	case 0xea:
		hba.flushes++;
		hba.faults += len;
		return 0;
	default:
		hba.faults++;
		return 0;
	}
}

static void run(u32 port)
{
	u8 *header = memory(wide(reg(port, LIST)), 1024), *table;
	u32 flags = 0, len = 0, done;
	u8 *data = NULL;

	if (!header)
		return;
	memcpy(&flags, header, 4);
	table = memory(wide(header + 8), 0x90);
	if (!table)
		return;
	if (flags >> 16) {
		len = (u32)(wide(table + 0x88) >> 32 & 0x3fffff) + 1;
		data = memory(wide(table + 0x80), len);
	}
	hba.faults += (flags & 31) != 5 || flags >> 16 > 1 || wide(header + 8) % 128;
	done = command(table, data, len, flags & 64) - hba.cut;
	memcpy(header + 4, &done, 4);
}

static void issue(u32 port)
{
	hba.faults += !(*reg(port, CMD) & ST) || port != HBA_DISK;
	*reg(port, CI) = 1;
	*reg(port, TFD) = 0x80;
	if (hba.hangs)
		return;
	*reg(port, TFD) = !hba.fails ? READY : hba.clings ? TASK_ERROR | 8 : TASK_ERROR;
	if (hba.fails)
		*reg(port, IS) |= BIT(30);
	else
		run(port);
}

/* --- registers ----------------------------------------------------------------------------- */

static void reset(void)
{
	memset(hba.reg, 0, sizeof(hba.reg));
	hba.resets++;
	hba.reg[CAP / 4] = hba.narrow ? 0 : BIT(31);
	hba.reg[GHC / 4] = hba.stuck;
	hba.reg[PORTS / 4] = 7;
	for (u32 port = 0; port < 3; port++)
		*reg(port, TFD) = 0x7f;
}

/* The disk is connected, and has sent its signature. */
static void connect(u32 port)
{
	*reg(port, SSTS) = 0x123;
	*reg(port, TFD) = READY;
	*reg(port, SIG) = port == HBA_DISK ? 0x101 : 0xeb140101;
}

static void set_command(u32 port, u32 value)
{
	u32 before = *reg(port, CMD), runs = value & ST || hba.runs_on ? before & CR : 0;

	hba.faults += (value & ST) && !(before & ST) && (before & CR);
	*reg(port, CMD) = (value & ~(u32)CR) | runs | (value & ST ? CR : 0);
	if (!(value & ST))
		*reg(port, CI) = 0;
	hba.faults += (value & ST) && (!(value & FRE) || (*reg(port, TFD) & 0x88));
	if (!(value & FRE) || (before & FRE) || port == 0)
		return;
	(void)memory(wide(reg(port, FIS)), 256);
	(void)memory(wide(reg(port, LIST)), 1024);
	hba.faults += wide(reg(port, FIS)) % 256 || wide(reg(port, LIST)) % 1024;
	connect(port);
}

static void set_link(u32 port, u32 value)
{
	hba.faults += *reg(port, CMD) & (ST | CR);
	if ((*reg(port, SCTL) & 1) && !(value & 1)) {
		hba.links++;
		connect(port);
	} else if (value & 1) {
		*reg(port, SSTS) = 0;
		*reg(port, TFD) = 0x7f;
	}
	*reg(port, SCTL) = value;
}

static u64 hba_read(u32 r, u32 width)
{
	u32 at = r & 0xfffffff, value;
	s64 lie = hba.lie;

	hba.lie = -1;
	if (hba.gone)
		return ~0ull;
	if (r >> 28 != 5 || width != 4 || at >= sizeof(hba.reg)) {
		hba.faults++;
		return 0;
	}
	value = hba.reg[at / 4];
	if (at == PORT + HBA_DISK * EACH + CI && !hba.hangs) {
		if (hba.busy)
			hba.busy--;
		else if (!hba.fails)
			hba.reg[at / 4] = 0;
	}
	return lie < 0 ? value : (u32)lie;
}

static void port_write(u32 port, u32 at, u32 value)
{
	if (at == CI)
		issue(port);
	else if (at == CMD)
		set_command(port, value);
	else if (at == SCTL)
		set_link(port, value);
	else if (at == IS || at == SERR)
		*reg(port, at) &= ~value;
	else
		*reg(port, at) = value;
	hba.faults += at == IE && value && !pc_messages;
}

static void hba_write(u32 r, u32 width, u64 value)
{
	u32 at = r & 0xfffffff;

	if (hba.gone)
		return;
	if (r >> 28 != 5 || width != 4 || at >= sizeof(hba.reg)) {
		hba.faults++;
		return;
	}
	if (at >= PORT)
		port_write((at - PORT) / EACH, (at - PORT) % EACH, (u32)value);
	else if (at == GHC && (value & 1))
		reset();
	else if (at == GHC)
		hba.reg[GHC / 4] = (u32)value;
	else if (at == GLOBAL_IS)
		hba.reg[at / 4] &= ~(u32)value;
	else if (at == BOHC)
		hba.reg[BOHC / 4] = (u32)value & ~1u;
	else
		hba.faults++;
	hba.faults += at == GHC && (((value & 2) && !pc_messages) || !(value >> 31));
}

bool ahci_hba_interrupts(void)
{
	return (hba.reg[GHC / 4] & 2) && (*reg(HBA_DISK, IE) & 1);
}

void ahci_hba_plug(void)
{
	memset(&hba, 0, sizeof(hba));
	hba.lie = -1;
	reset();
	hba.reg[CAP2 / 4] = 1; /* and the firmware has it */
	hba.reg[BOHC / 4] = 1;
	for (u32 i = DISK_SECTOR; i < sizeof(hba.image); i++)
		hba.image[i] = (u8)(i * 7 + i / 512);
}

void ahci_hba_start(void)
{
	pc_start(MIB(8));
	pc.reg_read = hba_read;
	pc.reg_write = hba_write;
	pc_device("ahci");
	pc_advance(3000000000ull);
}
