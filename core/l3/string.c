/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * APM volume 3, "MOVSx" and its like, "REP" and "Repeat Prefixes". Registers are brought up to date
 * after each element, so that a fault or an interrupt between two of them leaves an instruction
 * that goes on where it was.
 */
#include "core/l3/string.h"

#include "arch/x86/cpu.h"
#include "core/l3/fetch.h"
#include "core/l3/gate.h"

#define ELEMENTS_PER_EXIT 64

#define RFLAGS_ZF BIT(6)

static bool reads_si(u8 op)
{
	return op == INSN_MOVS || op == INSN_CMPS || op == INSN_LODS || op == INSN_OUTS;
}

static bool uses_di(u8 op)
{
	return op != INSN_LODS && op != INSN_OUTS;
}

static bool compares(u8 op)
{
	return op == INSN_CMPS || op == INSN_SCAS;
}

static u64 index_of(const struct emulation *e, u8 reg)
{
	return gpr_read(e->v, reg, e->insn.addr_width, false);
}

static void step_index(const struct emulation *e, u8 reg)
{
	u64 step = e->v->hv.rflags & RFLAGS_DF ? -(u64)e->insn.width : e->insn.width;

	gpr_write(e->v, reg, e->insn.addr_width, false, index_of(e, reg) + step);
}

/* Moves or compares a value that was found, now that nothing can fail any more. */
static void perform(const struct emulation *e, const struct operand *si, const struct operand *di)
{
	struct vcpu *v = e->v;
	u8 op = e->insn.op;
	u32 width = e->insn.width;
	u64 value;

	if (reads_si(op))
		value = operand_read(v, si, NULL);
	else if (op == INSN_INS)
		value = l3_port_read(v, e->exit->io.port, width);
	else
		value = gpr_read(v, RAX, width, false);

	if (compares(op))
		insn_compute(INSN_CMP, width, value, operand_read(v, di, NULL), &v->hv.rflags);
	else if (uses_di(op))
		operand_write(v, di, value, 0);
	else if (op == INSN_OUTS)
		l3_port_write(v, e->exit->io.port, width, value);
	else
		gpr_write(v, RAX, width, false, value);
}

static int step(const struct emulation *e)
{
	const struct insn *insn = &e->insn;
	struct operand si, di;
	int err = 0;

	if (reads_si(insn->op))
		err = operand_find(e, insn->seg, index_of(e, RSI), insn->width, false, &si);
	if (!err && uses_di(insn->op))
		err = operand_find(
			e, SEG_ES, index_of(e, RDI), insn->width, !compares(insn->op), &di);
	if (err)
		return err;
	perform(e, &si, &di);
	if (reads_si(insn->op))
		step_index(e, RSI);
	if (uses_di(insn->op))
		step_index(e, RDI);
	return 0;
}

/* One element less to go; true if it was the last. */
static bool is_last(const struct emulation *e)
{
	u64 left = index_of(e, RCX) - 1;

	gpr_write(e->v, RCX, e->insn.addr_width, false, left);
	if (compares(e->insn.op) && !(e->v->hv.rflags & RFLAGS_ZF) != e->insn.repne)
		return true;
	return !index_of(e, RCX);
}

void string_run(struct emulation *e)
{
	const struct insn *insn = &e->insn;
	bool done = insn->rep && !index_of(e, RCX);

	for (u32 i = 0; !done && i < ELEMENTS_PER_EXIT; i++) {
		if (step(e) < 0)
			return;
		done = !insn->rep || is_last(e);
	}
	e->v->stuck = 0;
	if (done)
		vcpu_advance(e->v, insn->len);
}
