/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions with an operand at a device: read again, decoded, carried out. All of them take one
 * shape: find the memory, read it, compute, write it back; only then RIP moves.
 *
 * The address that the CPU reported is used where the instruction is seen to mean it. Otherwise the
 * operand is found through the guest's tables with the rights of its CPL, so that bytes which were
 * exchanged after the exit gain nothing.
 */
#include "core/l3/emulate.h"

#include "arch/x86/cpu.h"
#include "core/l3/fetch.h"
#include "core/l3/inject.h"
#include "core/l3/string.h"

#define RFLAGS_ZF BIT(6)

/* True when the exit's own address is that of the operand, and was tried for a write if we write.
 */
static bool is_reported(const struct emulation *e, u64 linear, u32 len, bool write)
{
	u64 at = linear & ~PAGE_MASK;

	return at == (e->exit->s2.gpa.v & ~PAGE_MASK) && at + len <= PAGE_SIZE &&
	       (!write || e->exit->s2.access == S2_WRITE);
}

static bool same_page(gpa_t a, gpa_t b)
{
	return !((a.v ^ b.v) & PAGE_MASK);
}

static inline int find_memory(const struct emulation *e, u32 len, bool write, struct operand *op)
{
	const struct insn *insn = &e->insn;
	struct vcpu *v = e->v;
	u64 offset = insn_linear_offset(insn, v->hv.gpr, v->hv.rip + insn->len);
	int err;

	if (likely(is_reported(e, operand_linear(e, insn->seg, offset), len, write))) {
		op->gpa[0] = e->exit->s2.gpa;
		op->len[0] = (u8)len;
		op->len[1] = 0;
		op->device = len <= 8;
		return 0;
	}
	err = guest_confirm(v);
	if (!err)
		err = operand_find(e, insn->seg, offset, len, write, op);
	if (err || same_page(op->gpa[0], e->exit->s2.gpa) ||
		(op->len[1] && same_page(op->gpa[1], e->exit->s2.gpa)))
		return err;
	return guest_retry(v);
}

static u64 swap_bytes(u64 value, u32 width)
{
	return __builtin_bswap64(value) >> (64 - 8 * width);
}

static u64 sign_extend(u64 value, u32 width)
{
	u32 unused = 64 - 8 * width;

	return (u64)((s64)(value << unused) >> unused);
}

static u64 register_or_immediate(const struct emulation *e)
{
	const struct insn *insn = &e->insn;

	if (insn->has_imm || insn->reg == INSN_NO_REG)
		return insn->imm;
	return gpr_read(e->v, insn->reg, insn->width, insn->reg_high8);
}

static void set_register(const struct emulation *e, u64 value)
{
	gpr_write(e->v, e->insn.reg, e->insn.width, e->insn.reg_high8, value);
}

static int load(const struct emulation *e)
{
	const struct insn *insn = &e->insn;
	struct operand op;
	u64 value;
	int err = find_memory(e, insn->src_width, false, &op);

	if (err)
		return err;
	value = operand_read(e->v, &op, NULL);
	if (insn->op == INSN_MOVSX)
		value = sign_extend(value, insn->src_width);
	else if (insn->op == INSN_MOVBE)
		value = swap_bytes(value, insn->width);
	set_register(e, value);
	return 0;
}

static int store(const struct emulation *e)
{
	const struct insn *insn = &e->insn;
	u64 value = register_or_immediate(e);
	struct operand op;
	int err = find_memory(e, insn->width, true, &op);

	if (err)
		return err;
	operand_write(
		e->v, &op, insn->op == INSN_MOVBE ? swap_bytes(value, insn->width) : value, 0);
	return 0;
}

static int arithmetic(const struct emulation *e)
{
	const struct insn *insn = &e->insn;
	bool writes = insn->op != INSN_CMP && insn->op != INSN_TEST && insn->op != INSN_BT;
	u64 other = register_or_immediate(e), memory, result;
	struct operand op;
	int err = find_memory(e, insn->width, writes && insn->mem_is_dest, &op);

	if (err)
		return err;
	memory = operand_read(e->v, &op, NULL);
	result = insn_alu(insn->op, insn->width, insn->mem_is_dest ? memory : other,
		insn->mem_is_dest ? other : memory, &e->v->hv.rflags);
	if (writes && insn->mem_is_dest)
		operand_write(e->v, &op, result, 0);
	else if (writes)
		set_register(e, result);
	return 0;
}

