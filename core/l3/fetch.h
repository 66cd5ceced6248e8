/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction at which a vCPU exited, read again from its memory: the whole of it, or its
 * length where the CPU does not tell.
 */
#pragma once

#include "arch/x86/cpu.h"
#include "core/l2/vm.h"
#include "drivers/api/decode.h"

/* How v's code segment makes an instruction read. */
enum insn_mode guest_mode(const struct vcpu *v);
/*
 * Decodes what lies at RIP. Returns the mode that it reads in (enum insn_mode); any error means
 * that it cannot be emulated and that all there is to do was done: v may enter again.
 */
int __must_check guest_fetch(struct vcpu *v, struct insn *out);
/*
 * Before an instruction is carried out at another place than the CPU reported: unless it still lies
 * where guest_fetch() found it, -EAGAIN, and v enters again. Other errors as above.
 */
int __must_check guest_confirm(struct vcpu *v);
/* Length of the instruction that v->exit names; errors as above. */
int __must_check guest_insn_len(struct vcpu *v, u8 *len);
/*
 * What was fetched is not what made v exit, because another CPU has replaced it since, or is
 * nothing that can be emulated. Returns -EAGAIN: v enters again and runs what is there now. Where
 * that leads nowhere many times in a row, #UD is raised, counted, and logged the first time.
 */
int guest_retry(struct vcpu *v);
/* The trap of a set RFLAGS.TF, and the cut of a RIP that runs over: the rare part of the next. */
void guest_advance_slow(struct vcpu *v, u64 next);

/* v's instruction is done: on to the next. */
static inline void vcpu_advance(struct vcpu *v, u8 len)
{
	u64 next = v->hv.rip + len;

	v->hv.rflags &= ~RFLAGS_RF;
	if (unlikely((v->hv.rflags & RFLAGS_TF) || (v->hv.rip ^ next) >> 32))
		guest_advance_slow(v, next);
	else
		v->hv.rip = next;
}
