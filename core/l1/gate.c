/* SPDX-License-Identifier: BSD-2-Clause */
/* The L1 gate: hardware on one side, hRSCs on the other. */
#include "core/l1/gate.h"

#include "arch/x86/apic.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "core/l1/device.h"
#include "core/l1/log.h"
#include "kfv/hook.h"

static struct hrsc *line_owner[L1_LINES]; /* (c) after boot */

void l1_gate_irq(struct hrsc *h, u32 line)
{
	if (HOOK(h->armed, HOOK_L1_IRQ, host_hrsc.id, h->id, line, 0, 0, 0) == HOOK_ALLOW &&
		h->l1 && h->l1->irq)
		h->l1->irq(h, line);
}

void l1_gate_timer(struct hrsc *h)
{
	u64 deadline = h->deadline_ns;

	h->deadline_ns = 0;
	if (HOOK(h->armed, HOOK_L1_TIMER, host_hrsc.id, h->id, deadline, 0, 0, 0) == HOOK_ALLOW &&
		h->l1 && h->l1->timer)
		h->l1->timer(h);
}

void l1_gate_timer_arm(struct hrsc *h, u64 deadline_ns)
{
	if (HOOK(h->armed, HOOK_L1_TIMER_ARM, h->id, host_hrsc.id, deadline_ns, 0, 0, 0) ==
		HOOK_ALLOW)
		h->deadline_ns = deadline_ns;
}

void l1_gate_fault(u64 vector, u64 error, u64 rip, u64 address)
{
	(void)HOOK(host_hrsc.armed, HOOK_L1_FAULT, host_hrsc.id, host_hrsc.id, vector, error, rip,
		address);
}

void l1_gate_driver_fault(struct hrsc *h, u64 cause, u64 error, u64 rip, u64 address)
{
	(void)HOOK(h->armed, HOOK_L1_FAULT, h->id, host_hrsc.id, cause, error, rip, address);
}

u32 l1_gate_read(struct hrsc *h, u16 port, u8 width)
{
	if (HOOK(h->armed, HOOK_L1_REG_READ, h->id, host_hrsc.id, port, width, 0, 0) != HOOK_ALLOW)
		return ~0u;
	return width == 1 ? in8(port) : width == 2 ? in16(port) : in32(port);
}

void l1_gate_write(struct hrsc *h, u16 port, u8 width, u32 value)
{
	if (HOOK(h->armed, HOOK_L1_REG_WRITE, h->id, host_hrsc.id, port, width, value, 0) !=
		HOOK_ALLOW)
		return;
	if (width == 1)
		out8(port, (u8)value);
	else if (width == 2)
		out16(port, (u16)value);
	else
		out32(port, value);
}

#define ACCESS(type, p, value)                                                                     \
	((value) ? *(volatile type *)(p) = (type) * (value) : *(volatile type *)(p))

u64 l1_gate_reg(struct hrsc *h, const struct device_range *r, u32 at, u32 width, const u64 *value)
{
	u64 address = r->base + at;
	u8 *p = r->mapped;

	if (!p && value)
		l1_gate_write(h, (u16)address, (u8)width, (u32)*value);
	if (!p)
		return value ? 0 : l1_gate_read(h, (u16)address, (u8)width);
	if (HOOK(h->armed, value ? HOOK_L1_REG_WRITE : HOOK_L1_REG_READ, h->id, host_hrsc.id,
		    address, width, value ? *value : 0, 0) != HOOK_ALLOW)
		return ~0ull;
	p += at;
	return width == 1   ? ACCESS(u8, p, value)
	       : width == 2 ? ACCESS(u16, p, value)
	       : width == 4 ? ACCESS(u32, p, value)
			    : ACCESS(u64, p, value);
}

void l1_gate_block(struct hrsc *h, u16 port, bool out, void *data, u64 count)
{
	u16 op = out ? HOOK_L1_REG_WRITE : HOOK_L1_REG_READ;

	if (HOOK(h->armed, op, h->id, host_hrsc.id, port, 2, 0, count) != HOOK_ALLOW)
		return;
	if (out)
		asm volatile("rep outsw" : "+S"(data), "+c"(count) : "d"(port) : "memory");
	else
		asm volatile("rep insw" : "+D"(data), "+c"(count) : "d"(port) : "memory");
}

void l1_gate_table_write(u64 *entry, u64 value)
{
	if (HOOK(host_hrsc.armed, HOOK_L1_TABLE_WRITE, host_hrsc.id, host_hrsc.id, (u64)entry,
		    *entry, value, 0) == HOOK_ALLOW)
		table_store(entry, value);
}

static void line_fired(u8 vector)
{
	u32 line = vector - L1_LINE_VECTOR(0);

	l1_gate_irq(line_owner[line], line);
	apic_eoi();
}

int l1_irq_attach(u32 line, struct hrsc *h)
{
	u8 vector = (u8)L1_LINE_VECTOR(line);

	CHECK(line < L1_LINES);
	line_owner[line] = h;
	trap_set_handler(vector, line_fired);
	return line < ISA_LINES ? ioapic_route_isa((u8)line, vector) : 0;
}
