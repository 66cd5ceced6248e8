/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder works on bytes that a guest chose: its answer is checked once, when it is made, and
 * counted on from then on. Addresses: APM volume 3, "ModRM and SIB Bytes"; "BT".
 */
#include "core/l3/insn.h"

#include "arch/x86/hv.h"

#define RFLAGS_ARITHMETIC 0x8d5ull /* CF PF AF ZF SF OF */

static bool is_width(u8 width, u8 least, u8 most)
{
	return width >= least && width <= most && !(width & (width - 1));
}

static bool is_register(u8 reg)
{
	return reg < 16 || reg == INSN_NO_REG;
}

static bool changes_bit(const struct insn *insn)
{
	return insn->op >= INSN_BT && insn->op <= INSN_BTC && !insn->has_imm;
}

/* Those that are carried out with their operands; of nearly all others only the length counts. */
static bool is_emulated(u8 op)
{
	return (op >= INSN_ADD && op <= INSN_CMPXCHG8B) || (op >= INSN_MOVS && op <= INSN_OUTS);
}

/* Its register is written with what memory held, or says which bit is meant. */
static bool needs_register(const struct insn *insn)
{
	return insn->mem && insn->op >= INSN_ADD && insn->op <= INSN_XADD &&
	       (!insn->mem_is_dest || insn->op >= INSN_XCHG || changes_bit(insn));
}

bool insn_is_sound(const struct insn *insn, u32 available)
{
	u8 widest = insn->op == INSN_CMPXCHG8B ? 16 : 8;

	if (!insn->len || insn->len > MIN(available, INSN_MAX_LEN) || insn->seg >= 6 ||
		!is_width(insn->addr_width, 2, 8) || !is_register(insn->reg) ||
		!is_register(insn->rm) || !is_register(insn->base) || !is_register(insn->index))
		return false;
	if (needs_register(insn) && insn->reg == INSN_NO_REG)
		return false;
	return !is_emulated(insn->op) ||
	       (is_width(insn->width, 1, widest) && is_width(insn->src_width, 1, widest));
}

static u64 read_base(const u64 regs[16], u8 reg)
{
	return reg == INSN_NO_REG ? 0 : regs[reg];
}

/* How far from the address the word is that holds a bit. */
static s64 bit_displacement(const struct insn *insn, const u64 regs[16])
{
	u32 bits = insn->width * 8;
	s64 bit = (s64)(regs[insn->reg] << (64 - bits)) >> (64 - bits);

	return (bit >> __builtin_ctz(bits)) * insn->width;
}

u64 insn_linear_offset(const struct insn *insn, const u64 regs[16], u64 next_rip)
{
	u64 offset = insn->disp + read_base(regs, insn->base) +
		     read_base(regs, insn->index) * insn->scale;

	if (insn->rip_relative)
		offset += next_rip;
	if (changes_bit(insn))
		offset += bit_displacement(insn, regs);
	if (insn->op == INSN_POP && insn->base == RSP)
		offset += insn->width;
	return insn->addr_width == 8 ? offset : offset & (BIT(insn->addr_width * 8) - 1);
}

u64 insn_compute(u8 op, u8 width, u64 dst, u64 src, u64 *rflags)
{
	u64 flags = *rflags, result = insn_alu(op, width, dst, src, &flags);

	*rflags = (*rflags & ~RFLAGS_ARITHMETIC) | (flags & RFLAGS_ARITHMETIC);
	return result;
}
