/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The shape of a VM never changes, so its state is one row of bytes of fixed length, which is
 * written and read by the same functions; it lies behind the copy of RAM, in a block that no page
 * table maps. Nothing of it can fail once the blocks are there.
 */
#include "core/l2/snapshot.h"

#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/bus.h"
#include "core/l2/console.h"
#include "core/l2/gate.h"
#include "core/l2/memory.h"
#include "core/l2/placement.h"
#include "core/l2/sched.h"
#include "core/l2/vcpu.h"
#include "kfv/hook.h"

struct row {
	hpa_t block;
	u64 at;
	bool saving;
	u64 ns, ticks; /* saving: now; restoring: what has passed since */
};

static void pass(struct row *r, void *p, u64 len)
{
	u64 n;

	CHECK(r->at + len <= BLOCK_SIZE);
	for (u64 done = 0; done < len; done += n, r->at += n) {
		hpa_t there = HPA(r->block.v + r->at);

		n = MIN(len - done, PAGE_SIZE - (r->at & ~PAGE_MASK));
		if (r->saving)
			window_write(there, (u8 *)p + done, (u32)n);
		else
			window_read(there, (u8 *)p + done, (u32)n);
	}
}

#define PASS(r, field) pass(r, &(field), sizeof(field))

static void pass_now(struct row *r)
{
	u64 ns = r->ns = time_now_ns(), ticks = r->ticks = rdtsc();

	PASS(r, r->ns);
	PASS(r, r->ticks);
	if (r->saving)
		return;
	r->ns = ns - r->ns;
	r->ticks = ticks - r->ticks;
}

static void pass_deadline(struct row *r, u64 *deadline_ns)
{
	PASS(r, *deadline_ns);
	if (!r->saving && *deadline_ns)
		*deadline_ns += r->ns;
}

static void pass_registers(struct row *r, struct hv_vcpu *v)
{
	for (u32 reg = 0; reg < HV_REGS; reg++) {
		u64 value = r->saving ? hv->reg_read(v, reg) : 0;

		PASS(r, value);
		if (!r->saving)
			hv->reg_write(v, reg, reg == REG_TSC_OFFSET ? value - r->ticks : value);
	}
	for (u32 i = 0; i < HV_SEGMENTS; i++) {
		struct segment segment = { 0 };

		if (r->saving)
			hv->segment_read(v, i, &segment);
		PASS(r, segment);
		if (!r->saving)
			hv->segment_write(v, i, &segment);
	}
	pass(r, v->gpr, offsetof(struct hv_vcpu, stepping) + sizeof(v->stepping));
}

/* What was asked of the CPU because of its state is asked anew. */
static void look_again(struct vcpu *v)
{
	hv->window(&v->hv, false);
	vcpu_hazard(v, HAZARD_EVENT | HAZARD_TIMER);
	if (v->init_pending || v->start_pending)
		vcpu_hazard(v, HAZARD_INIT);
}

static void pass_vcpu(struct row *r, struct vcpu *v)
{
	if (!r->saving)
		vcpu_reset(v);
	pass_registers(r, &v->hv);
	pass(r, &v->halted, offsetof(struct vcpu, run_ns) - offsetof(struct vcpu, halted));
	pass_deadline(r, &v->apic.timer_deadline_ns);
	pass(r, v->fpu, fpu_pages() * PAGE_SIZE);
	if (!r->saving)
		look_again(v);
	hv->vcpu_release(&v->hv);
}

/* Everything but RAM. */
static void pass_machine(struct vm *vm, bool saving)
{
	struct row r = { .block = vm->snapshot[vm->nblocks], .saving = saving };

	lock_take(&vm->lock);
	pass_now(&r);
	PASS(&r, vm->pic_intr);
	PASS(&r, vm->tsc_moves);
	PASS(&r, vm->clock_behind_ns);
	if (!saving)
		vm->clock_behind_ns += r.ns;
	for (u32 i = 0; i < vm->ndrivers; i++) {
		pass(&r, vm->driver[i]->data, vm->driver[i]->driver->state_size);
		pass_deadline(&r, &vm->driver[i]->deadline_ns);
		driver_keep(vm->driver[i]);
	}
	for (u32 i = 0; i < vm->nvcpus; i++)
		pass_vcpu(&r, vm->vcpu[i]);
	if (!saving) /* it may have waited for room that there is by now */
		console_tell_room(vm);
	lock_give(&vm->lock);
}

static void copy_ram(const hpa_t *to, const hpa_t *from, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		smp_poll();
		hook_busy();
		for (u64 at = 0; at < BLOCK_SIZE; at += PAGE_SIZE)
			window_copy(HPA(to[i].v + at), HPA(from[i].v + at), PAGE_SIZE);
	}
}

static u32 list_pages(const struct vm *vm)
{
	return PAGES_FOR((vm->nblocks + 1) * sizeof(hpa_t));
}

static void give(struct vm *vm, u32 nblocks)
{
	while (nblocks)
		block_give(vm->snapshot[--nblocks]);
	pages_free(vm->snapshot, list_pages(vm));
	vm->snapshot = NULL;
}

static int reserve(struct vm *vm)
{
	struct frame_stats s;
	u32 n = 0;

	frame_stats(&s);
	vm->snapshot = pages_alloc(list_pages(vm), FRAME_DATA);
	while (vm->snapshot && n <= vm->nblocks &&
		block_alloc(OWNER_SNAPSHOT(vm->id), &vm->snapshot[n]) == 0)
		n++;
	if (n > vm->nblocks)
		return 0;
	if (vm->snapshot)
		give(vm, n);
	log_error("vm %s: a snapshot needs %lu MiB, %lu MiB are free", vm->name,
		(vm->nblocks + 1) * BLOCK_SIZE >> 20, s.free >> 20);
	return -ENOMEM;
}

int vm_snapshot(struct vm *vm)
{
	bool running = vm->state == VM_RUNNING;
	int err = 0;

	if (running)
		vm_pause(vm);
	if (vm->state != VM_PAUSED)
		return -EINVAL;
	sched_quiesce(vm);
	if (vm->state != VM_PAUSED) /* it ended in its last turn */
		return -EINVAL;
	if (!vm->snapshot)
		err = reserve(vm);
	if (!err) {
		pass_machine(vm, true); /* first: copying takes time */
		copy_ram(vm->snapshot, vm->blocks, vm->nblocks);
	}
	if (running)
		vm_resume(vm);
	return err;
}

int vm_restore(struct vm *vm)
{
	bool paused = vm->state == VM_PAUSED;

	if (!vm->snapshot)
		return -ENOENT;
	vm_pause(vm);
	sched_quiesce(vm);
	bus_renew_vm(vm); /* nothing comes until it runs again */
	copy_ram(vm->blocks, vm->snapshot, vm->nblocks);
	pass_machine(vm, false);
	vm->ended = END_NONE;
	vm->scrubbed = 0;
	sched_set_state(vm, VM_PAUSED);
	if (!paused)
		vm_resume(vm);
	return 0;
}

void snapshot_drop(struct vm *vm)
{
	if (vm->snapshot)
		give(vm, vm->nblocks + 1);
}
