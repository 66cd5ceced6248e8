/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the nucleus takes from the decoder: each record that would lead it beyond its arrays, made
 * by hand since the decoder makes none, is refused.
 */
#include "core/l3/insn.h"
#include "tests/dialect.h"

#define BYTES 6

/* mov rdx, [rbx+rcx*4+8] */
static const struct insn load = {
	.op = INSN_MOV,
	.len = BYTES,
	.width = 8,
	.src_width = 8,
	.addr_width = 8,
	.reg = 2,
	.rm = INSN_NO_REG,
	.seg = 3,
	.base = 3,
	.index = 1,
	.scale = 4,
	.mem = true,
	.disp = 8,
};

/* The same with one byte of it changed. */
static bool sound_with(u8 *field, struct insn *insn, u8 value)
{
	*insn = load;
	*field = value;
	return insn_is_sound(insn, BYTES);
}

TEST(insn_takes_a_sound_record)
{
	EXPECT(insn_is_sound(&load, BYTES));
	EXPECT(insn_is_sound(&load, 64));
}

TEST(insn_refuses_lengths_beyond_the_bytes)
{
	struct insn i;

	EXPECT(!sound_with(&i.len, &i, 0));
	EXPECT(!sound_with(&i.len, &i, BYTES + 1));
	i = load;
	i.len = INSN_MAX_LEN + 1;
	EXPECT(!insn_is_sound(&i, 64));
}

TEST(insn_refuses_registers_that_do_not_exist)
{
	struct insn i;
	u8 *fields[] = { &i.reg, &i.rm, &i.base, &i.index };

	for (u32 n = 0; n < ARRAY_LEN(fields); n++) {
		EXPECT(sound_with(fields[n], &i, 15));
		EXPECT(!sound_with(fields[n], &i, 16));
		EXPECT(!sound_with(fields[n], &i, INSN_NO_REG - 1));
	}
	EXPECT(sound_with(&i.base, &i, INSN_NO_REG));
	EXPECT(!sound_with(&i.reg, &i, INSN_NO_REG)); /* a load needs one */
	EXPECT(sound_with(&i.seg, &i, 5));
	EXPECT(!sound_with(&i.seg, &i, 6));
}

TEST(insn_refuses_operations_without_their_register)
{
	static const u8 needs[] = { INSN_XCHG, INSN_XADD, INSN_BT, INSN_BTC };
	static const u8 without[] = { INSN_NEG, INSN_CMPXCHG8B };
	struct insn i = load;

	i.mem_is_dest = true;
	i.reg = INSN_NO_REG;
	for (u32 n = 0; n < ARRAY_LEN(needs); n++) {
		i.op = needs[n];
		EXPECT(!insn_is_sound(&i, BYTES));
	}
	for (u32 n = 0; n < ARRAY_LEN(without); n++) {
		i.op = without[n];
		EXPECT(insn_is_sound(&i, BYTES));
	}
	i.op = INSN_BTS; /* bts [rbx+rcx*4+8], imm8 */
	i.has_imm = true;
	EXPECT(insn_is_sound(&i, BYTES));
}

TEST(insn_refuses_widths_that_no_operand_has)
{
	static const u8 wrong[] = { 0, 3, 12, 16, 32, 255 };
	struct insn i;

	for (u32 n = 0; n < ARRAY_LEN(wrong); n++) {
		EXPECT(!sound_with(&i.width, &i, wrong[n]));
		EXPECT(!sound_with(&i.src_width, &i, wrong[n]));
		EXPECT(!sound_with(&i.addr_width, &i, wrong[n]));
	}
	EXPECT(!sound_with(&i.addr_width, &i, 1));
	i = load;
	i.op = INSN_CMPXCHG8B;
	i.width = i.src_width = 16;
	EXPECT(insn_is_sound(&i, BYTES));
}
