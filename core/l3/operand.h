/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operands of an emulated instruction: general registers with the CPU's rules for their parts,
 * and memory, which is found and checked as a whole before a byte of it is touched.
 */
#pragma once

#include "core/l2/vm.h"
#include "core/l3/gate.h"
#include "core/l3/insn.h"

#define OPERAND_MAX 16 /* bytes: CMPXCHG16B */

/* Memory on at most two pages, each of them RAM or a device's. */
struct operand {
	gpa_t gpa[2];
	u8 len[2];   /* the second is 0 where one page holds it all */
	bool device; /* one access to a device, of a width that it takes */
};

/* An instruction on its way through the emulator. */
struct emulation {
	struct vcpu *v;
	const struct exit *exit;
	enum insn_mode mode;
	struct insn insn;
};

static inline u64 low_bytes(u64 value, u32 width)
{
	return value & ~0ull >> (64 - 8 * width);
}

/* high8: AH, CH, DH, BH. A width of 4 clears the upper half, 1 and 2 leave all other bits. */
static inline u64 gpr_read(const struct vcpu *v, u8 reg, u32 width, bool high8)
{
	return low_bytes(v->hv.gpr[reg] >> (high8 ? 8 : 0), width);
}

static inline void gpr_write(struct vcpu *v, u8 reg, u32 width, bool high8, u64 value)
{
	u64 mask = low_bytes(~0ull, width), *r = &v->hv.gpr[reg];

	if (likely(width >= 4))
		*r = value & mask;
	else if (high8)
		*r = (*r & ~(mask << 8)) | (value & mask) << 8;
	else
		*r = (*r & ~mask) | (value & mask);
}

u64 operand_linear_based(const struct emulation *e, u8 seg, u64 offset);
/* Linear address of an offset in a segment (enum hv_segment); nothing is checked. */
static inline u64 operand_linear(const struct emulation *e, u8 seg, u64 offset)
{
	if (likely(e->mode == INSN_MODE_64 && seg < SEG_FS))
		return offset;
	return operand_linear_based(e, seg, offset);
}

/*
 * Finds `len` bytes at seg:offset for a read or a write at v's CPL. On an error everything is done
 * that there is to do (#GP, #SS or #PF is on its way), and the instruction has done nothing.
 */
int __must_check operand_find(
	const struct emulation *e, u8 seg, u64 offset, u32 len, bool write, struct operand *out);

u64 operand_read_pieces(struct vcpu *v, const struct operand *op, u64 *high);
void operand_write_pieces(struct vcpu *v, const struct operand *op, u64 value, u64 high);
/* Devices are reached through the L3 gate. `high`, if not NULL, gets what is beyond 8 bytes. */
static inline u64 operand_read(struct vcpu *v, const struct operand *op, u64 *high)
{
	if (likely(op->device))
		return low_bytes(l3_mmio_read(v, op->gpa[0].v, op->len[0]), op->len[0]);
	return operand_read_pieces(v, op, high);
}

static inline void operand_write(struct vcpu *v, const struct operand *op, u64 value, u64 high)
{
	if (likely(op->device))
		l3_mmio_write(v, op->gpa[0].v, op->len[0], value);
	else
		operand_write_pieces(v, op, value, high);
}
