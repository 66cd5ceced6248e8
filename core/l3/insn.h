/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the nucleus does itself with an instruction that the decoder has told apart: it does not
 * take the decoder's word, and it finds the address of the operand. Pure.
 */
#pragma once

#include "drivers/api/decode.h"

/*
 * True if the decoder's answer for `available` bytes stays within what our code counts with:
 * registers, segments and widths that exist, a length within the bytes. It may still be the wrong
 * instruction; then its guest alone is harmed.
 */
bool insn_is_sound(const struct insn *insn, u32 available);

/*
 * The offset of the memory operand in its segment, cut to the width of an address. For BT, BTS, BTR
 * and BTC with the bit number in a register, that of the word which holds the bit; for POP to an
 * address based on rSP, counted after the pop. next_rip: of the instruction that follows.
 */
u64 insn_linear_offset(const struct insn *insn, const u64 regs[16], u64 next_rip);

/* insn_alu() on a guest's flags, of which no other bit changes, whatever the driver answers. */
u64 insn_compute(u8 op, u8 width, u64 dst, u64 src, u64 *rflags);
