/* SPDX-License-Identifier: BSD-2-Clause */
/* In the order of the manual: an interrupted delivery first, then NMI, then interrupts. */
#include "core/l3/inject.h"

#include "arch/x86/cpu.h"
#include "core/l2/lines.h"
#include "core/l3/gate.h"

/* SDM volume 3, "Interrupt 8": contributory exceptions and page faults combine to a double fault.
 */
static bool contributory(u8 vector)
{
	return vector == 0 || (vector >= VECTOR_TS && vector <= VECTOR_GP);
}

static bool doubles(const struct hv_event *first, u8 second)
{
	if (first->type != EVENT_EXCEPTION)
		return false;
	if (first->vector == VECTOR_PF)
		return second == VECTOR_PF || contributory(second);
	return contributory(first->vector) && contributory(second);
}

void vcpu_inject_exception(struct vcpu *v, u8 vector, bool has_error, u32 error)
{
	struct hv_event *e = &v->hv.pending;

	if (v->hv.has_pending && e->type == EVENT_EXCEPTION && e->vector == VECTOR_DF) {
		vm_end(v->vm, END_TRIPLE_FAULT, v->hv.rip);
		return;
	}
	if (v->hv.has_pending && doubles(e, vector)) {
		vector = VECTOR_DF;
		has_error = true;
		error = 0;
	}
	*e = (struct hv_event){ vector, EVENT_EXCEPTION, has_error, error, 0 };
	v->hv.has_pending = true;
	vcpu_hazard(v, HAZARD_EVENT);
}

void vcpu_inject_page_fault(struct vcpu *v, u64 address, u32 error)
{
	hv->reg_write(&v->hv, REG_CR2, address);
	vcpu_inject_exception(v, VECTOR_PF, true, error);
}

void vcpu_inject_gp(struct vcpu *v)
{
	vcpu_inject_exception(v, VECTOR_GP, true, 0);
}

void vcpu_inject_ud(struct vcpu *v)
{
	vcpu_inject_exception(v, VECTOR_UD, false, 0);
}

static bool extint_pending(const struct vcpu *v)
{
	return v->index == 0 && v->vm->pic_intr && vlapic_takes_extint(v);
}

static void inject(struct vcpu *v, const struct hv_event *e)
{
	if (l3_gate_inject(&v->hrsc, e->vector, e->error))
		hv->inject(&v->hv, e);
}

static void inject_interrupt(struct vcpu *v, int vector)
{
	struct hv_event e = { .type = EVENT_INTR };

	if (vector >= 0) {
		vlapic_acknowledge(v, (u8)vector);
		e.vector = (u8)vector;
	} else {
		e.vector = line_acknowledge(v);
	}
	inject(v, &e);
}

static bool event_comes(const struct vcpu *v, bool open)
{
	return (v->nmi_pending && !v->hv.nmi_masked) ||
	       (open && (vlapic_pending(v) >= 0 || extint_pending(v)));
}

bool vcpu_wakes(const struct vcpu *v)
{
	return event_comes(v, v->hv.rflags & RFLAGS_IF);
}

void inject_events(struct vcpu *v)
{
	int vector;

	vcpu_hazard_done(v, HAZARD_EVENT);
	if (v->hv.has_pending) {
		struct hv_event e = v->hv.pending;

		v->hv.has_pending = false;
		inject(v, &e);
	} else if (v->nmi_pending && hv->can_take_nmi(&v->hv)) {
		v->nmi_pending = false;
		inject(v, &(struct hv_event){ VECTOR_NMI, EVENT_NMI, false, 0, 0 });
	} else {
		vector = vlapic_pending(v);
		if (vector < 0 && !extint_pending(v))
			return;
		if (hv->can_take_interrupt(&v->hv))
			inject_interrupt(v, vector);
	}
	if (event_comes(v, true))
		hv->window(&v->hv, true);
}