/* XCHG and XADD: the register gets what memory held. */
static int exchange(const struct emulation *e)
{
	const struct insn *insn = &e->insn;
	u64 mine = register_or_immediate(e), memory;
	struct operand op;
	int err = find_memory(e, insn->width, true, &op);

	if (err)
		return err;
	memory = operand_read(e->v, &op, NULL);
	if (insn->op == INSN_XADD)
		mine = insn_alu(INSN_ADD, insn->width, memory, mine, &e->v->hv.rflags);
	operand_write(e->v, &op, mine, 0);
	set_register(e, memory);
	return 0;
}

static int compare_exchange(const struct emulation *e)
{
	struct vcpu *v = e->v;
	u32 width = e->insn.width;
	struct operand op;
	u64 memory;
	int err = find_memory(e, width, true, &op);

	if (err)
		return err;
	memory = operand_read(v, &op, NULL);
	insn_alu(INSN_CMP, (u8)width, gpr_read(v, RAX, width, false), memory, &v->hv.rflags);
	if (v->hv.rflags & RFLAGS_ZF)
		operand_write(v, &op, register_or_immediate(e), 0);
	else
		gpr_write(v, RAX, width, false, memory);
	return 0;
}

/* CMPXCHG8B and, with halves of 8 bytes, CMPXCHG16B. */
static int compare_exchange_pair(const struct emulation *e)
{
	struct vcpu *v = e->v;
	u32 width = e->insn.width, half = width / 2;
	struct operand op;
	u64 low, high;
	int err = find_memory(e, width, true, &op);

	if (err)
		return err;
	if (width == 16 && (op.gpa[0].v & 15)) {
		vcpu_inject_gp(v);
		return -EFAULT;
	}
	low = operand_read(v, &op, &high);
	if (width == 8) {
		high = low >> 32;
		low = (u32)low;
	}
	if (low != gpr_read(v, RAX, half, false) || high != gpr_read(v, RDX, half, false)) {
		v->hv.rflags &= ~RFLAGS_ZF;
		gpr_write(v, RAX, half, false, low);
		gpr_write(v, RDX, half, false, high);
		return 0;
	}
	v->hv.rflags |= RFLAGS_ZF;
	low = gpr_read(v, RBX, half, false);
	high = gpr_read(v, RCX, half, false);
	operand_write(v, &op, width == 8 ? low | high << 32 : low, high);
	return 0;
}

static int carry_out(const struct emulation *e)
{
	switch (e->insn.op) {
	case INSN_ADD ... INSN_BTC:
		return arithmetic(e);
	case INSN_MOV ... INSN_MOVNTI:
		return e->insn.mem_is_dest ? store(e) : load(e);
	case INSN_XCHG:
	case INSN_XADD:
		return exchange(e);
	case INSN_CMPXCHG:
		return compare_exchange(e);
	case INSN_CMPXCHG8B:
		return compare_exchange_pair(e);
	default: /* not made for devices, or no longer what exited */
		return guest_retry(e->v);
	}
}

static void emulate(struct vcpu *v, const struct exit *exit)
{
	struct emulation e = { .v = v, .exit = exit };

	if (guest_fetch(v, &e.insn) < 0)
		return;
	e.mode = guest_mode(v);
	if (!e.insn.mem) {
		guest_retry(v);
	} else if (e.insn.op >= INSN_MOVS && e.insn.op <= INSN_SCAS) {
		if (guest_confirm(v) == 0)
			string_run(&e);
	} else if (carry_out(&e) == 0) {
		v->stuck = 0;
		vcpu_advance(v, e.insn.len);
	}
}

void emulate_mmio(struct vcpu *v, const struct exit *exit)
{
	if (unlikely(exit->s2.in_walk))
		vm_fail(v->vm, "its page tables lie outside its RAM");
	else if (unlikely(v->hv.has_pending))
		vm_fail(v->vm, "an event was delivered to a device instead of to RAM");
	else if (unlikely(exit->s2.access == S2_EXEC))
		vcpu_inject_ud(v); /* what is not there reads as ones, and that is no instruction */
	else
		emulate(v, exit);
}
