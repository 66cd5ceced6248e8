/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The length of instructions with VEX, EVEX or XOP. AMD APM volume 3, "VEX and XOP Prefixes"; SDM
 * volume 2, "Intel AVX-512 Encoding". None of them is emulated, so their operands do not matter.
 */
#include "drivers/decode/decode.h"

/* Maps of VEX, EVEX and XOP that have immediates. */
static u32 vector_immediate(u32 map, u8 opcode)
{
	switch (map) {
	case 1: /* shifts and shuffles, CMP, PINSRW, PEXTRW, SHUF */
		return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
		       (opcode >= 0xc4 && opcode <= 0xc6);
	case 3:
	case 8:
		return 1;
	case 10:
		return 4;
	default:
		return 0;
	}
}

/* The bytes between the VEX, EVEX or XOP byte and the opcode; returns the map, 0 if undefined. */
static u32 vector_prefix(struct decoder *d, u8 first)
{
	u8 p0 = fetch_u8(d), p1;
	u32 map;

	switch (first) {
	case 0xc5:
		return 1;
	case 0xc4:
		fetch_u8(d);
		map = p0 & 31;
		return map <= 3 ? map : 0;
	case 0x8f:
		fetch_u8(d);
		map = p0 & 31;
		return map >= 8 && map <= 10 ? map : 0;
	default:
		p1 = fetch_u8(d);
		fetch_u8(d);
		map = p0 & 15;
		return (p1 & 4) && (map <= 3 || map == 5 || map == 6) ? map : 0;
	}
}

/* The prefixes that such an opcode carries inside itself must not stand before it. */
int decode_vector(struct decoder *d, struct insn *out, u8 first)
{
	u32 map = vector_prefix(d, first);
	u8 opcode = fetch_u8(d);
	u32 imm = vector_immediate(map, opcode);

	if (!map || d->rex || d->repeat || d->size_override || out->lock)
		return -EINVAL;
	if (map != 1 || opcode != 0x77) { /* VZEROALL, VZEROUPPER */
		out->modrm = fetch_u8(d);
		decode_rm(d, out);
	}
	if (imm)
		out->imm = fetch_signed(d, imm);
	return 0;
}

/* Outside 64-bit mode LDS, LES and BOUND share the first byte, everywhere POP that of XOP. */
bool is_vector(const struct decoder *d, u8 opcode)
{
	u8 next = d->at < d->end ? *d->at : 0;

	switch (opcode) {
	case 0x62:
	case 0xc4:
	case 0xc5:
		return d->mode == INSN_MODE_64 || next >= 0xc0;
	case 0x8f:
		return (next & 31) >= 8; /* POP has 0 in the reg field */
	default:
		return false;
	}
}
