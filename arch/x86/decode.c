/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Decodes one instruction: prefixes, opcode, ModRM and SIB, displacement, immediate, in the order
 * in which they stand in memory. AMD APM volume 3, "Instruction Encoding". What an opcode means is
 * in decode_tables.c; only what no table says is code here.
 */
#include "arch/x86/decode_private.h"
#include "arch/x86/decode_tables.h"

/* In 64-bit mode ES, CS, SS and DS are flat, and their prefixes do nothing. */
static void override_segment(struct decoder *d, u8 segment)
{
	if (!d->mode64 || segment >= FS)
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
		out->addr_width = d->address_width == 4 ? 2 : 4;
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
		else if (d->mode64 && (byte & 0xf0) == 0x40)
			d->rex = byte;
		else
			return byte;
	}
}

static void resolve_sizes(struct decoder *d, struct insn *out)
{
	d->address_width = out->addr_width;
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

/* One byte: what depends on a prefix or on the mode. */
static u32 entry_1(const struct decoder *d, u8 opcode)
{
	if (opcode == 0x90 && (d->repeat != 0xf3 || (d->rex & REX_B)))
		return DEFINED; /* NOP, XCHG */
	if (opcode == 0x63 && !d->mode64)
		return DEFINED | MODRM; /* ARPL */
	return opcode_map[opcode];
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

static void resolve_widths(struct decoder *d, struct insn *out, u32 kind)
{
	u8 v = d->operand_width;

	switch (kind) {
	case WIDTH_NONE:
		out->width = 0;
		break;
	case WIDTH_B:
		out->width = 1;
		break;
	case WIDTH_W:
		out->width = 2;
		break;
	case WIDTH_Z:
		out->width = MIN(v, 4);
		break;
	case WIDTH_Y:
		out->width = MAX(v, 4);
		break;
	case WIDTH_Q:
		out->width = v == 8 ? 16 : 8;
		break;
	case WIDTH_STACK:
		out->width = d->mode64 && v == 4 ? 8 : v;
		break;
	case WIDTH_LONG:
		out->width = d->mode64 ? 8 : 4;
		break;
	case WIDTH_V_REG:
		out->width = out->mem ? 2 : v;
		break;
	default:
		out->width = v;
	}
	out->src_width = out->width;
	if (kind >= WIDTH_V_B && kind <= WIDTH_V_D)
		out->src_width = 1 << (kind - WIDTH_V_B);
}

/* Without REX the byte registers 4-7 are AH, CH, DH, BH. */
static void resolve_high8(const struct decoder *d, u8 width, u8 *reg, bool *high8)
{
	if (width != 1 || d->rex || *reg < 4 || *reg > 7)
		return;
	*reg -= 4;
	*high8 = true;
}

static void set_string(struct decoder *d, struct insn *out, u8 base)
{
	out->mem = true;
	out->base = base;
	out->seg = base == DI ? ES : d->segment != INSN_NO_REG ? d->segment : DS;
	out->rep |= out->repne;
	out->reg = out->op >= INSN_STOS && out->op <= INSN_SCAS ? AX : INSN_NO_REG;
}

static void set_moffs(struct decoder *d, struct insn *out)
{
	out->mem = true;
	out->reg = AX;
	out->seg = d->segment != INSN_NO_REG ? d->segment : DS;
	out->disp = fetch(d, out->addr_width);
}

static void set_operands(struct decoder *d, struct insn *out, u32 form, u8 opcode)
{
	switch (form) {
	case FORM_RM_REG:
	case FORM_REG_RM:
		out->mem_is_dest = out->mem && form == FORM_RM_REG;
		resolve_high8(d, out->width, &out->reg, &out->reg_high8);
		resolve_high8(d, out->src_width, &out->rm, &out->rm_high8);
		break;
	case FORM_RM:
	case FORM_RM_SRC:
		out->mem_is_dest = out->mem && form == FORM_RM;
		out->reg = INSN_NO_REG;
		resolve_high8(d, out->width, &out->rm, &out->rm_high8);
		break;
	case FORM_ACC:
		out->reg = AX;
		break;
	case FORM_OPCODE:
		out->reg = (opcode & 7) | (d->rex & REX_B ? 8 : 0);
		resolve_high8(d, out->width, &out->reg, &out->reg_high8);
		break;
	case FORM_ACC_MOFFS:
	case FORM_MOFFS_ACC:
		out->mem_is_dest = form == FORM_MOFFS_ACC;
		set_moffs(d, out);
		break;
	case FORM_SI:
		set_string(d, out, SI);
		break;
	case FORM_DI:
	case FORM_ACC_DI:
		out->mem_is_dest = form == FORM_DI;
		set_string(d, out, DI);
		break;
	}
}

static void decode_immediate(struct decoder *d, struct insn *out, u32 kind)
{
	u32 z = MIN(d->operand_width, 4);

	out->has_imm = true;
	switch (kind) {
	case IMM_B:
		out->imm = fetch_signed(d, 1);
		break;
	case IMM_UB:
		out->imm = fetch(d, 1);
		break;
	case IMM_W:
		out->imm = fetch(d, 2);
		break;
	case IMM_SIZED:
		out->imm = fetch_signed(d, out->width == 1 ? 1 : z);
		break;
	case IMM_Z:
		out->imm = fetch_signed(d, z);
		break;
	case IMM_V:
		out->imm = fetch_signed(d, d->operand_width);
		break;
	case IMM_FAR:
		out->imm = fetch(d, z);
		fetch(d, 2);
		break;
	case IMM_ENTER:
		out->imm = fetch(d, 2);
		fetch(d, 1);
		break;
	}
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
	if (!(entry & DEFINED) || (entry & (d->mode64 ? INV64 : ONLY64)))
		return false;
	if (entry & (out->mem ? REG : MEM))
		return false;
	return !out->lock || lock_allowed(out, entry);
}

/* The opcode and all that follows it. */
static int decode_opcode(struct decoder *d, struct insn *out, u8 opcode)
{
	u32 entry = entry_1(d, opcode);

	if (opcode == 0x0f) {
		opcode = fetch_u8(d);
		entry = entry_0f(d, opcode);
	}
	if (entry & MODRM) {
		out->modrm = fetch_u8(d);
		if (ENTRY_GROUP(entry))
			entry = extend_group(entry, out->modrm);
		if (ENTRY_FORM(entry) == FORM_CONTROL)
			out->modrm |= 0xc0;
		decode_rm(d, out);
	}
	out->op = ENTRY_OP(entry);
	resolve_widths(d, out, ENTRY_WIDTH(entry));
	set_operands(d, out, ENTRY_FORM(entry), opcode);
	if (ENTRY_IMM(entry))
		decode_immediate(d, out, ENTRY_IMM(entry));
	return permitted(d, out, entry) ? 0 : -EINVAL;
}

int insn_decode(struct insn *out, const u8 *bytes, u32 available, enum insn_mode mode)
{
	struct decoder d = {
		.at = bytes,
		.end = bytes + MIN(available, INSN_MAX_LEN),
		.mode64 = mode == INSN_MODE_64,
		.operand_width = mode == INSN_MODE_16 ? 2 : 4,
		.address_width = 2 << mode,
		.segment = INSN_NO_REG,
	};
	u8 opcode;
	int err;

	*out = (struct insn){
		.addr_width = d.address_width,
		.reg = INSN_NO_REG,
		.rm = INSN_NO_REG,
		.seg = DS,
		.base = INSN_NO_REG,
		.index = INSN_NO_REG,
		.scale = 1,
	};
	opcode = take_prefixes(&d, out);
	resolve_sizes(&d, out);
	err = is_vector(&d, opcode) ? decode_vector(&d, out, opcode)
				    : decode_opcode(&d, out, opcode);
	if (d.overrun)
		return available < INSN_MAX_LEN ? -EFAULT : -EINVAL;
	out->len = d.at - bytes;
	return err;
}
