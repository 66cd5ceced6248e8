/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Anything a guest can put into its registers, its page tables and its code, and any exit: the
 * emulator touches no memory but the guest's, moves RIP by one instruction or not at all, and
 * raises at most one exception. (A second one, an access outside a device's region and the like are
 * caught by the machine itself.)
 */
#include "tests/host/machine.h"

#include "arch/x86/cpu.h"
#include "core/l1/log.h"
#include "core/l3/fetch.h"

#include <stdlib.h>
#include <string.h>

const struct hv_ops *hv;

void log_print(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

struct input {
	const u8 *at;
	size_t left;
};

static u64 take(struct input *in, u32 width)
{
	u64 value = 0;

	width = MIN(width, (u32)in->left);
	memcpy(&value, in->at, width);
	in->at += width;
	in->left -= width;
	return value;
}

/* Mostly somewhere near what is mapped, so that instructions get far. */
static u64 take_address(struct input *in)
{
	static const u64 near[] = { MACHINE_DEVICE, MACHINE_DEVICE + MACHINE_DEV_LEN - 4,
		VLAPIC_BASE, 0x9000, MACHINE_RAM - 4, MACHINE_TABLES, 0x500000, 0x500ffc };
	u8 kind = (u8)take(in, 1);

	if (kind < 0xc0)
		return near[kind % ARRAY_LEN(near)] + (u8)take(in, 1);
	return take(in, 8);
}

static void set_mode(u8 choice)
{
	switch (choice & 7) {
	case 0:
		machine_protected(false);
		break;
	case 1:
		machine_protected(true);
		break;
	case 2: /* 32-bit paging */
		machine_protected(true);
		machine.regs[REG_CR0] |= CR0_PG;
		machine.regs[REG_CR4] = choice & 8 ? CR4_PSE : 0;
		break;
	case 3: /* PAE */
		machine_protected(true);
		machine.regs[REG_CR0] |= CR0_PG;
		machine.regs[REG_CR4] = CR4_PAE;
		break;
	case 4: /* compatibility mode */
		machine.segs[SEG_CS].attr = 0xc9b;
		break;
	case 5:
		machine.regs[REG_CR4] |= CR4_LA57;
		break;
	}
	machine.cpl = choice & 0x10 ? 3 : 0;
	if (choice & 0x20)
		machine.regs[REG_CR4] |= CR4_SMAP;
	if (choice & 0x40)
		machine.v.hv.rflags |= RFLAGS_TF;
	if (choice & 0x80)
		machine.v.hv.rflags |= RFLAGS_DF;
}

static void build(struct input *in)
{
	u8 mode = (u8)take(in, 1), ntables = (u8)take(in, 1) % 16;

	machine_reset();
	machine_map(0x500000, MACHINE_DEVICE, MAP_W | MAP_U);
	machine_map(0x501000, 0x9000, MAP_W | MAP_U);
	machine_map(MACHINE_DEVICE, MACHINE_DEVICE, MAP_W);
	machine_map(VLAPIC_BASE, VLAPIC_BASE, MAP_W);
	set_mode(mode);
	for (u32 i = 0; i < 16; i++)
		machine.v.hv.gpr[i] = take_address(in);
	for (u32 i = 0; i < ntables; i++) {
		u64 at = MACHINE_TABLES + take(in, 2) % 0x8000;

		machine_store(at & ~7ull, 8, take(in, 8));
	}
	if (take(in, 1) & 1) {
		machine.segs[take(in, 1) % 6].base = take(in, 8);
		machine.segs[take(in, 1) % 6].limit = (u32)take(in, 4);
		machine.segs[take(in, 1) % 6].attr = (u16)take(in, 2);
	}
	machine.exchange_fails = take(in, 1) == 1;
}

static void place_code(struct input *in)
{
	u64 rip = take(in, 1) & 3 ? MACHINE_CODE : take_address(in);

	machine_code(in->at, MIN((u32)in->left, INSN_MAX_LEN));
	machine.v.hv.rip = rip;
}

static void run(struct input *in)
{
	struct exit *exit = &machine.v.exit;
	u8 kind = (u8)take(in, 1);
	u64 address = take_address(in);
	u8 len;

	*exit = (struct exit){ .kind = kind & 1 ? EXIT_S2 : EXIT_IO };
	if (kind & 2) {
		exit->kind = kind % EXIT_KINDS;
		exit->io.width = 1;
		place_code(in);
		if (!guest_insn_len(&machine.v, &len) && (!len || len > INSN_MAX_LEN))
			abort();
	} else if (exit->kind == EXIT_S2) {
		exit->s2.gpa = GPA(address & 0xffffffffffffull);
		exit->s2.access = kind & 4 ? S2_WRITE : kind & 8 ? S2_READ : S2_EXEC;
		place_code(in);
		emulate_mmio(&machine.v, exit);
	} else {
		exit->io.port = (u16)(kind & 4 ? address : MACHINE_PORTS + (address & 0x7f) - 8);
		exit->io.width = 1 << (kind >> 3) % 3;
		exit->io.in = kind & 0x40;
		exit->io.string = kind & 0x80;
		place_code(in);
		emulate_io(&machine.v, exit);
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct input in = { data, size };
	u64 before, moved;

	build(&in);
	run(&in);
	before = machine.v.hv.rip;
	/* Once more, as a guest would: what was remembered in the first round is used. */
	machine.raised = false;
	if (machine.v.exit.kind == EXIT_S2)
		emulate_mmio(&machine.v, &machine.v.exit);
	else if (machine.v.exit.kind == EXIT_IO)
		emulate_io(&machine.v, &machine.v.exit);
	moved = (u32)(machine.v.hv.rip - before);
	if (machine.stray || machine.failed || moved > INSN_MAX_LEN)
		abort();
	if (machine.raised && moved && machine.vector != VECTOR_DB)
		abort();
	return 0;
}
