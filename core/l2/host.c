/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical drivers: their ports. */
#include "core/l2/host.h"

#include "core/l2/gate.h"
#include "core/l2/sched.h"

struct vm host_vm = { .lock = LOCK_INIT(LOCK_DEVICE), .state = VM_RUNNING, .name = "host" };

int host_seat(struct device *d, const struct hrsc *before, struct hrsc *now)
{
	int port = 0;

	lock_take(&host_vm.lock);
	while (port < BUS_PORTS && d->port[port] != before)
		port++;
	if (port < BUS_PORTS)
		d->port[port] = now;
	lock_give(&host_vm.lock);
	return port < BUS_PORTS ? port : -ENOSPC;
}

u64 host_call(struct device *d, struct hrsc *from, u32 port, u32 fn, u64 a, u64 b)
{
	u64 answer;

	lock_take(&host_vm.lock);
	answer = l2_gate_call(from, d->driver, port << BUS_PORT_SHIFT | fn, a, b);
	lock_give(&host_vm.lock);
	return answer;
}

void host_wake(struct hrsc *to)
{
	const struct vm *vm = to ? to->owner : NULL;

	if (!vm)
		return;
	__atomic_store_n(&to->deadline_ns, 1, __ATOMIC_RELEASE);
	vcpu_hazard(vm->vcpu[0], HAZARD_TIMER);
	vcpu_kick(vm->vcpu[0]);
}
