/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decodes one instruction: prefixes, opcode, ModRM and SIB, displacement, immediate, in the order
 * in which they stand in memory. AMD APM volume 3, "Instruction Encoding". What an opcode means is
 * in tables.c; only what no table says is code here.
 */
#include "drivers/decode/decode.h"

/* In 64-bit mode ES, CS, SS and DS are flat, and their prefixes do nothing. */
static void override_segment(struct decoder *d, u8 segment)
{
	if (d->mode != INSN_MODE_64 || segment >= FS)
		d->segment = segment;
}

static void take_prefix(struct decoder *d, struct insn *out, u8 byte)
{
	d->rex = 0; /* counts only right before the opcode */
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
		override_segment(d, byte >> 3 & 3);
		break;
	case 0x64:
	case 0x65:
		override_segment(d, byte & 7);
		break;
	case 0x66:
		d->size_override = true;
		break;
	case 0x67: /* 64 -> 32, 32 -> 16, 16 -> 32 */
		out->addr_width = d->mode == INSN_MODE_32 ? 2 : 4;
		break;
	case 0xf0:
		out->lock = true;
		break;
	default:
		d->repeat = byte;
	}
}

/* Skips the prefixes and returns the byte after them. Bounded: every turn takes a byte. */
static u8 take_prefixes(struct decoder *d, struct insn *out)
{
	for (;;) {
		u8 byte = fetch_u8(d);
		u32 entry = opcode_map[byte];

		if (unlikely(entry & PREFIX))
			take_prefix(d, out, byte);
		else if (d->mode == INSN_MODE_64 && (byte & 0xf0) == 0x40)
			d->rex = byte;
		else
			return byte;
	}
}

static void apply_prefixes(struct decoder *d, struct insn *out)
{
	if (d->rex & REX_W)
		d->operand_width = 8;
	else if (d->size_override)
		d->operand_width ^= 6; /* 2 <-> 4 */
	out->rep = d->repeat == 0xf3;
	out->repne = d->repeat == 0xf2;
}

/* 0F 38: nearly all vector opcodes, of which only the length matters. */
static u32 entry_0f38(const struct decoder *d, u8 opcode)
{
	u32 other = DEFINED | MODRM;

	switch (opcode) {
	case 0x80:
	case 0x81:
		return other | MEM | INSN_VMX; /* INVEPT, INVVPID */
	case 0x82:
		return other | MEM | INSN_INVPCID;
	case 0xf0:
	case 0xf1:
		if (d->repeat == 0xf2) /* CRC32 */
			return other;
		other |= MEM | INSN_MOVBE | WIDTH_V << 8;
		return other | (opcode & 1 ? FORM_RM_REG : FORM_REG_RM) << 16;
	default:
		return other;
	}
}

/* 0F: what depends on a prefix, and the maps behind it. */
static u32 entry_0f(struct decoder *d, u8 opcode)
{
	switch (opcode) {
	case 0x38:
		return entry_0f38(d, fetch_u8(d));
	case 0x3a:
		fetch_u8(d);
		return DEFINED | MODRM | IMM_UB << 12;
	case 0x78: /* EXTRQ, INSERTQ: SSE4A */
		if (d->size_override || d->repeat)
			return DEFINED | MODRM | REG | IMM_W << 12;
		break;
	case 0x79:
		if (d->size_override || d->repeat)
			return DEFINED | MODRM | REG;
		break;
	case 0xb8:
		if (d->repeat != 0xf3)
			return 0;
		break;
	}
	return opcode_map_0f[opcode];
}

/* Adds what the reg field of ModRM, or in group 7 all of it, says about an opcode. */
static u32 extend_group(u32 entry, u8 modrm)
{
	u32 group = ENTRY_GROUP(entry), found = opcode_groups[group][modrm >> 3 & 7];

	if (modrm >= 0xc0) {
		if (group == GROUP_7)
			found = opcode_group7_reg[modrm & 63];
		else if (group == GROUP_9 && ENTRY_OP(found) == INSN_VMX)
			found = DEFINED; /* RDRAND, RDSEED, RDPID */
	}
	return found & DEFINED ? entry | found : 0;
}

static bool lock_allowed(struct insn *out, u32 entry)
{
	if ((entry & LOCKABLE) && out->mem)
		return true;
	if ((out->op != INSN_MOV_FROM_CR && out->op != INSN_MOV_TO_CR) || out->reg != 0)
		return false;
	out->reg = 8; /* APM volume 2, "CR8 (Task Priority Register, TPR)" */
	return true;
}

/* What the table asks for beyond the bytes. */
static bool permitted(const struct decoder *d, struct insn *out, u32 entry)
{
	if (likely((entry & (DEFINED | CONDITIONS)) == DEFINED && !out->lock))
		return true;
	if (!(entry & DEFINED) || (entry & (d->mode == INSN_MODE_64 ? INV64 : ONLY64)))
		return false;
	if (entry & (out->mem ? REG : MEM))
		return false;
	return !out->lock || lock_allowed(out, entry);
}

/* An opcode whose word in the table was found, and all that follows it. */
static int decode_entry(struct decoder *d, struct insn *out, u32 entry, u8 opcode)
{
	if (entry & MODRM) {
		out->modrm = fetch_u8(d);
		if (ENTRY_GROUP(entry))
			entry = extend_group(entry, out->modrm);
	}
	out->op = ENTRY_OP(entry);
	if (entry & ~(DEFINED | CONDITIONS | 0xff))
		decode_operands(d, out, entry, opcode);
	return permitted(d, out, entry) ? 0 : -EINVAL;
}

/* An opcode of the first map: some depend on the mode or on a prefix. */
static int decode_opcode(struct decoder *d, struct insn *out, u8 opcode)
{
	switch (opcode) {
	case 0x0f:
		opcode = fetch_u8(d);
		return decode_entry(d, out, entry_0f(d, opcode), opcode);
	case 0x62:
	case 0x8f:
	case 0xc4:
	case 0xc5:
		if (is_vector(d, opcode))
			return decode_vector(d, out, opcode);
		break;
	case 0x63:
		if (d->mode != INSN_MODE_64)
			return decode_entry(d, out, DEFINED | MODRM, opcode); /* ARPL */
		break;
	case 0x90:
		if (d->repeat != 0xf3 || (d->rex & REX_B))
			return decode_entry(d, out, DEFINED, opcode); /* NOP, XCHG */
		break;
	}
	return decode_entry(d, out, opcode_map[opcode], opcode);
}

int insn_decode(struct insn *out, const u8 *bytes, u32 available, enum insn_mode mode)
{
	struct decoder d = {
		.at = bytes,
		.end = bytes + MIN(available, INSN_MAX_LEN),
		.mode = mode,
		.operand_width = mode == INSN_MODE_16 ? 2 : 4,
		.segment = INSN_NO_REG,
	};
	u8 opcode;
	int err;

	*out = (struct insn){
		.addr_width = 2 << mode,
		.reg = INSN_NO_REG,
		.rm = INSN_NO_REG,
		.seg = DS,
		.base = INSN_NO_REG,
		.index = INSN_NO_REG,
		.scale = 1,
	};
	opcode = take_prefixes(&d, out);
	if (d.at - bytes > 1)
		apply_prefixes(&d, out);
	err = decode_opcode(&d, out, opcode);
	if (unlikely(d.overrun))
		return available < INSN_MAX_LEN ? -EFAULT : -EINVAL;
	out->len = d.at - bytes;
	return err;
}
