/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AHCI driver over a controller that does and says what the fuzzer wants: its registers, what
 * it writes to memory, when it is done, all under calls of the bus.
 */
#include "tests/fuzz/disk_steps.h"
#include "tests/host/ahci_hba.h"

static void set_register(const struct step *s)
{
	u32 at = s->a % 64u + (s->b & 0x80 ? 64 + (s->b & 0x60) : 0);

	hba.reg[at % ARRAY_LEN(hba.reg)] = (u32)s->c << (s->b & 0x18);
}

static void run(const struct step *s)
{
	switch (s->op % 8) {
	case 0:
	case 1:
		step_call("ahci", s, HBA_DISK);
		break;
	case 2:
		hba.lie = s->a | s->b << 8 | (s64)s->c << 24;
		break;
	case 3:
		set_register(s);
		break;
	case 4:
		step_scribble(s, PAGE_SIZE);
		break;
	case 5:
		hba.hangs = s->a & 1;
		hba.fails = s->a & 2;
		hba.stuck = s->a & 4;
		hba.gone = s->a & 8;
		hba.old = s->a & 16;
		hba.narrow = s->a & 32;
		hba.clings = s->a & 64;
		hba.runs_on = s->a & 128;
		break;
	case 6:
		hba.busy = s->a;
		hba.cut = s->b;
		hba.logical = s->c * 64u;
		break;
	default:
		if (s->a == 77)
			pc_device("ahci");
		break;
	}
}

/* Whatever was done to it: a controller that is well again works. */
static void check_well(void)
{
	hba.hangs = hba.fails = hba.stuck = hba.gone = hba.narrow = hba.old = false;
	hba.clings = hba.runs_on = false;
	hba.busy = hba.cut = hba.logical = 0;
	hba.lie = -1;
	steps_end("ahci");
	memset(hba.reg, 0, sizeof(hba.reg)); /* as after power-on */
	hba.reg[0] = BIT(31);
	pc_device("ahci");
	pc_advance(3000 * MS);
	HOLDS(disk_do("ahci", 0, BUS_DISK_READ, 3, DISK_ALL(HBA_DISK) | 4) == DISK_DONE);
	HOLDS(!memcmp(disk_window(0), hba.image + 3 * DISK_SECTOR, 4 * DISK_SECTOR));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	ahci_hba_plug();
	ahci_hba_start();
	steps(data, size, run, CALLS);
	check_well();
	pc_stop();
	return 0;
}
