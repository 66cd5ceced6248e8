/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes are read from where the guest's tables say that CS:RIP is now. The CPU has executed them,
 * so their rights are not checked again; whether they still are the instruction that exited is for
 * the caller to compare with the exit.
 *
 * A few slots for each vCPU remember instructions by RIP and address space. Before one is carried
 * out from its slot, its bytes are compared with those that lie at its place in physical memory, so
 * that code which was written over is seen. Code of which the page was exchanged is not seen, while
 * its old frame still holds the old bytes. That is sound: what is carried out then is what this
 * address space once had at this address, and it has to mean the very address and direction that
 * the CPU reported; else the tables are walked again to confirm it.
 *
 * For a length alone (CPUs without next-RIP leave those of CPUID, RDMSR, HLT or a hypercall to be
 * found out) nothing is compared: only instructions without prefixes are remembered for that, and
 * all instructions of such a kind of exit are of one length then. Were it wrong, the guest's own
 * RIP would be off by less than 15 bytes and nothing else.
 */
#include "core/l3/fetch.h"

#include "arch/x86/window.h"
#include "core/l1/log.h"
#include "core/l3/inject.h"
#include "core/l3/insn.h"
#include "core/l3/walk.h"
#include "core/lib/string.h"

#define STUCK_LIMIT 64

#define DR6_BS	   BIT(14)
#define OPCODE_0F  0x0f
#define OPCODE_HLT 0xf4

/* Kinds of exits and the instructions behind them, first and last in the order of enum insn_op. */
static const struct {
	u8 first, last;
} insns_of[EXIT_KINDS] = {
	[EXIT_CPUID] = { INSN_CPUID, INSN_CPUID },
	[EXIT_HLT] = { INSN_HLT, INSN_HLT },
	[EXIT_PAUSE] = { INSN_PAUSE, INSN_PAUSE },
	[EXIT_HYPERCALL] = { INSN_VMCALL, INSN_VMMCALL },
	[EXIT_MSR] = { INSN_RDMSR, INSN_WRMSR },
	[EXIT_IO] = { INSN_INS, INSN_OUT },
	[EXIT_XSETBV] = { INSN_XSETBV, INSN_XSETBV },
	[EXIT_WBINVD] = { INSN_INVD, INSN_WBINVD },
};

/* An instruction's bytes on their way to the decoder. */
struct code {
	u8 bytes[INSN_MAX_LEN + 1];
	u32 n;
	hpa_t hpa; /* of the first one */
};

enum insn_mode guest_mode(const struct vcpu *v)
{
	return (enum insn_mode)(hv->code_space(&v->hv) >> 62);
}

int guest_retry(struct vcpu *v)
{
	if (v->stuck_rip != v->hv.rip) {
		v->stuck_rip = v->hv.rip;
		v->stuck = 0;
	}
	if (++v->stuck < STUCK_LIMIT)
		return -EAGAIN;
	v->stuck = 0;
	if (!v->unemulated++)
		log_warn("vm %s: the instruction at %#lx cannot be emulated: #UD", v->vm->name,
			v->hv.rip);
	vcpu_inject_ud(v);
	return -EAGAIN;
}

/* Appends what lies at `linear`, up to the end of its page or to the longest instruction. */
static int read_code(struct vcpu *v, struct code *c, u64 linear)
{
	u32 n = MIN(INSN_MAX_LEN - c->n, (u32)(PAGE_SIZE - (linear & ~PAGE_MASK)));
	struct page_fault pf;
	hpa_t hpa;
	gpa_t gpa;

	if (unlikely(guest_walk_code(v, linear, &gpa, &pf) < 0)) {
		vcpu_inject_page_fault(v, pf.address, pf.error);
		return -EFAULT;
	}
	if (unlikely(vm_ram(v->vm, gpa, &hpa) < 0))
		return guest_retry(v);
	window_read(hpa, c->bytes + c->n, n);
	if (!c->n)
		c->hpa = hpa;
	c->n += n;
	return 0;
}

