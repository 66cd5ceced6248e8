/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The opcode maps as data: one word for each opcode says what follows it and what it works on.
 * Private to the decoder.
 */
#pragma once

#include "core/lib/types.h"

/* The fields of such a word. All zero: undefined opcode. */
#define ENTRY_OP(e)    ((u8)(e))
#define ENTRY_WIDTH(e) ((e) >> 8 & 15)
#define ENTRY_IMM(e)   ((e) >> 12 & 15)
#define ENTRY_FORM(e)  ((e) >> 16 & 15)
#define ENTRY_GROUP(e) ((e) >> 20 & 15)

#define MODRM	   (1u << 24) /* a ModRM byte follows */
#define INV64	   (1u << 25) /* undefined in 64-bit mode */
#define ONLY64	   (1u << 26) /* undefined elsewhere */
#define LOCKABLE   (1u << 27) /* takes LOCK when its left operand is in memory */
#define MEM	   (1u << 28) /* operand must be in memory */
#define REG	   (1u << 29) /* operand must be a register */
#define PREFIX	   (1u << 30)
#define CONDITIONS (INV64 | ONLY64 | MEM | REG)
#define DEFINED	   (1u << 31)

/* Width of the operands. */
enum {
	WIDTH_NONE,
	WIDTH_B,     /* 1 */
	WIDTH_W,     /* 2 */
	WIDTH_V,     /* operand size: 2, 4, 8 */
	WIDTH_Z,     /* operand size, at most 4 */
	WIDTH_Y,     /* operand size, at least 4 */
	WIDTH_Q,     /* 8, with REX.W 16 */
	WIDTH_STACK, /* operand size, but 8 where it were 4 in 64-bit mode */
	WIDTH_LONG,  /* 4, in 64-bit mode 8 */
	WIDTH_V_B,   /* operand size, from 1 */
	WIDTH_V_W,   /* operand size, from 2 */
	WIDTH_V_D,   /* operand size, from 4 */
	WIDTH_V_REG, /* operand size in a register, 2 in memory */
};

/* What follows the address bytes. */
enum {
	IMM_NONE,
	IMM_B,	   /* 1, signed */
	IMM_UB,	   /* 1, unsigned */
	IMM_W,	   /* 2, unsigned */
	IMM_Z,	   /* 2 or 4 with the operand size, signed */
	IMM_SIZED, /* as IMM_B or IMM_Z, with the width of the operands */
	IMM_V,	   /* operand size: 2, 4, 8 */
	IMM_FAR,   /* IMM_Z, then a selector */
	IMM_ENTER, /* 2, then 1 */
};

/* Where the operands are: "left, right". */
enum {
	FORM_NONE,
	FORM_RM_REG,
	FORM_REG_RM,
	FORM_RM,	/* one operand, or an immediate on its right */
	FORM_RM_SRC,	/* one operand, only read */
	FORM_ACC,	/* AL, AX, EAX, RAX */
	FORM_OPCODE,	/* a register named by the opcode's low bits */
	FORM_ACC_MOFFS, /* accumulator, absolute address */
	FORM_MOFFS_ACC,
	FORM_SI,      /* string at rSI */
	FORM_DI,      /* string at rDI, written */
	FORM_ACC_DI,  /* string at rDI, compared */
	FORM_CONTROL, /* MOV CR, MOV DR: always registers, whatever ModRM says */
};

/* Opcodes that ModRM's reg field extends; the word found there is added to the opcode's own. */
enum {
	GROUP_NONE,
	GROUP_1,
	GROUP_1A,
	GROUP_3,
	GROUP_4,
	GROUP_5,
	GROUP_6,
	GROUP_7,
	GROUP_8,
	GROUP_9,
	GROUP_11,
	GROUPS,
};

extern const u32 opcode_map[256];    /* one byte */
extern const u32 opcode_map_0f[256]; /* 0F, then one byte */
extern const u32 opcode_groups[GROUPS][8];
extern const u32 opcode_group7_reg[64]; /* 0F 01 with a register: by ModRM's low six bits */
