/* SPDX-License-Identifier: BSD-2-Clause */
/* The model of an NVMe controller. */
#include "tests/host/nvme_card.h"

#include "tests/host/fake_instance.h"

#include <string.h>

enum { CAP = 0, INTMS = 0xc, CC = 0x14, CSTS = 0x1c, AQA = 0x24, ASQ = 0x28, ACQ = 0x30 };

#define BELLS  0x1000
#define MEMORY 0x100000 /* where the fake gate puts it */
#define PAGE   4096u

struct nvme_card nvme;

struct command {
	u16 code, number;
	u32 namespace;
	u64 reserved[2], data, more;
	u32 argument[6];
};

static u32 *reg(u32 at)
{
	return &nvme.reg[at / 4];
}

/* What the controller sees at an address; NULL, a fault of the driver's: nothing. */
static u8 *memory(u64 at, u64 len)
{
	const struct instance *i = by_name("nvme");
	u64 all = i->driver->device->memory_bytes;

	if (pc.master && at >= MEMORY && at - MEMORY <= all && len <= all - (at - MEMORY))
		return (u8 *)i->memory + (at - MEMORY);
	nvme.faults++;
	return NULL;
}

/* --- commands ------------------------------------------------------------------------------ */

static void identify(const struct command *c, u8 *to)
{
	u32 three = 3;
	u64 blocks = c->namespace == 1 ? 0 : nvme.blocks;

	memset(to, 0, PAGE);
	if (c->argument[0] == 1) {
		to[77] = nvme.transfer;
		memcpy(to + 516, &three, 4);
		return;
	}
	nvme.faults += c->argument[0] || !c->namespace || c->namespace > 3;
	memcpy(to, &blocks, 8);
	to[25] = 2;
	to[26] = c->namespace == 3 ? 1 : nvme.format;
	memcpy(to + 128, &nvme.metadata, 2);
	to[130] = 9;
	to[134] = 12;
	to[136] = 8; /* with metadata */
	to[138] = 9;
}

static void new_queue(const struct command *c, u32 completions)
{
	nvme.faults += c->argument[0] != 0x10001 || c->data % PAGE;
	nvme.faults += c->argument[1] != (!completions ? 0x10001 : pc_messages ? 3 : 1);
	(void)memory(c->data, PAGE);
	nvme.queue[1][completions] = c->data;
}

static u32 do_admin(const struct command *c)
{
	u8 *to = memory(c->data, PAGE);

	if (nvme.refuses)
		return 0x4002;
	if (c->code == 6 && to)
		identify(c, to);
	else if (c->code == 5 || c->code == 1)
		new_queue(c, c->code == 5);
	else
		nvme.faults++;
	return 0;
}

static void move(const struct command *c)
{
	u32 sector = c->argument[0], len = ((c->argument[2] & 0xffff) + 1) * DISK_SECTOR;
	u32 pages = (len + PAGE - 1) / PAGE;
	bool out = c->code == 1;

	nvme.faults += nvme.transfer && nvme.transfer < 8 && len > PAGE << nvme.transfer;
	if (c->argument[1] || sector >= NVME_SECTORS || len > sizeof(nvme.image) - sector * 512) {
		nvme.faults++;
		return;
	}
	for (u32 i = 0; i < pages; i++) {
		u32 n = MIN(len - i * PAGE, PAGE);
		u8 *at = nvme.image + sector * DISK_SECTOR + i * PAGE, *data;
		u64 page = i ? c->more : c->data;

		if (i && pages > 2) {
			const u8 *list = memory(c->more + (i - 1) * 8, 8);

			if (!list)
				return;
			memcpy(&page, list, 8);
		}
		nvme.faults += page % PAGE != 0;
		data = memory(page, n);
		if (data)
			memcpy(out ? at : data, out ? data : at, n);
	}
}

static u32 do_io(const struct command *c)
{
	nvme.faults += c->namespace != NVME_DISK + 1;
	if (nvme.fails)
		return 0x281;
	if (c->code == 0)
		nvme.flushes++;
	else if (c->code < 3)
		move(c);
	else
		nvme.faults++;
	return 0;
}

