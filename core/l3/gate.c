/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The L3 gate's accesses: who answers, the hook, and the call. A local APIC is found before the
 * drivers, as in the CPU itself.
 */
#include "core/l3/gate.h"

#define APIC_ENABLED BIT(11) /* of IA32_APIC_BASE */
#define APIC_ADDRESS 0x000ffffffffff000ull

static_assert((HOOK_L3_PORT_WRITE & 1) && !(HOOK_L3_PORT_READ & 1), "odd operations write");
static_assert((HOOK_L3_MMIO_WRITE & 1) && !(HOOK_L3_MMIO_READ & 1), "odd operations write");

static bool writes(u16 op)
{
	return op & 1;
}

static u64 ones(u32 width)
{
	return ~0ull >> (64 - 8 * width);
}

/* SDM volume 3, "Local APIC Register Address Map": 32-bit registers, each 16 bytes apart. */
static u64 access_apic(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	u32 offset = address & ~PAGE_MASK;

	if (HOOK(v->hrsc.armed, op, v->hrsc.id, v->hrsc.id, address, width, value, 0) != HOOK_ALLOW)
		return ones(width);
	if (likely(!(offset & 15) && width == 4)) {
		if (!writes(op))
			return vlapic_read(v, offset);
		vlapic_write(v, offset, (u32)value);
		return 0;
	}
	/* Other widths: parts of a register can be read, writes are lost. */
	if (writes(op) || (offset & 15) + width > 4)
		return 0;
	return (vlapic_read(v, offset & ~15u) >> (offset & 3) * 8) & ones(width);
}

static u64 access_region(
	struct vcpu *v, const struct region_entry *e, u16 op, u64 address, u32 width, u64 value)
{
	struct hrsc *h = e->hrsc;
	u32 offset = (u32)(address - e->base);

	if (HOOK(h->armed, op, v->hrsc.id, h->id, address, width, value, 0) != HOOK_ALLOW ||
		unlikely(h->state != HRSC_LIVE))
		return ones(width);
	if (!writes(op))
		return h->l3->read(h, e->index, offset, width) & ones(width);
	h->l3->write(h, e->index, offset, width, value);
	return 0;
}

/* Nobody's: the VM itself is the one asked. */
static u64 access_absent(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	struct hrsc *h = &v->vm->hrsc;

	(void)HOOK(h->armed, op, v->hrsc.id, h->id, address, width, value, 0);
	return ones(width);
}

/* Across the border of a region: as the bus would, byte by byte. */
static u64 access_bytes(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	u64 got = 0;

	for (u32 i = 0; i < width; i++)
		got |= (l3_io(v, op, address + i, 1, value >> 8 * i & 0xff) & 0xff) << 8 * i;
	return got;
}

u64 l3_io(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	const struct region_map *map = &v->vm->ports;
	const struct region_entry *e;

	if (op >= HOOK_L3_MMIO_READ) {
		if (((address ^ v->apic.base_msr) & APIC_ADDRESS) == 0 &&
			(v->apic.base_msr & APIC_ENABLED))
			return access_apic(v, op, address, width, value);
		map = &v->vm->mmio;
	}
	e = region_find(map, address);
	if (likely(e && e->base <= address && address + width <= e->base + e->len))
		return access_region(v, e, op, address, width, value);
	if (!e || e->base >= address + width)
		return access_absent(v, op, address, width, value);
	return access_bytes(v, op, address, width, value);
}
