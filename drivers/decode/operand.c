/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operands of an instruction: from ModRM, from the opcode, from what follows. AMD APM volume
 * 3, "ModRM and SIB Bytes", "Displacement Bytes", "Immediate Bytes".
 */
#include "drivers/decode/decode.h"

static u8 default_segment(u8 base)
{
	return base == SP || base == BP ? SS : DS;
}

/* APM volume 3, "16-Bit Addressing". */
static void decode_address16(struct decoder *d, struct insn *out)
{
	static const u8 base[8] = { BX, BX, BP, BP, SI, DI, BP, BX };
	static const u8 index[8] = { SI, DI, SI, DI, INSN_NO_REG, INSN_NO_REG, INSN_NO_REG,
		INSN_NO_REG };
	u8 mod = out->modrm >> 6, rm = out->modrm & 7;

	if (mod == 0 && rm == 6) {
		out->disp = fetch_signed(d, 2);
		return;
	}
	out->base = base[rm];
	out->index = index[rm];
	if (mod)
		out->disp = fetch_signed(d, mod);
}

static void decode_sib(struct decoder *d, struct insn *out)
{
	u8 sib = fetch_u8(d), mod = out->modrm >> 6;
	u8 index = (sib >> 3 & 7) | (d->rex & REX_X ? 8 : 0);

	out->scale = 1 << (sib >> 6);
	if (index != SP)
		out->index = index;
	if ((sib & 7) == BP && mod == 0)
		out->disp = fetch_signed(d, 4);
	else
		out->base = (sib & 7) | (d->rex & REX_B ? 8 : 0);
}

static void decode_address32(struct decoder *d, struct insn *out)
{
	u8 mod = out->modrm >> 6, rm = out->modrm & 7;

	if (rm == SP) {
		decode_sib(d, out);
	} else if (rm == BP && mod == 0) {
		out->rip_relative = d->mode == INSN_MODE_64;
		out->disp = fetch_signed(d, 4);
	} else {
		out->base = rm | (d->rex & REX_B ? 8 : 0);
	}
	if (mod)
		out->disp = fetch_signed(d, mod == 1 ? 1 : 4);
}

void decode_rm(struct decoder *d, struct insn *out)
{
	out->reg = (out->modrm >> 3 & 7) | (d->rex & REX_R ? 8 : 0);
	if (out->modrm >= 0xc0) {
		out->rm = (out->modrm & 7) | (d->rex & REX_B ? 8 : 0);
		return;
	}
	out->mem = true;
	if (out->addr_width == 2)
		decode_address16(d, out);
	else
		decode_address32(d, out);
	out->seg = d->segment != INSN_NO_REG ? d->segment : default_segment(out->base);
}

static void resolve_widths(struct decoder *d, struct insn *out, u32 kind)
{
	/* By operand size: 2, 4, 8. */
	static const u8 widths[][3] = { [WIDTH_B] = { 1, 1, 1 },
		[WIDTH_W] = { 2, 2, 2 },
		[WIDTH_V] = { 2, 4, 8 },
		[WIDTH_Z] = { 2, 4, 4 },
		[WIDTH_Y] = { 4, 4, 8 },
		[WIDTH_Q] = { 8, 8, 16 },
		[WIDTH_W_V] = { 2, 2, 2 },
		[WIDTH_STACK] = { 2, 8, 8 },
		[WIDTH_LONG] = { 8, 8, 8 } };
	u8 from = 0;

	if (kind >= WIDTH_V_B) {
		from = 1 << (kind - WIDTH_V_B);
		kind = WIDTH_V;
	} else if (kind >= WIDTH_STACK && d->mode != INSN_MODE_64) {
		kind = kind == WIDTH_LONG ? WIDTH_Y : WIDTH_V;
	} else if (kind == WIDTH_W_V && out->modrm >= 0xc0) {
		kind = WIDTH_V;
	}
	out->width = widths[kind][d->operand_width >> 2];
	out->src_width = from ? from : out->width;
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
		out->mem_is_dest = out->mem;
		/* fall through */
	case FORM_REG_RM:
		if (out->src_width != 1)
			break;
		resolve_high8(d, out->width, &out->reg, &out->reg_high8);
		resolve_high8(d, out->src_width, &out->rm, &out->rm_high8);
		break;
	case FORM_RM:
		out->mem_is_dest = out->mem;
		/* fall through */
	case FORM_RM_SRC:
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
	u8 z = MIN(d->operand_width, 4);
	const u8 size[] = { [IMM_B] = 1,
		[IMM_Z] = z,
		[IMM_SIZED] = MIN(out->width, z),
		[IMM_V] = d->operand_width,
		[IMM_UB] = 1,
		[IMM_W] = 2,
		[IMM_ENTER] = 3,
		[IMM_FAR] = z + 2 };

	out->has_imm = true;
	if (kind < IMM_UB)
		out->imm = fetch_signed(d, size[kind]);
	else
		out->imm = fetch(d, size[kind]);
}

void decode_operands(struct decoder *d, struct insn *out, u32 entry, u8 opcode)
{
	if (ENTRY_FORM(entry) == FORM_CONTROL)
		out->modrm |= 0xc0;
	if (entry & MODRM)
		decode_rm(d, out);
	if (ENTRY_WIDTH(entry))
		resolve_widths(d, out, ENTRY_WIDTH(entry));
	set_operands(d, out, ENTRY_FORM(entry), opcode);
	if (ENTRY_IMM(entry))
		decode_immediate(d, out, ENTRY_IMM(entry));
}
