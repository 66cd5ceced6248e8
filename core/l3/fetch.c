/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bytes are read from where the guest's tables say that CS:RIP is now. The CPU has executed them,
 * so their rights are not checked again; whether they still are the instruction that exited is for
 * the caller to compare with the exit.
 *
 * CPUs without next-RIP leave the length of every CPUID, RDMSR, HLT or hypercall to be found out.
 * A few slots for each vCPU remember where in physical memory such an instruction was, and what its
 * bytes were. They are compared at each use, so that code which was written over in place is seen.
 * Code of which the page was exchanged is not, while its old frame still holds the old bytes: that
 * is sound, because only an instruction without prefixes is remembered, because the exit's kind
 * has to be the same, and because all instructions of such a kind are of one length then (MOV CR
 * and CLTS are not, and are left out). Were it wrong, the guest's own RIP would be off by less than
 * 15 bytes and nothing else.
 */
#include "core/l3/fetch.h"

#include "arch/x86/window.h"
#include "core/l1/log.h"
#include "core/l3/inject.h"
#include "core/l3/walk.h"
#include "core/lib/string.h"

#define STUCK_LIMIT 64

#define DR6_BS	   BIT(14)
#define OPCODE_0F  0x0f
#define OPCODE_HLT 0xf4

/* By kind of exit: the instructions that cause it, first and last in the order of enum insn_op. */
static const struct {
	u8 first, last;
} insns_of[EXIT_KINDS] = {
	[EXIT_CPUID] = { INSN_CPUID, INSN_CPUID },
	[EXIT_HLT] = { INSN_HLT, INSN_HLT },
	[EXIT_PAUSE] = { INSN_PAUSE, INSN_PAUSE },
	[EXIT_HYPERCALL] = { INSN_VMCALL, INSN_VMMCALL },
	[EXIT_MSR] = { INSN_RDMSR, INSN_WRMSR },
	[EXIT_IO] = { INSN_INS, INSN_OUT },
	[EXIT_CR] = { INSN_MOV_FROM_CR, INSN_SMSW },
	[EXIT_XSETBV] = { INSN_XSETBV, INSN_XSETBV },
	[EXIT_WBINVD] = { INSN_INVD, INSN_WBINVD },
	[EXIT_INVLPG] = { INSN_INVLPG, INSN_INVPCID },
	[EXIT_RDPMC] = { INSN_RDPMC, INSN_RDPMC },
	[EXIT_MWAIT] = { INSN_MONITOR, INSN_MWAIT },
};

/* An instruction's bytes on their way to the decoder. */
struct code {
	u8 bytes[INSN_MAX_LEN + 1];
	u32 n;
	hpa_t hpa; /* of the first one */
};

enum insn_mode guest_mode(const struct vcpu *v)
{
	struct segment cs;

	hv->segment_read(&v->hv, SEG_CS, &cs);
	if ((cs.attr & SEG_ATTR_L) && (hv->reg_read(&v->hv, REG_EFER) & EFER_LMA))
		return INSN_MODE_64;
	return cs.attr & SEG_ATTR_DB ? INSN_MODE_32 : INSN_MODE_16;
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

static int fetch(struct vcpu *v, struct code *c, struct insn *out)
{
	struct segment cs;
	enum insn_mode mode = INSN_MODE_64;
	u64 linear = v->hv.rip;
	int err;

	hv->segment_read(&v->hv, SEG_CS, &cs);
	if (unlikely(!(cs.attr & SEG_ATTR_L) || !(hv->reg_read(&v->hv, REG_EFER) & EFER_LMA))) {
		mode = cs.attr & SEG_ATTR_DB ? INSN_MODE_32 : INSN_MODE_16;
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
	return unlikely(err) ? guest_retry(v) : 0;
}

int guest_fetch(struct vcpu *v, struct insn *out)
{
	struct code c;

	return fetch(v, &c, out);
}

/* Remembers where v's instruction lies, if that can be compared cheaply and stays true. */
static void remember(
	const struct vcpu *v, struct fetch_slot *s, const struct code *c, const struct insn *insn)
{
	u32 shift = (u32)(c->hpa.v & 7) * 8, bits = insn->len * 8;
	u64 word;

	s->kind = EXIT_NONE;
	if ((c->bytes[0] != OPCODE_0F && c->bytes[0] != OPCODE_HLT) || insn->mem || bits > 24 ||
		shift + bits > 64 || v->exit.kind == EXIT_CR)
		return;
	memcpy(&word, c->bytes, sizeof(word));
	s->hpa = HPA(c->hpa.v & ~7ull);
	s->word = word << shift;
	s->mask = (BIT(bits) - 1) << shift;
	s->rip = v->hv.rip;
	s->cr3 = hv->reg_read(&v->hv, REG_CR3);
	s->len = insn->len;
	s->kind = v->exit.kind;
}

static int decode_len(struct vcpu *v, struct fetch_slot *s, u8 *len)
{
	u8 kind = v->exit.kind;
	struct insn insn;
	struct code c;
	int err = fetch(v, &c, &insn);

	if (err)
		return err;
	if (insn.op < insns_of[kind].first || insn.op > insns_of[kind].last)
		return guest_retry(v);
	v->stuck = 0;
	*len = insn.len;
	remember(v, s, &c, &insn);
	return 0;
}

int guest_insn_len(struct vcpu *v, u8 *len)
{
	u64 rip = v->hv.rip;
	struct fetch_slot *s = &v->fetch[(rip ^ rip >> 4) % FETCH_SLOTS];

	if (likely(s->rip == rip && s->kind == v->exit.kind &&
		    s->cr3 == hv->reg_read(&v->hv, REG_CR3)) &&
		!((window_read64(s->hpa) ^ s->word) & s->mask)) {
		*len = s->len;
		return 0;
	}
	return decode_len(v, s, len);
}

void guest_advance_slow(struct vcpu *v, u64 next)
{
	v->hv.rip = guest_mode(v) == INSN_MODE_64 ? next : (u32)next;
	if (v->hv.rflags & RFLAGS_TF) {
		hv->reg_write(&v->hv, REG_DR6, hv->reg_read(&v->hv, REG_DR6) | DR6_BS);
		vcpu_inject_exception(v, VECTOR_DB, false, 0);
	}
}
