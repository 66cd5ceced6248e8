/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What drivers may call (drivers/api/driver.h), through the gates of the three layers. The CPU
 * remembers which driver it is inside, so that a driver never names itself: each call acts for that
 * driver and for its VM alone, and for no more than its descriptor grants it. Arguments come from
 * ring 3 as they are, in whole registers.
 */
#include "core/driver_calls.h"

#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "core/l1/device.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/bus.h"
#include "core/l2/console.h"
#include "core/l2/disk.h"
#include "core/l2/gate.h"
#include "core/l2/host.h"
#include "core/l2/lines.h"
#include "core/l2/net.h"
#include "core/l2/placement.h"
#include "core/l2/sched.h"
#include "core/l3/gate.h"
#include "drivers/api/driver.h"

static struct hrsc *running(void)
{
	struct hrsc *h = this_cpu(running);

	CHECK(h);
	return h;
}

/* The driver that calls may not have what it asked for: all ones, and the end of a confined one. */
static __noinline u64 refuse(u64 what)
{
	if (running()->compartment)
		compartment_abort(CAUSE_GRANT, what, compartment_caller(), 0);
	return ~0ull;
}

/* The driver that calls, or NULL where it has no such grant. */
static __always_inline struct hrsc *granted(u64 grant)
{
	struct hrsc *h = running();

	if (likely(h->grants & grant))
		return h;
	refuse(grant);
	return NULL;
}

u64 call_l1_now_ns(void)
{
	const struct vm *vm = running()->owner;

	return time_now_ns() - (vm ? vm->clock_behind_ns : 0);
}

u64 call_l1_timer_arm(u64 deadline_ns)
{
	struct hrsc *h = granted(GRANT_TIMER);
	struct vm *vm = h ? h->owner : NULL;

	if (!h)
		return 0;
	l1_gate_timer_arm(h, deadline_ns ? deadline_ns + vm->clock_behind_ns : 0);
	vm->timer_cpu = this_cpu(id);
	sched_timers_changed();
	return 0;
}

/* What `len` bytes at an address of the driver's are to the nucleus: its own data or stack alone.
 */
static void *buffer(const struct hrsc *h, void *at, u32 len)
{
	void *seen = h->compartment ? compartment_buffer(h->compartment, (u64)at, len) : at;

	if (!seen)
		compartment_abort(CAUSE_POINTER, len, compartment_caller(), (u64)at);
	return seen;
}

u64 call_l1_random(u64 *out)
{
	const struct hrsc *h = granted(GRANT_RANDOM);

	return h && cpu_random(buffer(h, out, sizeof(*out)));
}

static u64 access(u32 reg, u32 width, const u64 *value)
{
	struct hrsc *h = running();
	const struct device_range *r = device_range(h, reg, width);

	return r ? l1_gate_reg(h, r, DEVICE_AT(reg), width, value) : refuse(reg);
}

u64 call_l1_reg_read(u64 reg, u64 width)
{
	return access((u32)reg, (u32)width, NULL);
}

u64 call_l1_reg_write(u64 reg, u64 width, u64 value)
{
	return access((u32)reg, (u32)width, &value);
}

u64 call_l1_reg_block(u64 reg, u64 out, void *data, u64 count)
{
	struct hrsc *h = running();
	const struct device_range *r = device_range(h, (u32)reg, 2);

	count = (u32)count;
	if (!r || r->mapped || count > PAGE_SIZE / 2)
		return refuse((u32)reg);
	data = buffer(h, data, (u32)count * 2);
	l1_gate_block(h, (u16)(r->base + DEVICE_AT((u32)reg)), (u8)out, data, count);
	return 0;
}

u64 call_l1_bus_master(u64 on)
{
	struct hrsc *h = granted(GRANT_DMA);

	if (h)
		device_master(h, (u8)on);
	return 0;
}

/* The driver that calls, if it may speak to that peer, which is *to then. */
static struct hrsc *granted_peer(u64 peer, struct hrsc **to)
{
	bool port = peer - PEER_PORT < BUS_PORTS;
	struct hrsc *h = granted(peer < PEER_COUNT ? GRANT_PEER(peer) : port ? GRANT_WAKE : 0);
	struct vm *vm = h ? h->owner : NULL;

	if (port)
		*to = net_port(h, (u32)(peer - PEER_PORT));
	else if (peer == PEER_SWITCH)
		*to = h ? h->net : NULL;
	else if (peer == PEER_CONSOLE)
		*to = &console_hrsc;
	else
		*to = !vm ? NULL : peer == PEER_VM ? &vm->hrsc : vm->peer[peer];
	return h;
}

