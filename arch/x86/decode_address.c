/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operand that ModRM names: from its bytes to its parts, and from there to an address. AMD APM
 * volume 3, "ModRM and SIB Bytes".
 */
#include "arch/x86/decode_private.h"

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
		out->rip_relative = d->mode64;
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
	if (d->address_width == 2)
		decode_address16(d, out);
	else
		decode_address32(d, out);
	out->seg = d->segment != INSN_NO_REG ? d->segment : default_segment(out->base);
}

static u64 read_base(const u64 regs[16], u8 reg)
{
	return reg == INSN_NO_REG ? 0 : regs[reg];
}

/* How far from the address the word is that holds a bit. APM volume 3, "BT". */
static s64 bit_displacement(const struct insn *insn, const u64 regs[16])
{
	u32 bits = insn->width * 8;
	s64 bit = (s64)(regs[insn->reg] << (64 - bits)) >> (64 - bits);

	return (bit >> __builtin_ctz(bits)) * insn->width;
}

u64 insn_linear_offset(const struct insn *insn, const u64 regs[16], u64 next_rip)
{
	u64 offset = insn->disp + read_base(regs, insn->base) +
		     read_base(regs, insn->index) * insn->scale;

	if (insn->rip_relative)
		offset += next_rip;
	if (insn->op >= INSN_BT && insn->op <= INSN_BTC && !insn->has_imm)
		offset += bit_displacement(insn, regs);
	if (insn->op == INSN_POP && insn->base == SP)
		offset += insn->width;
	return insn->addr_width == 8 ? offset : offset & (BIT(insn->addr_width * 8) - 1);
}
