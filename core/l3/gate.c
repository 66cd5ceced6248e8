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

enum { PORTS, MMIO }; /* of vcpu.last_region */

static bool writes(u16 op)
{
	return op & 1;
}

static u8 space(u16 op)
{
	return op >= HOOK_L3_MMIO_READ ? MMIO : PORTS;
}

/* SDM volume 3, "Local APIC Register Address Map": 32-bit registers, each 16 bytes apart. */
static inline bool is_apic(const struct vcpu *v, u64 address)
{
	return !((address ^ v->apic.base_msr) & APIC_ADDRESS) && (v->apic.base_msr & APIC_ENABLED);
}

/* An access to one register as it should be, which nobody watches. */
static inline bool is_apic_plain(const struct vcpu *v, u16 op, u64 address, u32 width)
{
	return !(address & 15) && width == 4 && likely(!(v->hrsc.armed & HOOK_BIT(op)));
}

static __noinline u64 access_apic(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	u32 offset = address & ~PAGE_MASK;

	if (HOOK(v->hrsc.armed, op, v->hrsc.id, v->hrsc.id, address, width, value, 0) != HOOK_ALLOW)
		return ~0ull;
	/* Other widths: parts of a register can be read, writes are lost. */
	if (!writes(op))
		return (offset & 15) + width > 4
			       ? 0
			       : vlapic_read(v, offset & ~15u) >> (offset & 3) * 8;
	if (!(offset & 15) && width == 4)
		vlapic_write(v, offset, (u32)value);
	return 0;
}

static bool holds(const struct region_entry *e, u64 address, u32 width)
{
	u64 offset = address - e->base;

	return offset < e->len && offset + width <= e->len;
}

static __noinline u64 access_region(
	struct vcpu *v, const struct region_entry *e, u16 op, u64 address, u32 width, u64 value)
{
	struct hrsc *h = e->hrsc;
	u32 offset = (u32)(address - e->base);

	if (HOOK(h->armed, op, v->hrsc.id, h->id, address, width, value, 0) != HOOK_ALLOW ||
		h->state != HRSC_LIVE)
		return ~0ull;
	if (!writes(op))
		return h->l3->read(h, e->index, offset, width);
	h->l3->write(h, e->index, offset, width, value);
	return 0;
}

/* Nobody's: the VM itself is the one asked. */
static u64 access_absent(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	struct hrsc *h = &v->vm->hrsc;

	(void)HOOK(h->armed, op, v->hrsc.id, h->id, address, width, value, 0);
	return ~0ull;
}

static __noinline u64 access_any(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	const struct region_map *map = space(op) == MMIO ? &v->vm->mmio : &v->vm->ports;
	const struct region_entry *e = region_find(map, address);
	u64 got = 0;

	if (!e || e->base >= address + width)
		return access_absent(v, op, address, width, value);
	if (holds(e, address, width)) {
		v->last_region[space(op)] = e;
		return access_region(v, e, op, address, width, value);
	}
	/* Across the border of a region: as the bus would, byte by byte. */
	for (u32 i = 0; i < width; i++) {
		u64 byte = access_any(v, op, address + i, 1, value >> 8 * i & 0xff);

		got |= (byte & 0xff) << 8 * i;
	}
	return got;
}

/* Where the last access went, if it holds this one too: else NULL. */
static __always_inline const struct region_entry *last_region(
	const struct vcpu *v, u16 op, u64 address, u32 width)
{
	const struct region_entry *e = v->last_region[space(op)];

	return likely(e && holds(e, address, width)) ? e : NULL;
}

/* Neither watched nor out of service: nothing stands between it and its guest. */
static __always_inline bool is_open(const struct hrsc *h, u16 op)
{
	return likely(!(h->armed & HOOK_BIT(op)) && h->state == HRSC_LIVE);
}

static __always_inline u64 read(struct vcpu *v, u16 op, u64 address, u32 width)
{
	const struct region_entry *e = last_region(v, op, address, width);

	if (unlikely(!e))
		return access_any(v, op, address, width, 0);
	if (is_open(e->hrsc, op))
		return e->hrsc->l3->read(e->hrsc, e->index, (u32)(address - e->base), width);
	return access_region(v, e, op, address, width, 0);
}

static __always_inline void write(struct vcpu *v, u16 op, u64 address, u32 width, u64 value)
{
	const struct region_entry *e = last_region(v, op, address, width);

	if (unlikely(!e))
		access_any(v, op, address, width, value);
	else if (is_open(e->hrsc, op))
		e->hrsc->l3->write(e->hrsc, e->index, (u32)(address - e->base), width, value);
	else
		access_region(v, e, op, address, width, value);
}

u64 l3_port_read(struct vcpu *v, u16 port, u32 width)
{
	return read(v, HOOK_L3_PORT_READ, port, width);
}

void l3_port_write(struct vcpu *v, u16 port, u32 width, u64 value)
{
	write(v, HOOK_L3_PORT_WRITE, port, width, value);
}

u64 l3_mmio_read(struct vcpu *v, u64 address, u32 width)
{
	if (!is_apic(v, address))
		return read(v, HOOK_L3_MMIO_READ, address, width);
	if (likely(is_apic_plain(v, HOOK_L3_MMIO_READ, address, width)))
		return vlapic_read(v, address & ~PAGE_MASK);
	return access_apic(v, HOOK_L3_MMIO_READ, address, width, 0);
}

void l3_mmio_write(struct vcpu *v, u64 address, u32 width, u64 value)
{
	if (!is_apic(v, address))
		write(v, HOOK_L3_MMIO_WRITE, address, width, value);
	else if (likely(is_apic_plain(v, HOOK_L3_MMIO_WRITE, address, width)))
		vlapic_write(v, address & ~PAGE_MASK, (u32)value);
	else
		access_apic(v, HOOK_L3_MMIO_WRITE, address, width, value);
}
