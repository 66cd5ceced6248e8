/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the decoder share: the words of the opcode maps, and the bytes still to be read
 * with the way to read them, which never passes their end.
 */
#pragma once

#include "drivers/api/decode.h"

/* One word for each opcode says what follows it and what it works on. All zero: undefined. */
#define ENTRY_OP(e)    ((u8)(e))
#define ENTRY_WIDTH(e) ((e) >> 8 & 15)
#define ENTRY_IMM(e)   ((e) >> 12 & 15)
#define ENTRY_FORM(e)  ((e) >> 16 & 15)
#define ENTRY_GROUP(e) ((e) >> 20 & 15)

#define MODRM	 (1u << 24) /* a ModRM byte follows */
#define INV64	 (1u << 25) /* undefined in 64-bit mode */
#define ONLY64	 (1u << 26) /* undefined elsewhere */
#define LOCKABLE (1u << 27) /* takes LOCK when its left operand is in memory */
#define MEM	 (1u << 28) /* operand must be in memory */
#define REG	 (1u << 29) /* operand must be a register */
#define PREFIX	 (1u << 30)
#define DEFINED	 (1u << 31)

#define CONDITIONS (INV64 | ONLY64 | MEM | REG)

/* clang-format off */
/*
 * Width of the operands: 1; 2; V: operand size (2, 4, 8); Z: at most 4; Y: at least 4; Q: 8, with
 * REX.W 16; W_V: operand size in a register, 2 in memory; STACK: operand size, but 8 for 4 in
 * 64-bit mode; LONG: 4, in 64-bit mode 8; V_B, V_W, V_D: operand size from 1, 2, 4.
 */
enum {
	WIDTH_NONE, WIDTH_B, WIDTH_W, WIDTH_V, WIDTH_Z, WIDTH_Y, WIDTH_Q, WIDTH_W_V,
	WIDTH_STACK, WIDTH_LONG, WIDTH_V_B, WIDTH_V_W, WIDTH_V_D,
};

/*
 * What follows the address bytes. Signed, B: 1; Z: 2 or 4 with the operand size; SIZED: as B or Z,
 * with the width of the operands; V: operand size. Unsigned, UB: 1; W: 2; ENTER: 2, then 1; FAR:
 * as Z, then a selector.
 */
enum { IMM_NONE, IMM_B, IMM_Z, IMM_SIZED, IMM_V, IMM_UB, IMM_W, IMM_ENTER, IMM_FAR };

/*
 * Where the operands are: "left, right". RM_SRC: one operand, only read; RM: one, or an immediate
 * on its right; ACC: AL, AX, EAX, RAX; OPCODE: a register named by the opcode's low bits; MOFFS: an
 * absolute address; SI, DI: a string there, which at DI is written, after ACC compared; CONTROL:
 * MOV CR and MOV DR, always registers, whatever ModRM says.
 */
enum {
	FORM_NONE, FORM_RM_REG, FORM_REG_RM, FORM_RM, FORM_RM_SRC, FORM_ACC, FORM_OPCODE,
	FORM_ACC_MOFFS, FORM_MOFFS_ACC, FORM_SI, FORM_DI, FORM_ACC_DI, FORM_CONTROL,
};

/* Opcodes that ModRM's reg field extends; the word found there is added to the opcode's own. */
enum {
	GROUP_NONE, GROUP_1, GROUP_1A, GROUP_3, GROUP_4, GROUP_5, GROUP_6, GROUP_7, GROUP_8,
	GROUP_9, GROUP_11, GROUPS,
};
/* clang-format on */

extern const u32 opcode_map[256];    /* one byte */
extern const u32 opcode_map_0f[256]; /* 0F, then one byte */
extern const u32 opcode_groups[GROUPS][8];
extern const u32 opcode_group7_reg[64]; /* 0F 01 with a register: by ModRM's low six bits */

#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

enum { AX, CX, DX, BX, SP, BP, SI, DI };
enum { ES, CS, SS, DS, FS, GS };

/* The bytes that are left, and what the prefixes said. */
struct decoder {
	const u8 *at, *end;
	bool overrun; /* a byte was wanted after the end; reads give 0 from then on */
	bool size_override;
	u8 mode;	  /* enum insn_mode */
	u8 operand_width; /* 2, 4, 8 */
	u8 rex;
	u8 repeat;  /* the last one of F2 and F3, or 0 */
	u8 segment; /* override; INSN_NO_REG */
};

static inline u8 fetch_u8(struct decoder *d)
{
	if (likely(d->at < d->end))
		return *d->at++;
	d->overrun = true;
	return 0;
}

/* Little-endian; n is 1 to 8. */
static inline u64 fetch(struct decoder *d, u32 n)
{
	const u8 *at = d->at;
	u64 value = 0;

	if (unlikely(n > (u64)(d->end - at))) {
		d->overrun = true;
		return 0;
	}
	d->at += n;
	if (likely(n == 4)) {
		__builtin_memcpy(&value, at, 4);
		return value;
	}
	for (u32 i = 0; i < n; i++)
		value |= (u64)at[i] << (8 * i);
	return value;
}

/* The same, sign-extended. */
static inline s64 fetch_signed(struct decoder *d, u32 n)
{
	u32 unused_bits = 64 - 8 * n;

	return (s64)(fetch(d, n) << unused_bits) >> unused_bits;
}

/* operand.c: what follows the ModRM byte in out->modrm; all that follows an opcode. */
void decode_rm(struct decoder *d, struct insn *out);
void decode_operands(struct decoder *d, struct insn *out, u32 entry, u8 opcode);

/* vector.c: whether `opcode`, just read, begins a VEX, EVEX or XOP instruction; its rest. */
bool is_vector(const struct decoder *d, u8 opcode);
int __must_check decode_vector(struct decoder *d, struct insn *out, u8 first);
