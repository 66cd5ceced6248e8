/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NVMe driver over a controller that does and says what the fuzzer wants: its registers, what
 * it writes to memory and into completions, what it and its namespaces are, all under calls of the
 * bus.
 */
#include "tests/fuzz/disk_steps.h"
#include "tests/host/nvme_card.h"

static void be(const struct step *s)
{
	nvme.hangs = s->a & 1;
	nvme.fails = s->a & 2;
	nvme.stuck = s->a & 4;
	nvme.gone = s->a & 8;
	nvme.refuses = s->a & 16;
	nvme.transfer = s->b;
	nvme.metadata = s->c & 0x10;
	nvme.format = s->c & 0xef;
	nvme.blocks = (u64)(s->a + 1u) << (s->c & 63);
}

static void run(const struct step *s)
{
	switch (s->op % 8) {
	case 0:
	case 1:
		step_call("nvme", s, NVME_DISK);
		break;
	case 2:
		nvme.lie = s->a | s->b << 8 | (s64)s->c << 24;
		break;
	case 3:
		nvme.reg[s->a % ARRAY_LEN(nvme.reg)] = (u32)s->c << (s->b & 0x18);
		break;
	case 4:
		step_scribble(s, PAGE_SIZE * 6);
		break;
	case 5:
		be(s);
		break;
	case 6:
		nvme.wrong = (u32)s->a << (s->b & 0x18);
		break;
	default:
		if (s->a == 77)
			pc_device("nvme");
		break;
	}
}

/* Whatever was done to it: a controller that is well again works. */
static void check_well(void)
{
	u8 *image = nvme.image;

	nvme.hangs = nvme.fails = nvme.stuck = nvme.gone = nvme.refuses = false;
	nvme.wrong = nvme.metadata = nvme.format = 0;
	nvme.blocks = NVME_SECTORS;
	nvme.lie = -1;
	steps_end("nvme");
	memset(nvme.reg, 0, sizeof(nvme.reg)); /* as after power-on */
	nvme.reg[0] = 0x7ff;
	nvme.reg[1] = 1 | BIT(5);
	pc_device("nvme");
	pc_advance(20 * MS);
	HOLDS(disk_do("nvme", 0, BUS_DISK_READ, 3, DISK_ALL(NVME_DISK) | 40) == DISK_DONE);
	HOLDS(!memcmp(disk_window(0), image + 3 * DISK_SECTOR, 40 * DISK_SECTOR));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	nvme_card_plug();
	nvme_card_start();
	steps(data, size, run, CALLS);
	check_well();
	pc_stop();
	return 0;
}