static int fetch(struct vcpu *v, enum insn_mode mode, struct code *c, struct insn *out)
{
	u64 linear = v->hv.rip;
	struct segment cs;
	int err;

	if (unlikely(mode != INSN_MODE_64)) {
		hv->segment_read(&v->hv, SEG_CS, &cs);
		linear = (u32)(linear + cs.base);
	}
	c->n = 0;
	err = read_code(v, c, linear);
	if (err)
		return err;
	err = insn_decode(out, c->bytes, c->n, mode);
	if (unlikely(err == -EFAULT && c->n < INSN_MAX_LEN)) {
		linear = mode == INSN_MODE_64 ? linear + c->n : (u32)(linear + c->n);
		err = read_code(v, c, linear);
		if (err)
			return err;
		err = insn_decode(out, c->bytes, c->n, mode);
	}
	return unlikely(err || !insn_is_sound(out, c->n)) ? guest_retry(v) : 0;
}

static struct fetch_slot *slot_of(struct vcpu *v)
{
	return &v->fetch[(v->hv.rip ^ v->hv.rip >> 4) % FETCH_SLOTS];
}

/* Decodes into the slot, which stays empty where the instruction goes across pages. */
static int fill(struct vcpu *v, struct fetch_slot *s, u64 space, struct insn *out)
{
	struct code c;
	int err;

	s->insn.len = 0;
	err = fetch(v, (enum insn_mode)(space >> 62), &c, out);
	if (err)
		return err;
	if ((c.hpa.v & ~PAGE_MASK) + out->len > PAGE_SIZE)
		return 0;
	s->rip = v->hv.rip;
	s->space = space;
	s->hpa = c.hpa;
	memcpy(s->bytes, c.bytes, sizeof(s->bytes));
	s->insn = *out;
	return 0;
}

int guest_fetch(struct vcpu *v, struct insn *out)
{
	u64 space = hv->code_space(&v->hv);
	struct fetch_slot *s = slot_of(v);
	int err;

	if (likely(s->rip == v->hv.rip && s->space == space && s->insn.len &&
		    window_same(s->hpa, s->bytes, s->insn.len))) {
		*out = s->insn;
		return (int)(space >> 62);
	}
	err = fill(v, s, space, out);
	return err ? err : (int)(space >> 62);
}

int guest_confirm(struct vcpu *v)
{
	struct fetch_slot *s = slot_of(v);
	hpa_t before = s->hpa;
	struct insn insn;
	int err;

	if (!s->insn.len) /* not remembered, so it has just been read */
		return 0;
	err = fill(v, s, hv->code_space(&v->hv), &insn);
	if (!err && (!s->insn.len || s->hpa.v != before.v))
		err = -EAGAIN;
	return err;
}

/* Of one length in all its forms: no prefixes,. */
static bool one_length(const struct fetch_slot *s)
{
	return s->bytes[0] == OPCODE_0F || s->bytes[0] == OPCODE_HLT;
}

static void remember_len(struct vcpu *v, u8 len)
{
	v->hv.lengths[v->hv.rip / 2 % HV_LENGTHS] = (struct hv_length){
		.rip = v->hv.rip,
		.cr3 = hv->reg_read(&v->hv, REG_CR3),
		.kind = v->exit.kind,
		.len = len,
	};
}

int guest_insn_len(struct vcpu *v, u8 *len)
{
	struct fetch_slot *s = slot_of(v);
	u8 kind = v->exit.kind;
	struct insn insn;
	int err = fill(v, s, hv->code_space(&v->hv), &insn);

	if (err)
		return err;
	if (insn.op < insns_of[kind].first || insn.op > insns_of[kind].last)
		return guest_retry(v);
	v->stuck = 0;
	*len = insn.len;
	if (s->insn.len && one_length(s))
		remember_len(v, insn.len);
	return 0;
}

void guest_advance_slow(struct vcpu *v, u64 next)
{
	v->hv.rip = guest_mode(v) == INSN_MODE_64 ? next : (u32)next;
	if (v->hv.rflags & RFLAGS_TF) {
		hv->reg_write(&v->hv, REG_DR6, hv->reg_read(&v->hv, REG_DR6) | DR6_BS);
		vcpu_inject_exception(v, VECTOR_DB, false, 0);
	}
}
