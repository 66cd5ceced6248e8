/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exceptions end in a fix-up or in panic(); interrupts go to their handler. The descriptor tables
 * live in tables.c.
 */
#include "arch/x86/trap.h"

#include "arch/x86/cpu.h"
#include "arch/x86/panic.h"
#include "arch/x86/percpu.h"
#include "core/l1/gate.h"

extern const struct fixup __start_kfv_fixups[], __stop_kfv_fixups[];

static void (*handlers[256])(u8 vector); /* (c) after boot */

void trap_set_handler(u8 vector, void (*handler)(u8 vector))
{
	handlers[vector] = handler;
}

static bool fix_up(struct trap_frame *f)
{
	for (const struct fixup *x = __start_kfv_fixups; x < __stop_kfv_fixups; x++) {
		if (x->at == f->rip) {
			f->rip = x->resume;
			return true;
		}
	}
	return false;
}

void trap_interrupt(u8 vector)
{
	if (handlers[vector])
		handlers[vector](vector);
}

void trap_handle(struct trap_frame *f)
{
	if (f->vector == VECTOR_NMI)
		this_cpu(nmi_rip) = f->rip;
	if (f->vector >= 32 && !(f->rflags & RFLAGS_IF))
		return; /* no CPU does that; an emulated KVM on QEMU delivers some twice */
	if (f->vector >= 32 || f->vector == VECTOR_NMI) {
		trap_interrupt((u8)f->vector);
		return;
	}
	if (!fix_up(f))
		panic_exception(f);
	l1_gate_fault(f->vector, f->error, f->rip, cr2_read());
}
