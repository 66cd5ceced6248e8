/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions in the hands of drivers. */
#include "core/l1/device.h"

#include "arch/x86/io.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"

#define PCI_ADDRESS  0xcf8 /* configuration mechanism #1 */
#define PCI_DATA     0xcfc
#define PCI_COMMAND  4
#define COMMAND_BITS 0xffffu /* above: bits that a one clears */
#define COMMAND_DMA  4u

struct device *devices;
u32 device_count;

const struct device_range *device_range(const struct hrsc *h, u32 reg, u32 width)
{
	u32 at = DEVICE_AT(reg);
	const struct device_range *r;

	if (!h->device || reg >> 28 >= DEVICE_RANGES || !width || (width & (width - 1)))
		return NULL;
	r = &h->device->range[reg >> 28];
	return at < r->len && width <= r->len - at && !(at & (width - 1)) &&
			       width <= (r->mapped ? 8 : 4) &&
			       (at + width <= r->closed || at >= r->closed_end)
		       ? r
		       : NULL;
}

void device_master(struct hrsc *h, bool on)
{
	const struct device *d = h->device;
	u32 command;

	if (!d || (on && !l1_gate_dma(h, virt_to_hpa(d->memory), d->memory_len)))
		return;
	/* The ports are ours: physical drivers run under one lock, and nobody else is at them. */
	out32(PCI_ADDRESS, 1u << 31 | (u32)d->address << 8 | PCI_COMMAND);
	command = in32(PCI_DATA) & COMMAND_BITS & ~COMMAND_DMA;
	out32(PCI_DATA, on ? command | COMMAND_DMA : command);
}
