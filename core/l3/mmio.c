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

/* The instructions that are emulated, in the order in which carry_out() tells them apart. */
static_assert(INSN_BTC < INSN_MOV && INSN_MOVNTI < INSN_XCHG && INSN_XADD < INSN_CMPXCHG &&
		      INSN_CMPXCHG8B == INSN_CMPXCHG + 1,
	"order of enum insn_op");

static bool writes_memory(const struct insn *insn)
{
	return insn->mem_is_dest && insn->op != INSN_CMP && insn->op != INSN_TEST &&
	       insn->op != INSN_BT;
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

static void load(const struct emulation *e, const struct operand *op)
{
	const struct insn *insn = &e->insn;
	u64 value = operand_read(e->v, op, NULL);

	if (insn->op == INSN_MOVSX)
		value = sign_extend(value, insn->src_width);
	else if (insn->op == INSN_MOVBE)
		value = swap_bytes(value, insn->width);
	set_register(e, value);
}

static void store(const struct emulation *e, const struct operand *op)
{
	const struct insn *insn = &e->insn;
	u64 value = register_or_immediate(e);

	if (insn->op == INSN_MOVBE)
		value = swap_bytes(value, insn->width);
	operand_write(e->v, op, value, 0);
}

static void arithmetic(const struct emulation *e, const struct operand *op)
{
	const struct insn *insn = &e->insn;
	u64 memory = operand_read(e->v, op, NULL), other = register_or_immediate(e), result;

	result = insn_compute(insn->op, insn->width, insn->mem_is_dest ? memory : other,
		insn->mem_is_dest ? other : memory, &e->v->hv.rflags);
	if (writes_memory(insn))
		operand_write(e->v, op, result, 0);
	else if (!insn->mem_is_dest && insn->op != INSN_CMP && insn->op != INSN_TEST)
		set_register(e, result);
}

/* XCHG and XADD: the register gets what memory held. */
static void exchange(const struct emulation *e, const struct operand *op)
{
	u64 memory = operand_read(e->v, op, NULL), mine = register_or_immediate(e);

	if (e->insn.op == INSN_XADD)
		mine = insn_compute(INSN_ADD, e->insn.width, memory, mine, &e->v->hv.rflags);
	operand_write(e->v, op, mine, 0);
	set_register(e, memory);
}

static void compare_exchange(const struct emulation *e, const struct operand *op)
{
	struct vcpu *v = e->v;
	u8 width = e->insn.width;
	u64 memory = operand_read(v, op, NULL);

	insn_compute(INSN_CMP, width, gpr_read(v, RAX, width, false), memory, &v->hv.rflags);
	if (v->hv.rflags & RFLAGS_ZF)
		operand_write(v, op, register_or_immediate(e), 0);
	else
		gpr_write(v, RAX, width, false, memory);
}

/* CMPXCHG8B and, with halves of 8 bytes, CMPXCHG16B. */
static void compare_exchange_pair(const struct emulation *e, const struct operand *op)
{
	struct vcpu *v = e->v;
	u32 half = e->insn.width / 2;
	u64 high, low = operand_read(v, op, &high);

	if (half == 4) {
		high = low >> 32;
		low = (u32)low;
	}
	if (low != gpr_read(v, RAX, half, false) || high != gpr_read(v, RDX, half, false)) {
		v->hv.rflags &= ~RFLAGS_ZF;
		gpr_write(v, RAX, half, false, low);
		gpr_write(v, RDX, half, false, high);
		return;
	}
	v->hv.rflags |= RFLAGS_ZF;
	low = gpr_read(v, RBX, half, false);
	high = gpr_read(v, RCX, half, false);
	operand_write(v, op, half == 4 ? low | high << 32 : low, high);
}

static int carry_out(const struct emulation *e)
{
	const struct insn *insn = &e->insn;
	struct operand op;
	int err;

	/* Not made for devices, or no longer what exited. */
	if (insn->op < INSN_ADD || insn->op > INSN_CMPXCHG8B)
		return guest_retry(e->v);
	err = find_memory(e, insn->src_width, writes_memory(insn), &op);
	if (err)
		return err;
	if (insn->width == 16 && (op.gpa[0].v & 15)) {
		vcpu_inject_gp(e->v);
		return -EFAULT;
	}
	if (insn->op <= INSN_BTC)
		arithmetic(e, &op);
	else if (insn->op <= INSN_MOVNTI)
		insn->mem_is_dest ? store(e, &op) : load(e, &op);
	else if (insn->op <= INSN_XADD)
		exchange(e, &op);
	else if (insn->op == INSN_CMPXCHG)
		compare_exchange(e, &op);
	else
		compare_exchange_pair(e, &op);
	return 0;
}

static void emulate(struct vcpu *v, const struct exit *exit)
{
	struct emulation e; /* filled in one by one: `insn` is large */
	int mode = guest_fetch(v, &e.insn);

	if (mode < 0)
		return;
	e.v = v;
	e.exit = exit;
	e.mode = (enum insn_mode)mode;
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
