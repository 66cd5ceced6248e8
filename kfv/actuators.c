/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The actuators on the real machine: the core's own functions, and the sealed copies that the back
 * end keeps of its control structures.
 */
#include "kfv/actuators.h"

#include "core/l2/net.h"
#include "core/l2/placement.h"
#include "core/l2/sched.h"
#include "core/l2/snapshot.h"
#include "core/l2/vm.h"
#include "kfv/mediation.h"

static struct vm *find(u16 id)
{
	return id && id <= VM_MAX ? vms[id] : NULL;
}

const char *act_vm_name(u16 id)
{
	const struct vm *vm = find(id);

	return vm ? vm->name : id ? "?" : "host";
}

bool act_vm_running(u16 id)
{
	const struct vm *vm = find(id);

	return vm && vm->state == VM_RUNNING;
}

int act_throttle(u16 id, u16 subject, u64 until_ns)
{
	struct vm *vm = find(id);
	const struct hrsc *h = hrsc_get(subject);
	bool one = h && h->kind == HRSC_VCPU && h->vm_id == id;

	if (!vm)
		return -ENOENT;
	for (u32 i = 0; i < vm->nvcpus; i++) {
		if (!one || &vm->vcpu[i]->hrsc == h)
			sched_throttle(vm->vcpu[i], until_ns);
	}
	return 0;
}

/* A horizontal orchestrator has the vCPU that runs here, and no more; the vertical one LOCK_LIFE.
 */
static bool at_hand(const struct vcpu *v)
{
	return lock_mine(&kfv_lock) ? v == vcpu_current() : vcpu_at_hand(v);
}

int act_restore(u16 id)
{
	struct vm *vm = find(id);

	if (!vm)
		return -ENOENT;
	for (u32 i = 0; i < vm->nvcpus; i++) {
		if (at_hand(vm->vcpu[i]))
			hv->restore(&vm->vcpu[i]->hv);
		hv->vcpu_release(&vm->vcpu[i]->hv);
	}
	return act_intact(id) ? 0 : -EIO;
}

bool act_intact(u16 id)
{
	struct vm *vm = find(id);

	for (u32 i = 0; vm && i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpu[i];
		bool intact = !at_hand(v) || !hv->verify(&v->hv);

		hv->vcpu_release(&v->hv);
		if (!intact)
			return false;
	}
	return vm != NULL;
}

static void measure(struct sha256 *s, const struct hv_vcpu *v)
{
	sha256_update(s, v->control, PAGE_SIZE);
	sha256_update(s, v->gpr, sizeof(v->gpr));
	sha256_update(s, &v->rip, sizeof(v->rip));
	sha256_update(s, &v->rflags, sizeof(v->rflags));
	for (u32 reg = 0; reg < HV_REGS; reg++) {
		u64 value = hv->reg_read(v, reg);

		sha256_update(s, &value, sizeof(value));
	}
}

int act_measure(u16 id, u8 digest[SHA256_SIZE])
{
	struct vm *vm = find(id);
	struct sha256 s;

	if (!vm)
		return -ENOENT;
	sha256_init(&s);
	for (u32 i = 0; i < vm->nvcpus; i++)
		if (at_hand(vm->vcpu[i])) {
			measure(&s, &vm->vcpu[i]->hv);
			hv->vcpu_release(&vm->vcpu[i]->hv);
		}
	sha256_final(&s, digest);
	return 0;
}

int act_keep(u16 id)
{
	struct vm *vm = find(id);

	return !vm ? -ENOENT : vm->snapshot ? 0 : vm_snapshot(vm);
}

int act_microreboot(u16 id, u16 subject)
{
	struct hrsc *h = hrsc_get(subject);

	return h && h->kind == HRSC_DRIVER && h->vm_id == id ? driver_revive(h) : -ENOENT;
}

int act_isolate(u16 id, u16 subject)
{
	struct hrsc *h = hrsc_get(subject);

	return h && h->vm_id == id ? net_isolate(h, true) : -ENOENT;
}

void act_own_ports(const struct policy_table *t)
{
	for (u16 id = 1; id < HRSC_MAX; id++)
		if (hrsc_get(id))
			net_own(hrsc_get(id), policy_port_find(t, hrsc_get(id)->name));
}

int act_pause(u16 id)
{
	if (!find(id))
		return -ENOENT;
	vm_pause(find(id));
	sched_quiesce(find(id));
	return 0;
}

int act_resume(u16 id)
{
	if (!find(id))
		return -ENOENT;
	vm_resume(find(id));
	return 0;
}

int act_kill(u16 id)
{
	if (!find(id))
		return -ENOENT;
	vm_end(find(id), END_KILLED, 0);
	return 0;
}

int act_restart(u16 id)
{
	struct vm *vm = find(id);

	return vm ? vm_restart(vm) : -ENOENT;
}

int act_safe_state(void)
{
	sched_freeze();
	return 0;
}

void act_call_orchestrator(u16 id)
{
	struct vm *vm = find(id);

	for (u32 i = 0; vm && i < vm->nvcpus; i++)
		vcpu_come_out(vm->vcpu[i], HAZARD_ORCHESTRATE);
}
