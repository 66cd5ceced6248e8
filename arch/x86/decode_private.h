/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the decoder share: the bytes still to be read, and the way to read them, which
 * never passes their end.
 */
#pragma once

#include "arch/x86/decode.h"

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

/* Little-endian; n is 1, 2, 4 or 8. */
static inline u64 fetch(struct decoder *d, u32 n)
{
	const u8 *at = d->at;
	u64 value = 0;

	if (unlikely(n > (u64)(d->end - at))) {
		d->overrun = true;
		d->at = d->end;
		return 0;
	}
	d->at += n;
	switch (n) { /* x86 is little-endian, and so is this CPU; constant sizes become one load */
	case 1:
		return *at;
	case 2:
		__builtin_memcpy(&value, at, 2);
		return value;
	case 4:
		__builtin_memcpy(&value, at, 4);
		return value;
	default:
		__builtin_memcpy(&value, at, 8);
		return value;
	}
}

/* The same, sign-extended. */
static inline s64 fetch_signed(struct decoder *d, u32 n)
{
	u32 unused_bits = 64 - 8 * n;

	return (s64)(fetch(d, n) << unused_bits) >> unused_bits;
}

/* decode_operand.c: what follows the ModRM byte in out->modrm; all that follows an opcode. */
void decode_rm(struct decoder *d, struct insn *out);
void decode_operands(struct decoder *d, struct insn *out, u32 entry, u8 opcode);

/* decode_vector.c: whether `opcode`, just read, begins a VEX, EVEX or XOP instruction; its rest. */
bool is_vector(const struct decoder *d, u8 opcode);
int __must_check decode_vector(struct decoder *d, struct insn *out, u8 first);
