/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The integer arithmetic of a read-modify-write on a device, with its flags. APM volume 1, "Flags
 * Register"; for each instruction APM volume 3, "General-Purpose Instruction Reference".
 */
#include "arch/x86/decode.h"

#define FLAG_CF BIT(0)
#define FLAG_PF BIT(2)
#define FLAG_AF BIT(4)
#define FLAG_ZF BIT(6)
#define FLAG_SF BIT(7)
#define FLAG_OF BIT(11)
#define FLAGS	(FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

/* ZF, SF and PF say the same after all of them. */
static u64 result_flags(u64 result, u64 sign)
{
	u64 flags = result == 0 ? FLAG_ZF : 0;

	if (result & sign)
		flags |= FLAG_SF;
	if (!__builtin_parity(result & 0xff))
		flags |= FLAG_PF;
	return flags;
}

/* Carry, auxiliary carry and overflow from the carries out of each bit. */
static u64 carry_flags(u64 carries, u64 overflow, u64 sign)
{
	u64 flags = carries & sign ? FLAG_CF : 0;

	if (carries & 8)
		flags |= FLAG_AF;
	if (overflow & sign)
		flags |= FLAG_OF;
	return flags;
}

static u64 add_flags(u64 a, u64 b, u64 result, u64 sign)
{
	return carry_flags((a & b) | ((a | b) & ~result), (a ^ result) & (b ^ result), sign);
}

static u64 sub_flags(u64 a, u64 b, u64 result, u64 sign)
{
	return carry_flags((~a & b) | ((~a | b) & result), (a ^ b) & (a ^ result), sign);
}

/* CF is the bit that was there; the others stay. */
static u64 alu_bit(u8 op, u8 width, u64 dst, u64 src, u64 *rflags)
{
	u64 bit = BIT(src & (width * 8 - 1));

	*rflags = dst & bit ? *rflags | FLAG_CF : *rflags & ~FLAG_CF;
	switch (op) {
	case INSN_BTS:
		return dst | bit;
	case INSN_BTR:
		return dst & ~bit;
	case INSN_BTC:
		return dst ^ bit;
	default:
		return dst;
	}
}

/* The result, cut to `mask`, and CF, AF and OF in *flags; the old CF is passed there. */
static u64 alu_compute(u8 op, u64 dst, u64 src, u64 mask, u64 *flags)
{
	u64 sign = mask ^ mask >> 1, carry = *flags & FLAG_CF, result;

	switch (op) {
	case INSN_ADD:
	case INSN_ADC:
	case INSN_INC:
		result = (dst + src + (op == INSN_ADC ? carry : 0)) & mask;
		*flags = add_flags(dst, src, result, sign);
		return result;
	case INSN_OR:
		result = dst | src;
		break;
	case INSN_AND:
	case INSN_TEST:
		result = dst & src;
		break;
	case INSN_XOR:
		result = dst ^ src;
		break;
	default: /* SBB, SUB, CMP, DEC, NEG */
		result = (dst - src - (op == INSN_SBB ? carry : 0)) & mask;
		*flags = sub_flags(dst, src, result, sign);
		return result;
	}
	*flags = 0;
	return result;
}

u64 insn_alu(u8 op, u8 width, u64 dst, u64 src, u64 *rflags)
{
	u64 mask = width == 8 ? ~0ull : BIT(width * 8) - 1;
	u64 left = dst & mask, right = src & mask, flags = *rflags, changed = FLAGS, result;

	if (op >= INSN_BT && op <= INSN_BTC)
		return alu_bit(op, width, left, src, rflags);
	if (op == INSN_NOT)
		return ~left & mask;
	if (op == INSN_NEG) {
		right = left;
		left = 0;
	} else if (op == INSN_INC || op == INSN_DEC) {
		right = 1;
		changed &= ~FLAG_CF;
	}
	result = alu_compute(op, left, right, mask, &flags);
	flags |= result_flags(result, mask ^ mask >> 1);
	*rflags = (*rflags & ~changed) | (flags & changed);
	return op == INSN_CMP || op == INSN_TEST ? left : result;
}
