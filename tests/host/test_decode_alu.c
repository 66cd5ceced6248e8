/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decoder's arithmetic against the CPU that runs this test: every operation and width, on the
 * values where carries and signs change and on random ones.
 */
#include "tests/dialect.h"
#include "drivers/api/decode.h"

#define FLAG_AF	   0x10u
#define FLAGS	   0x8d5u /* OF SF ZF AF PF CF */
#define FLAGS_ZERO 0x202u /* the same in all runs: IF and the bit that is always set */

/* One instruction of the CPU, with the flags it starts from and leaves. The red zone is skipped. */
#define RUN(text, type)                                                                            \
	do {                                                                                       \
		type left = dst, right = src;                                                      \
                                                                                                   \
		asm volatile("lea -128(%%rsp), %%rsp; push %[flags]; popfq; " text                 \
			     "; pushfq; pop %[flags]; lea 128(%%rsp), %%rsp"                       \
			     : [left] "+q"(left), [flags] "+r"(*rflags)                            \
			     : [right] "q"(right)                                                  \
			     : "cc", "memory");                                                    \
		return left;                                                                       \
	} while (0)
#define LONGER(text)                                                                               \
	case 2:                                                                                    \
		RUN(text, u16);                                                                    \
	case 4:                                                                                    \
		RUN(text, u32);                                                                    \
	default:                                                                                   \
		RUN(text, u64)
#define ON_CPU(name, text)                                                                         \
	static u64 cpu_##name(u8 width, u64 dst, u64 src, u64 *rflags)                             \
	{                                                                                          \
		switch (width) {                                                                   \
		case 1:                                                                            \
			RUN(text, u8);                                                             \
			LONGER(text);                                                              \
		}                                                                                  \
	}
/* These know no bytes. */
#define ON_CPU_LONGER(name)                                                                        \
	static u64 cpu_##name(u8 width, u64 dst, u64 src, u64 *rflags)                             \
	{                                                                                          \
		switch (width) {                                                                   \
			LONGER(#name " %[right], %[left]");                                        \
		}                                                                                  \
	}

ON_CPU(add, "add %[right], %[left]")
ON_CPU(or, "or %[right], %[left]")
ON_CPU(adc, "adc %[right], %[left]")
ON_CPU(sbb, "sbb %[right], %[left]")
ON_CPU(and, "and %[right], %[left]")
ON_CPU(sub, "sub %[right], %[left]")
ON_CPU(xor, "xor %[right], %[left]")
ON_CPU(cmp, "cmp %[right], %[left]")
ON_CPU(test, "test %[right], %[left]")
ON_CPU(inc, "inc %[left]")
ON_CPU(dec, "dec %[left]")
ON_CPU(not, "not %[left]")
ON_CPU(neg, "neg %[left]")
ON_CPU_LONGER(bt)
ON_CPU_LONGER(bts)
ON_CPU_LONGER(btr)
ON_CPU_LONGER(btc)

static const struct {
	u8 op, narrowest;
	u64 undefined; /* flags that the manuals leave open */
	u64 (*on_cpu)(u8 width, u64 dst, u64 src, u64 *rflags);
} operations[] = {
	{ INSN_ADD, 1, 0, cpu_add },
	{ INSN_OR, 1, FLAG_AF, cpu_or },
	{ INSN_ADC, 1, 0, cpu_adc },
	{ INSN_SBB, 1, 0, cpu_sbb },
	{ INSN_AND, 1, FLAG_AF, cpu_and },
	{ INSN_SUB, 1, 0, cpu_sub },
	{ INSN_XOR, 1, FLAG_AF, cpu_xor },
	{ INSN_CMP, 1, 0, cpu_cmp },
	{ INSN_TEST, 1, FLAG_AF, cpu_test },
	{ INSN_INC, 1, 0, cpu_inc },
	{ INSN_DEC, 1, 0, cpu_dec },
	{ INSN_NOT, 1, 0, cpu_not },
	{ INSN_NEG, 1, 0, cpu_neg },
	{ INSN_BT, 2, FLAGS & ~1u, cpu_bt },
	{ INSN_BTS, 2, FLAGS & ~1u, cpu_bts },
	{ INSN_BTR, 2, FLAGS & ~1u, cpu_btr },
	{ INSN_BTC, 2, FLAGS & ~1u, cpu_btc },
};

/* Spreads the low bits of i over the flags. */
static u64 flags_from(u32 i)
{
	return FLAGS_ZERO | (i & 1) | (i & 2) << 1 | (i & 4) << 2 | (i & 8) << 3 | (i & 16) << 3 |
	       (i & 32) << 6;
}

static bool same(u32 op, u8 width, u64 dst, u64 src, u64 flags)
{
	u64 theirs = flags, ours = flags, care = ~operations[op].undefined;
	u64 want = operations[op].on_cpu(width, dst, src, &theirs);
	u64 got = insn_alu(operations[op].op, width, dst, src, &ours);

	if (EXPECT_EQ(got, want) && EXPECT_EQ(ours & care, theirs & care))
		return true;
	test_printf("# op %u, width %u: 0x%lx, 0x%lx, flags 0x%lx\n", operations[op].op, width, dst,
		src, flags);
	return false;
}

static void each_operation(bool (*run)(u32 op, u8 width))
{
	for (u32 op = 0; op < ARRAY_LEN(operations); op++)
		for (u8 width = operations[op].narrowest; width <= 8; width *= 2)
			if (!run(op, width))
				return;
}

static bool on_edges(u32 op, u8 width)
{
	static const u64 edges[] = { 0, 1, 2, 7, 8, 0xf, 0x10, 0x7f, 0x80, 0x81, 0xff, 0x100,
		0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffffe, 0xffffffffffffffff };

	for (u32 a = 0; a < ARRAY_LEN(edges); a++)
		for (u32 b = 0; b < ARRAY_LEN(edges); b++)
			for (u32 f = 0; f < 64; f++)
				if (!same(op, width, edges[a], edges[b], flags_from(f)))
					return false;
	return true;
}

TEST(alu_is_the_cpus_on_edges)
{
	each_operation(on_edges);
}

static bool on_random(u32 op, u8 width)
{
	u64 state = 88172645463325252ull;

	for (u32 i = 0; i < 20000; i++) {
		u64 dst = state * 0x2545f4914f6cdd1d;

		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		if (!same(op, width, dst, state, flags_from(i)))
			return false;
	}
	return true;
}

TEST(alu_is_the_cpus_on_random_values)
{
	each_operation(on_random);
}

TEST(alu_keeps_other_flags)
{
	u64 flags = 0xfffffffffffff72a; /* all but the arithmetic ones */

	EXPECT_EQ(insn_alu(INSN_SUB, 4, 5, 5, &flags), 0);
	EXPECT_EQ(flags, 0xfffffffffffff72a | 0x44); /* ZF, PF */
}
