/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The integer arithmetic of a read-modify-write on a device, with its flags. APM volume 1, "Flags
 * Register"; for each instruction APM volume 3, "General-Purpose Instruction Reference".
 */
#include "drivers/api/decode.h"

#define FLAG_CF	   BIT(0)
#define FLAG_PF	   BIT(2)
#define FLAG_AF	   BIT(4)
#define FLAG_ZF	   BIT(6)
#define FLAG_SF	   BIT(7)
#define FLAG_OF	   BIT(11)
#define FLAGS_ALL  (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)
#define FLAGS_NOCF (FLAGS_ALL & ~FLAG_CF)

/* Both are within `mask`. Puts CF, AF and OF into *flags. */
static u64 add(u64 a, u64 b, u64 carry, u64 mask, u64 *flags)
{
	u64 result = (a + b + carry) & mask, sign = mask ^ mask >> 1;
	u64 carries = (a & b) | ((a | b) & ~result); /* out of each bit */

	*flags = (carries & sign ? FLAG_CF : 0) | (carries & 8 ? FLAG_AF : 0) |
		 ((a ^ result) & (b ^ result) & sign ? FLAG_OF : 0);
	return result;
}

/* The sum with the complement, of which the carries are the borrows upside down. */
static u64 subtract(u64 a, u64 b, u64 borrow, u64 mask, u64 *flags)
{
	u64 result = add(a, ~b & mask, !borrow, mask, flags);

	*flags ^= FLAG_CF | FLAG_AF;
	return result;
}

/* Operations that set all flags by their result. */
static u64 compute(u8 op, u64 a, u64 b, u64 mask, u64 *flags)
{
	u64 carry = *flags & FLAG_CF;

	*flags = 0;
	switch (op) {
	case INSN_ADD:
		return add(a, b, 0, mask, flags);
	case INSN_ADC:
		return add(a, b, carry, mask, flags);
	case INSN_INC:
		return add(a, 1, 0, mask, flags);
	case INSN_DEC:
		return subtract(a, 1, 0, mask, flags);
	case INSN_NEG:
		return subtract(0, a, 0, mask, flags);
	case INSN_SBB:
		return subtract(a, b, carry, mask, flags);
	case INSN_OR:
		return a | b;
	case INSN_XOR:
		return a ^ b;
	case INSN_AND:
	case INSN_TEST:
		return a & b;
	default: /* SUB, CMP */
		return subtract(a, b, 0, mask, flags);
	}
}

/* CF is the bit that was there; the others stay. */
static u64 change_bit(u8 op, u64 dst, u64 bit, u64 *rflags)
{
	*rflags = (*rflags & ~FLAG_CF) | (dst & bit ? FLAG_CF : 0);
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

u64 insn_alu(u8 op, u8 width, u64 dst, u64 src, u64 *rflags)
{
	u64 mask = width == 8 ? ~0ull : BIT(width * 8) - 1, left = dst & mask;
	u64 changed = op == INSN_INC || op == INSN_DEC ? FLAGS_NOCF : FLAGS_ALL;
	u64 flags = *rflags, result;

	if (op >= INSN_BT && op <= INSN_BTC)
		return change_bit(op, left, BIT(src & (width * 8 - 1)), rflags);
	if (op == INSN_NOT)
		return ~left & mask;
	result = compute(op, left, src & mask, mask, &flags);
	flags |= (result ? 0 : FLAG_ZF) | (result & (mask ^ mask >> 1) ? FLAG_SF : 0) |
		 (__builtin_parity(result & 0xff) ? 0 : FLAG_PF);
	*rflags = (*rflags & ~changed) | (flags & changed);
	return op == INSN_CMP || op == INSN_TEST ? left : result;
}
