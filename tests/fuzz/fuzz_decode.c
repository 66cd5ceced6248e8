/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes, in each mode, through the instruction decoder: it agrees with Capstone, never reads
 * beyond what it is given (ASan watches), and what it says does not depend on what follows.
 */
#include "tests/host/decode_oracle.c"

#include "core/l3/insn.h"

#include <stdio.h>
#include <stdlib.h>

static void require(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_decode: %s\n", what);
	abort();
}

/* Registers are registers, widths are widths. */
static void check_ranges(const struct insn *insn)
{
	require(insn->op < INSN_OPS, "op");
	require(insn->reg < 16 || insn->reg == INSN_NO_REG, "reg");
	require(insn->rm < 16 || insn->rm == INSN_NO_REG, "rm");
	require(insn->base < 16 || insn->base == INSN_NO_REG, "base");
	require(insn->index < 16 || insn->index == INSN_NO_REG, "index");
	require(insn->seg < 6, "seg");
	require(insn->width <= 16 && !(insn->width & (insn->width - 1)), "width");
	require(insn->scale && insn->scale <= 8 && !(insn->scale & (insn->scale - 1)), "scale");
	require(insn->addr_width == 2 || insn->addr_width == 4 || insn->addr_width == 8, "address");
	require(!insn->mem_is_dest || insn->mem, "destination without memory");
}

/* `data` ends where the fuzzer's buffer ends; `padded` is the same bytes and more. */
static void check_mode(struct oracle *o, const u8 *data, size_t size, const u8 padded[ORACLE_BYTES])
{
	static const u64 regs[16] = { 1, -1ull, 1ull << 63, 12345, 0x7fffffff };
	struct insn insn, again;
	int err = insn_decode(&insn, data, size, o->mode);
	const char *wrong = oracle_check(o, padded);
	u64 offset;

	if (wrong)
		fprintf(stderr, "mode %u: %s %s\n", 16u << o->mode, o->theirs->mnemonic,
			o->theirs->op_str);
	require(!wrong, wrong);
	require(err == 0 || err == -EINVAL || (err == -EFAULT && size < INSN_MAX_LEN), "error");
	if (err)
		return;
	check_ranges(&insn);
	require(insn.len && insn.len <= size && insn.len <= INSN_MAX_LEN, "length");
	require(insn_is_sound(&insn, size), "the nucleus would refuse it");
	require(insn_decode(&again, padded, ORACLE_BYTES, o->mode) == 0, "depends on what follows");
	require(!memcmp(&insn, &again, sizeof(insn)), "differs with what follows");
	offset = insn_linear_offset(&insn, regs, -5ull);
	require(offset == cut(offset, insn.addr_width), "offset wider than an address");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct oracle oracles[3];
	u8 padded[ORACLE_BYTES] = { 0 };

	for (u32 i = 0; i < 3; i++) {
		if (!oracles[i].theirs)
			require(oracle_open(&oracles[i], i), "no oracle");
		memcpy(padded, data, MIN(size, ORACLE_BYTES));
		check_mode(&oracles[i], data, size, padded);
	}
	return 0;
}
