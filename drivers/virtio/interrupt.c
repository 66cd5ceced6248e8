/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a virtio device interrupts: by messages (PCI Local Bus Specification, "MSI-X Capability and
 * Table Structures"), or by its pin, which the interrupt status register holds up until it is read
 * (VIRTIO 1.2, "ISR status capability"). The guest writes the table: what leaves here is an
 * interrupt for one of its local APICs and nothing else.
 */
#include "drivers/virtio/virtio.h"

#define ENTRY_MASKED BIT(0)

#define MESSAGE_BASE(address) ((address) >> 20)
#define APIC_BASE	      0xfee
#define MESSAGE_DATA	      0xc7ff /* vector, mode, level, trigger */

static u32 msix_control(const struct virtio *v)
{
	return v->config[AT_MSIX_WORD] & (MSIX_ENABLE | MSIX_MASK_ALL);
}

void interrupt_reset(struct virtio *v)
{
	for (u32 i = 0; i < VIRTIO_VECTORS; i++)
		v->msix[i] = (struct msix_entry){ .control = ENTRY_MASKED };
	v->msix_pending = 0;
}

static void send_pending(struct virtio *v)
{
	for (u32 i = 0; i < VIRTIO_VECTORS; i++) {
		const struct msix_entry *e = &v->msix[i];

		if (!(v->msix_pending & BIT(i)) || (e->control & ENTRY_MASKED))
			continue;
		v->msix_pending &= ~BIT(i);
		if (MESSAGE_BASE(e->address) == APIC_BASE)
			l3_msi(e->address, e->data & MESSAGE_DATA);
	}
}

void interrupt_update(struct virtio *v)
{
	u32 msix = msix_control(v);
	bool level = v->isr && !msix && !(v->config[1] & COMMAND_NO_PIN);

	if (v->msix_pending && msix == MSIX_ENABLE)
		send_pending(v);
	if (level == v->line)
		return;
	v->line = level;
	l3_raise_irq(MACHINE_SLOT_GSI(v->slot), level);
}

void interrupt_raise(struct virtio *v, u16 vector, u8 reason)
{
	if (!(msix_control(v) & MSIX_ENABLE))
		v->isr |= reason;
	else if (vector < VIRTIO_VECTORS)
		v->msix_pending |= BIT(vector);
	interrupt_update(v);
}

/* The words of the table and of the pending bits: 4 or 8 bytes at their own addresses. */
static bool is_word(u32 offset, u32 width)
{
	return (width == 4 || width == 8) && !(offset & (width - 1));
}

u64 interrupt_table_read(const struct virtio *v, u32 offset, u32 width)
{
	u32 at = offset - AT_MSIX;
	u64 value = 0;

	if (!is_word(offset, width))
		return 0;
	if (offset >= AT_PENDING)
		return offset == AT_PENDING ? v->msix_pending : 0;
	if (at < sizeof(v->msix))
		__builtin_memcpy(&value, (const u8 *)v->msix + at, width);
	return value;
}

void interrupt_table_write(struct virtio *v, u32 offset, u32 width, u64 value)
{
	u32 at = offset - AT_MSIX;

	if (!is_word(offset, width) || at >= sizeof(v->msix))
		return;
	__builtin_memcpy((u8 *)v->msix + at, &value, width);
	interrupt_update(v);
}
