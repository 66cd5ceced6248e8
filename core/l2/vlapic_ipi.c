/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one local APIC sends to others, and what devices send to all: destinations and delivery
 * modes (SDM volume 3, "Issuing Interprocessor Interrupts", "Determining IPI Destination" and
 * "Message Signalled Interrupts").
 */
#include "core/l2/vlapic_ipi.h"

#include "core/l2/gate.h"
#include "core/l2/sched.h"
#include "core/l2/vcpu.h"

#define ICR_BITS	0x000ccfff
#define ICR_LOGICAL	BIT(11)
#define ICR_ASSERT	BIT(14)
#define ICR_LEVEL	BIT(15)
#define DFR_FLAT	0xf
#define DESTINATION_ALL 0xff

enum shorthand { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
enum delivery { FIXED, LOWEST, SMI, RESERVED, NMI, INIT, STARTUP, EXTINT };

#define MSI_BASE    0xfee /* address bits 31:20 */
#define MSI_LOGICAL BIT(2)
#define MSI_LEVEL   BIT(15)

struct message {
	u8 vector, mode, shorthand, destination;
	bool logical, level;
	struct vcpu *from; /* NULL: a device */
};

static bool matches_logical(const struct vlapic *a, u8 destination)
{
	u8 ldr = a->ldr >> 24;

	if (destination == DESTINATION_ALL)
		return true;
	if (a->dfr >> 28 == DFR_FLAT)
		return ldr & destination;
	return (ldr >> 4 == destination >> 4 || destination >> 4 == 0xf) &&
	       (ldr & destination & 0xf);
}

static bool addresses(const struct message *m, const struct vcpu *v)
{
	if (!(v->apic.base_msr & APIC_BASE_ENABLED))
		return false;
	switch (m->shorthand) {
	case TO_SELF:
		return v == m->from;
	case TO_ALL:
		return true;
	case TO_OTHERS:
		return v != m->from;
	}
	if (m->logical)
		return matches_logical(&v->apic, m->destination);
	return m->destination == DESTINATION_ALL || m->destination == v->apic.id >> 24;
}

/* An INIT for the boot vCPU begins everything anew, as a chipset's reset does. */
static void init(struct vcpu *v)
{
	if (v->index == 0) {
		l2_gate_call(&v->hrsc, &v->vm->hrsc, BUS_POWER, POWER_REBOOT, 0);
		return;
	}
	vcpu_init_at(v);
}

static void deliver(const struct message *m, struct vcpu *v)
{
	switch (m->mode) {
	case FIXED:
	case LOWEST:
		vlapic_accept(v, m->vector, m->level);
		break;
	case NMI:
		vlapic_nmi(v);
		break;
	case INIT:
		init(v);
		break;
	case STARTUP:
		vcpu_start_at(v, m->vector);
		break;
	}
}

/* Lowest priority: the one of those addressed that is busy with the least. */
static void route(struct vm *vm, const struct message *m)
{
	struct vcpu *idlest = NULL;

	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpu[i];

		if (!addresses(m, v))
			continue;
		if (m->mode != LOWEST)
			deliver(m, v);
		else if (!idlest || vlapic_ppr(&v->apic) < vlapic_ppr(&idlest->apic))
			idlest = v;
	}
	if (idlest)
		deliver(m, idlest);
}

void vlapic_send(struct vcpu *v, u32 icr_low)
{
	struct message m = {
		.vector = icr_low,
		.mode = icr_low >> 8 & 7,
		.logical = icr_low & ICR_LOGICAL,
		.shorthand = icr_low >> 18 & 3,
		.destination = v->apic.icr_high >> 24,
		.from = v,
	};

	v->apic.icr_low = icr_low & ICR_BITS;
	if (m.mode <= LOWEST && m.vector < APIC_FIRST_VECTOR) {
		vlapic_error(v, APIC_ERROR_SENT_VECTOR);
		return;
	}
	if (m.mode == INIT && (icr_low & (ICR_LEVEL | ICR_ASSERT)) == ICR_LEVEL)
		return; /* de-assertion, which reaches nobody since the Pentium 4 */
	route(v->vm, &m);
}

/* A device starts no processor, and the PIC has its own wire. */
void vlapic_message(struct vm *vm, u64 address, u32 data)
{
	struct message m = {
		.vector = data,
		.mode = data >> 8 & 7,
		.logical = address & MSI_LOGICAL,
		.destination = address >> 12 & 0xff,
		.level = data & MSI_LEVEL,
	};

	if (address >> 20 == MSI_BASE && m.mode != STARTUP)
		route(vm, &m);
}
