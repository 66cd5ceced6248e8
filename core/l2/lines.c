/* SPDX-License-Identifier: BSD-2-Clause */
/* The wiring of a PC's interrupt lines (ACPI Specification, "Interrupt Source Override Structure").
 */
#include "core/l2/lines.h"

#include "core/l2/gate.h"

#define ISA_LINES    16
#define TIMER_PIN    2
#define SPURIOUS_PIC 7

void line_set(struct hrsc *from, u32 gsi, bool level)
{
	struct vm *vm = from->owner;

	if (gsi < ISA_LINES)
		l2_gate_call(from, vm->peer[PEER_PIC], BUS_LINE, gsi, level);
	l2_gate_call(from, vm->peer[PEER_IOAPIC], BUS_LINE, gsi == 0 ? TIMER_PIN : gsi, level);
}

u8 line_acknowledge(struct vcpu *v)
{
	u64 vector = l2_gate_call(&v->hrsc, v->vm->peer[PEER_PIC], BUS_INTACK, 0, 0);

	return vector == BUS_NO_PEER ? SPURIOUS_PIC : (u8)vector;
}
