/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operands of an emulated instruction: general registers with the CPU's rules for their parts,
 * and memory, which is found and checked as a whole before a byte of it is touched.
 */
#pragma once

#include "arch/x86/decode.h"
#include "core/l2/vm.h"

#define OPERAND_MAX 16 /* bytes: CMPXCHG16B */

/* Memory on at most two pages, each of them RAM or a device's. */
struct operand {
	gpa_t gpa[2];
	u8 len[2];   /* the second is 0 where one page holds it all */
	bool device; /* known not to be RAM, on one page */
};

/* An instruction on its way through the emulator. */
struct emulation {
	struct vcpu *v;
	const struct exit *exit;
	enum insn_mode mode;
	struct insn insn;
};

/* high8: AH, CH, DH, BH. A width of 4 clears the upper half, 1 and 2 leave all other bits. */
u64 gpr_read(const struct vcpu *v, u8 reg, u32 width, bool high8);
void gpr_write(struct vcpu *v, u8 reg, u32 width, bool high8, u64 value);

/* Linear address of an offset in a segment (enum hv_segment); nothing is checked. */
u64 operand_linear(const struct emulation *e, u8 seg, u64 offset);
/*
 * Finds `len` bytes at seg:offset for a read or a write at v's CPL. On an error everything is done
 * that there is to do (#GP, #SS or #PF is on its way), and the instruction has done nothing.
 */
int __must_check operand_find(
	const struct emulation *e, u8 seg, u64 offset, u32 len, bool write, struct operand *out);
/* Devices are reached through the L3 gate. */
u64 operand_read(struct vcpu *v, const struct operand *op, u64 *high);
void operand_write(struct vcpu *v, const struct operand *op, u64 value, u64 high);