u64 call_l2_call(u64 peer, u64 fn, u64 a, u64 b)
{
	struct hrsc *to, *h = granted_peer(peer, &to);

	if (!h || peer >= PEER_PORT)
		return BUS_NO_PEER;
	if (peer == PEER_SWITCH)
		return net_call(h, (u32)fn, a, b);
	if (peer == PEER_DISK)
		return disk_call(h, (u32)fn, a, (u32)b);
	return l2_gate_call(h, to, (u32)fn, a, peer == PEER_CONSOLE ? h->vm_id : b);
}

s64 call_l2_send(u64 peer, u64 fn, u64 a, u64 b)
{
	struct hrsc *to, *h = granted_peer(peer, &to);

	return h ? bus_send(h, to, (u32)fn, a, b) : -EPERM;
}

u64 call_l2_receive(struct bus_message *out)
{
	struct hrsc *h = running();

	return bus_receive(h, buffer(h, out, sizeof(*out)));
}

s64 call_l2_grant(u64 peer, struct bus_piece *piece, u64 n, u64 rights)
{
	struct hrsc *to, *h = granted_peer(peer, &to);
	bool own = rights & BUS_OWN, allowed = h && (own || granted(GRANT_MEMORY));
	struct bus_piece p[BUS_PIECES_MOST];

	if (!allowed || !n || n > BUS_PIECES_MOST)
		return allowed ? -ENOSPC : -EPERM;
	piece = buffer(h, piece, (u32)(n * sizeof(*p)));
	for (u32 i = 0; own && i < n; i++) {
		p[i] = piece[i];
		p[i].at = (u64)buffer(h, (void *)p[i].at, p[i].len);
	}
	return bus_grant(h, to, own ? NULL : h->owner, own ? p : piece, (u32)n, (u32)rights);
}

s64 call_l2_revoke(u64 handle)
{
	return bus_revoke(running(), handle);
}

s64 call_l2_copy(u64 to, u64 from, void *own, u64 lengths)
{
	struct hrsc *h = running();

	return bus_copy(h, to, from, buffer(h, own, BUS_LENGTHS_OWN(lengths)), lengths);
}

u64 call_l2_wake(u64 port)
{
	const struct hrsc *h = granted(GRANT_WAKE);

	if (h && h->device && port < BUS_PORTS)
		host_wake(h->device->port[port]);
	return 0;
}

s64 call_l2_disk(u64 op, u64 at, u64 gpa, u64 len)
{
	struct hrsc *h = granted(GRANT_DISK);
	struct vm *vm = h ? h->owner : NULL;

	if (!h || op > DISK_TO_WINDOW || !l2_gate_disk(h, (u32)op, at, gpa, (u32)len))
		return -EPERM;
	return disk_move(vm, &vm->disk[h->slot], (enum disk_op)op, at, GPA(gpa), (u32)len);
}

s64 call_l3_memory_read(u64 gpa, void *to, u64 len)
{
	struct hrsc *h = granted(GRANT_MEMORY);

	if (!h || !l3_gate_memory(h, gpa, (u32)len, false))
		return -EFAULT;
	return vm_read(h->owner, GPA(gpa), buffer(h, to, (u32)len), (u32)len);
}

s64 call_l3_memory_write(u64 gpa, void *from, u64 len)
{
	struct hrsc *h = granted(GRANT_MEMORY);

	if (!h || !l3_gate_memory(h, gpa, (u32)len, true))
		return -EFAULT;
	return vm_write(h->owner, GPA(gpa), buffer(h, from, (u32)len), (u32)len);
}

s64 call_l3_memory_publish(u64 gpa, void *from, u64 len)
{
	driver_commit(running());
	return call_l3_memory_write(gpa, from, len);
}

u64 call_l3_raise_irq(u64 gsi, u64 level)
{
	struct hrsc *h = granted(gsi < GRANT_LINES ? GRANT_LINE(gsi) : 0);

	level = (u8)level != 0;
	if (h && l3_gate_irq(h, (u32)gsi, level))
		line_set(h, (u32)gsi, level);
	return 0;
}

u64 call_l3_msi(u64 address, u64 data)
{
	struct hrsc *h = granted(GRANT_MSI);

	if (h)
		vlapic_message(h->owner, address, (u32)data);
	return 0;
}

u64 call_l3_intr(u64 level)
{
	struct hrsc *h = granted(GRANT_INTR);
	struct vm *vm = h ? h->owner : NULL;

	if (!h)
		return 0;
	vm->pic_intr = (u8)level != 0;
	if (vm->pic_intr && vm->nvcpus)
		vcpu_kick(vm->vcpu[0]);
	return 0;
}

/* For compartment_gate; what a call has no parameter for is not looked at. */
#define X(name) (const void *)call_##name,
const void *const driver_calls[] = { NULL, DRIVER_CALLS(X) };
#undef X
const u32 driver_call_count = ARRAY_LEN(driver_calls);
