/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Segmentation as the manuals have it (SDM volume 3, "Limit Checking" and "Type Checking"; in
 * 64-bit mode "Canonical Addressing"), then the guest's page tables, then RAM or a device.
 */
#include "core/l3/operand.h"

#include "arch/x86/cpu.h"
#include "arch/x86/window.h"
#include "core/l3/fetch.h"
#include "core/l3/gate.h"
#include "core/l3/inject.h"
#include "core/l3/walk.h"
#include "core/lib/string.h"

#define ATTR_WRITABLE	 BIT(1) /* of data; of code: readable */
#define ATTR_EXPAND_DOWN BIT(2)
#define ATTR_CODE	 BIT(3)

u64 operand_linear_based(const struct emulation *e, u8 seg, u64 offset)
{
	struct segment s;

	hv->segment_read(&e->v->hv, seg, &s);
	return e->mode == INSN_MODE_64 ? offset + s.base : (u32)(offset + s.base);
}

static bool canonical(const struct vcpu *v, u64 linear)
{
	u32 unused = hv->reg_read(&v->hv, REG_CR4) & CR4_LA57 ? 7 : 16;

	return (u64)((s64)(linear << unused) >> unused) == linear;
}

static bool in_limit(const struct segment *s, u64 first, u64 last)
{
	if (!(s->attr & ATTR_CODE) && (s->attr & ATTR_EXPAND_DOWN))
		return first > s->limit && last <= (s->attr & SEG_ATTR_DB ? 0xffffffff : 0xffff);
	return last <= s->limit;
}

static bool segment_allows(const struct vcpu *v, u8 seg, u64 offset, u32 len, bool write)
{
	struct segment s;

	hv->segment_read(&v->hv, seg, &s);
	if (!in_limit(&s, offset, offset + len - 1))
		return false;
	if (!(hv->reg_read(&v->hv, REG_CR0) & CR0_PE) || (v->hv.rflags & RFLAGS_VM))
		return true;
	if ((s.attr & SEG_ATTR_UNUSABLE) || (write && (s.attr & ATTR_CODE)))
		return false;
	return (s.attr & ATTR_WRITABLE) || (!write && !(s.attr & ATTR_CODE));
}

static int find_page(struct vcpu *v, u64 linear, bool write, gpa_t *out)
{
	struct page_fault pf;
	int err = guest_walk(v, linear, write, out, &pf);

	if (err == -EFAULT)
		vcpu_inject_page_fault(v, pf.address, pf.error);
	return err == -EAGAIN ? guest_retry(v) : err;
}

int operand_find(
	const struct emulation *e, u8 seg, u64 offset, u32 len, bool write, struct operand *out)
{
	u64 linear = operand_linear(e, seg, offset), next = linear + len;
	bool ok = e->mode == INSN_MODE_64 ? canonical(e->v, linear) && canonical(e->v, next - 1)
					  : segment_allows(e->v, seg, offset, len, write);
	int err;

	if (!ok) {
		vcpu_inject_exception(e->v, seg == SEG_SS ? VECTOR_SS : VECTOR_GP, true, 0);
		return -EFAULT;
	}
	next = (next - 1) & PAGE_MASK;
	if (e->mode != INSN_MODE_64)
		next = (u32)next;
	out->device = false;
	out->len[0] = MIN(len, (u32)(PAGE_SIZE - (linear & ~PAGE_MASK)));
	out->len[1] = len - out->len[0];
	err = find_page(e->v, linear, write, &out->gpa[0]);
	if (!err && out->len[1])
		err = find_page(e->v, next, write, &out->gpa[1]);
	return err;
}

/* The widest accesses that a device takes, from the lowest address up. */
static void access_device(struct vcpu *v, u64 gpa, u8 *bytes, u32 len, bool write)
{
	while (len) {
		u32 n = len >= 8 ? 8 : len >= 4 ? 4 : len >= 2 ? 2 : 1;
		u64 value = 0;

		memcpy(&value, bytes, n);
		if (write) {
			l3_mmio_write(v, gpa, n, value);
		} else {
			value = l3_mmio_read(v, gpa, n);
			memcpy(bytes, &value, n);
		}
		bytes += n;
		gpa += n;
		len -= n;
	}
}

static void access_piece(struct vcpu *v, gpa_t gpa, u8 *bytes, u32 len, bool write)
{
	hpa_t hpa;

	if (vm_ram(v->vm, gpa, &hpa) < 0)
		access_device(v, gpa.v, bytes, len, write);
	else if (write)
		window_write(hpa, bytes, len);
	else
		window_read(hpa, bytes, len);
}

u64 operand_read_pieces(struct vcpu *v, const struct operand *op, u64 *high)
{
	u64 value[2] = { 0 };

	access_piece(v, op->gpa[0], (u8 *)value, op->len[0], false);
	if (unlikely(op->len[1]))
		access_piece(v, op->gpa[1], (u8 *)value + op->len[0], op->len[1], false);
	if (high)
		*high = value[1];
	return value[0];
}

void operand_write_pieces(struct vcpu *v, const struct operand *op, u64 value, u64 high)
{
	u64 values[2] = { value, high };

	access_piece(v, op->gpa[0], (u8 *)values, op->len[0], true);
	if (unlikely(op->len[1]))
		access_piece(v, op->gpa[1], (u8 *)values + op->len[0], op->len[1], true);
}
