/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What drivers may call (drivers/api/driver.h), placed trusted: plain functions that go through the
 * gates of the three layers. The CPU remembers which driver it is inside, so that a driver never
 * names itself: each call acts for that driver and for its VM alone.
 */
#include "drivers/api/driver.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/console.h"
#include "core/l2/disk.h"
#include "core/l2/gate.h"
#include "core/l2/lines.h"
#include "core/l2/net.h"
#include "core/l2/sched.h"
#include "core/l3/gate.h"

static struct hrsc *running(void)
{
	struct hrsc *h = this_cpu(running);

	CHECK(h);
	return h;
}

u64 l1_now_ns(void)
{
	const struct vm *vm = running()->owner;

	return time_now_ns() - vm->clock_behind_ns;
}

void l1_timer_arm(u64 deadline_ns)
{
	struct vm *vm = running()->owner;

	l1_gate_timer_arm(running(), deadline_ns ? deadline_ns + vm->clock_behind_ns : 0);
	vm->timer_cpu = this_cpu(id);
	sched_timers_changed();
}

bool l1_random(u64 *out)
{
	return cpu_random(out);
}

u64 l2_call(enum bus_peer peer, enum bus_fn fn, u64 a, u64 b)
{
	struct hrsc *h = running();
	struct vm *vm = h->owner;

	if (peer == PEER_CONSOLE)
		return l2_gate_call(h, &console_hrsc, fn, a, vm->id);
	if (peer == PEER_VM)
		return l2_gate_call(h, &vm->hrsc, fn, a, b);
	if (peer == PEER_SWITCH)
		return net_call(h, fn, a, b);
	return peer < PEER_COUNT ? l2_gate_call(h, vm->peer[peer], fn, a, b) : BUS_NO_PEER;
}

void l2_wake(u32 port)
{
	net_wake(running(), port);
}

int l2_disk(enum disk_op op, u64 at, u64 gpa, u32 len)
{
	struct hrsc *h = running();
	struct vm *vm = h->owner;

	if (!l2_gate_disk(h, op, at, gpa, len))
		return -EPERM;
	return disk_move(vm, &vm->disk[h->slot], op, at, GPA(gpa), len);
}

int l3_memory_read(u64 gpa, void *to, u32 len)
{
	struct hrsc *h = running();

	return l3_gate_memory(h, gpa, len, false) ? vm_read(h->owner, GPA(gpa), to, len) : -EFAULT;
}

int l3_memory_write(u64 gpa, const void *from, u32 len)
{
	struct hrsc *h = running();

	return l3_gate_memory(h, gpa, len, true) ? vm_write(h->owner, GPA(gpa), from, len)
						 : -EFAULT;
}

void l3_raise_irq(u32 gsi, bool level)
{
	struct hrsc *h = running();

	if (l3_gate_irq(h, gsi, level))
		line_set(h, gsi, level);
}

void l3_msi(u64 address, u32 data)
{
	struct hrsc *h = running();

	vlapic_message(h->owner, address, data);
}

void l3_intr(bool level)
{
	struct vm *vm = running()->owner;

	vm->pic_intr = level;
	if (level && vm->nvcpus)
		vcpu_kick(vm->vcpu[0]);
}