/* Of the commands that have come. */
static void run(u32 queue)
{
	while (nvme.head[queue] != nvme.tail[queue]) {
		const u8 *from = memory(nvme.queue[queue][0] + nvme.head[queue] * 64, 64);
		u32 round = nvme.done[queue] / 2 % 2, entry[4] = { 0 };
		u8 *to = memory(nvme.queue[queue][1] + nvme.done[queue] % 2 * 16, 16);
		struct command c;

		nvme.head[queue] ^= 1;
		if (!from || !to)
			return;
		memcpy(&c, from, sizeof(c));
		nvme.commands++;
		nvme.done[queue]++;
		entry[2] = nvme.head[queue] | queue << 16;
		entry[3] = (queue ? do_io(&c) : do_admin(&c)) << 17 | (round ? 0 : 1u << 16) |
			   c.number;
		entry[3] ^= nvme.wrong;
		nvme.wrong = 0;
		memcpy(to, entry, sizeof(entry));
	}
}

/* --- registers ----------------------------------------------------------------------------- */

static void set_control(u32 value)
{
	bool on = value & 1;

	if (nvme.stuck)
		return;
	if (on && !(*reg(CC) & 1)) {
		nvme.faults +=
			*reg(AQA) != 0x10001 || value >> 16 != 0x46 || !*reg(INTMS) != pc_messages;
		memcpy(nvme.queue[0], reg(ASQ), sizeof(nvme.queue[0]));
		for (u32 i = 0; i < 2; i++)
			nvme.faults += nvme.queue[0][i] % PAGE || !memory(nvme.queue[0][i], PAGE);
	} else if (!on) {
		memset(nvme.head, 0, sizeof(nvme.head));
		memset(nvme.tail, 0, sizeof(nvme.tail));
		memset(nvme.done, 0, sizeof(nvme.done));
		memset(nvme.queue, 0, sizeof(nvme.queue));
		nvme.resets += *reg(CC) & 1;
	}
	*reg(CC) = value;
	*reg(CSTS) = on;
}

static void ring(u32 bell, u32 value)
{
	u32 queue = bell / 2;

	nvme.faults += bell > 3 || value > 1 || !(*reg(CSTS) & 1);
	if (bell > 3 || value > 1)
		return;
	if (bell % 2)
		nvme.faults += value != nvme.done[queue] % 2;
	else
		nvme.tail[queue] = value;
	if (!(bell % 2) && !(nvme.hangs && queue))
		run(queue);
}

static u64 card_read(u32 r, u32 width)
{
	s64 lie = nvme.lie;

	nvme.lie = -1;
	if (nvme.gone)
		return ~0ull;
	if (width != 4 || r >= sizeof(nvme.reg)) {
		nvme.faults++;
		return 0;
	}
	return lie < 0 ? *reg(r) : (u32)lie;
}

static void card_write(u32 r, u32 width, u64 value)
{
	if (nvme.gone)
		return;
	nvme.faults += width != 4;
	if (r == CC)
		set_control((u32)value);
	else if (r >= BELLS)
		ring((r - BELLS) / 8, (u32)value); /* the stride is 1: of eight bytes */
	else if (r < sizeof(nvme.reg) && r >= INTMS)
		*reg(r) = (u32)value;
	else
		nvme.faults++;
}

void nvme_card_plug(void)
{
	nvme = (struct nvme_card){ .lie = -1, .blocks = NVME_SECTORS };
	*reg(CAP) = 0x7ff;
	*reg(CAP + 4) = 1 | BIT(5);
	*reg(CC) = *reg(CSTS) = 1; /* the firmware has used it */
	for (u32 i = DISK_SECTOR; i < sizeof(nvme.image); i++)
		nvme.image[i] = (u8)(i * 7 + i / 512);
}

void nvme_card_start(void)
{
	pc_start(MIB(8));
	pc.reg_read = card_read;
	pc.reg_write = card_write;
	pc_device("nvme");
	pc_advance(20000000);
}
