/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's life: created whole from a checked configuration or not at all, started, paused, ended,
 * restarted, destroyed. Every step passes the L2 gate.
 */
#include "core/l2/vm.h"

#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l2/bus.h"
#include "core/l2/console.h"
#include "core/l2/disk.h"
#include "core/l2/memory.h"
#include "core/l2/modules.h"
#include "core/l2/placement.h"
#include "core/l2/sched.h"
#include "core/l2/snapshot.h"
#include "core/l2/vcpu.h"
#include "drivers/api/config.h"
#include "drivers/api/load.h"
#include "core/lib/string.h"
#include "core/lib/text.h"
#include "kfv/hook.h"

#define SCRUB_PIECE 8 /* blocks: some milliseconds */

struct vm *vms[VM_MAX + 1]; /* (o) */
struct lock life_lock = LOCK_INIT(LOCK_LIFE);

struct vm *vm_find(const char *name)
{
	for (u32 id = 1; id <= VM_MAX; id++) {
		if (vms[id] && !strcmp(vms[id]->name, name))
			return vms[id];
	}
	return NULL;
}

static int memory_write(void *ctx, gpa_t gpa, const void *from, u64 len)
{
	return vm_write(ctx, gpa, from, len);
}

static int memory_zero(void *ctx, gpa_t gpa, u64 len)
{
	return vm_zero(ctx, gpa, len);
}

static int load(struct vm *vm)
{
	const struct config_vm *c = vm->config;
	struct guest_memory memory = {
		.ctx = vm,
		.size = MIN(vm->memory_bytes, VM_RAM_BELOW_4G),
		.high = vm->memory_bytes > VM_RAM_BELOW_4G ? vm->memory_bytes - VM_RAM_BELOW_4G : 0,
		.write = memory_write,
		.zero = memory_zero,
	};
	struct boot_state boot = { 0 };
	struct load_error why = { "" };
	int err = load_guest(&memory, c, module_find, &boot, &why);

	disks_fill(vm, DISK_COW);
	if (err)
		log_error(
			"vm %s (line %u): not loaded: %s (%d)", c->name, c->line, why.message, err);
	else
		vcpu_set_boot_state(vm->vcpu[0], &boot);
	return err;
}

static int find_disks(struct vm *vm)
{
	struct load_error why = { "" };
	int err;

	vm->all_blocks = (u32)(vm->memory_bytes / BLOCK_SIZE);
	err = load_disks(vm->config, module_find, vm->disk, &vm->all_blocks, &why);
	for (u32 id = 1; !err && id <= VM_MAX; id++)
		err = vms[id] ? load_beside(vm->config, vms[id]->config, &why) : 0;
	if (err)
		log_error("vm %s: %s", vm->name, why.message);
	return err;
}

static int place_drivers(struct vm *vm)
{
	u32 confined = vm->config->confined;
	int err = 0;

	for (u32 i = 0; !err && i < DEVICE_COUNT; i++) {
		const struct driver *d;

		if (!(vm->config->devices & BIT(i)))
			continue;
		d = driver_find(config_device_names[i]);
		CHECK(d); /* the grammar knows only devices that exist */
		err = driver_place(vm, d, 0, confined & BIT(i));
	}
	for (u32 i = 0; !err && i < vm->config->nfunctions; i++)
		err = driver_place(vm,
			driver_find(config_function_names[vm->config->functions[i].kind]), i + 1,
			confined & BIT(CONFINED_VIRTIO));
	return err;
}

/* The VM's own side of the bus: power. */
static u64 vm_bus_call(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	struct vm *vm = h->owner;

	if (fn != BUS_POWER)
		return BUS_NO_PEER;
	if (a == POWER_OFF)
		vm_end(vm, END_POWER_OFF, 0);
	else if (a == POWER_REBOOT)
		vm_end(vm, END_REBOOT, 0);
	else if (a == POWER_DEBUG_EXIT)
		vm_end(vm, END_DEBUG_EXIT, b);
	return 0;
}

static const struct l2_if vm_bus = { .call = vm_bus_call };

static int build(struct vm *vm)
{
	int err = hrsc_add(&vm->hrsc, HRSC_VM, vm->id, vm->name);

	if (!err)
		err = find_disks(vm);
	if (!err)
		err = vm_memory_create(vm);
	for (u32 i = 0; !err && i < vm->config->vcpus; i++)
		err = vcpu_create(vm, i);
	if (!err)
		err = place_drivers(vm);
	if (!err)
		disks_fill(vm, DISK_RW);
	if (!err)
		err = load(vm);
	return err;
}

#define VM_ROOM ALIGN_UP(sizeof(struct vm), PAGE_SIZE)

void *vm_room_take(struct vm *vm, u64 bytes)
{
	u64 begin = vm && vm->room ? ALIGN_UP(vm->room, 16) : VM_ROOM;

	if (bytes > VM_ROOM - begin)
		return pages_alloc(PAGES_FOR(bytes), FRAME_DATA);
	vm->room = (u32)(begin + bytes);
	return (u8 *)vm + begin;
}

void vm_room_give(struct vm *vm, void *room, u64 bytes)
{
	if (room && (!vm || (u64)room - (u64)vm >= VM_ROOM))
		pages_free(room, PAGES_FOR(bytes));
}

static u16 free_id(void)
{
	for (u16 id = 1; id <= VM_MAX; id++) {
		if (!vms[id])
			return id;
	}
	return 0;
}

static void start_drivers(struct vm *vm)
{
	for (u32 i = 0; i < vm->ndrivers; i++)
		driver_start(vm->driver[i]);
}

static void log_little_memory(const struct config_vm *c)
{
	struct frame_stats s;

	frame_stats(&s);
	log_error("vm %s (line %u): not enough memory: needs %lu MiB, %lu MiB are free", c->name,
		c->line, c->memory_bytes >> 20, s.free >> 20);
}

int vm_create(const struct config_vm *config, struct vm **out)
{
	bool runs = config->cpus << (CPU_MAX - cpu_count);
	u16 id = runs ? free_id() : 0;
	struct vm *vm = id ? pages_alloc(PAGES_FOR(sizeof(*vm)), FRAME_DATA) : NULL;
	int err;

	if (!runs) {
		log_error("vm %s (line %u): may run on none of the %u CPUs that there are",
			config->name, config->line, cpu_count);
		return -EINVAL;
	}
	if (!vm) {
		log_error("vm %s (line %u): no room for another VM", config->name, config->line);
		return -ENOMEM;
	}
	vm->id = id;
	vm->room = sizeof(*vm);
	vm->own = *config;
	vm->config = &vm->own;
	vm->memory_bytes = config->memory_bytes;
	vm->lock.rank = LOCK_VM;
	vm->weight = config->weight;
	vm->cap = config->cap;
	vm->cpus = config->cpus;
	vm->hrsc.owner = vm;
	vm->hrsc.l2 = &vm_bus;
	(void)text_copy(vm->name, sizeof(vm->name), config->name);
	vms[id] = vm;
	err = build(vm);
	if (err) {
		vm_destroy(vm);
		if (err == -ENOMEM)
			log_little_memory(config);
		return err;
	}
	console_vm_new(id);
	start_drivers(vm);
	hook_vm_created(&vm->hrsc);
	sched_set_state(vm, VM_READY);
	*out = vm;
	return 0;
}

void vm_destroy(struct vm *vm)
{
	sched_set_state(vm, VM_EMPTY);
	sched_quiesce(vm);
	vms[vm->id] = NULL;
	smp_wait_quiet();
	for (u32 i = 0; i < vm->ndrivers; i++)
		driver_remove(vm->driver[i]);
	for (u32 i = 0; i < vm->nvcpus; i++)
		vcpu_destroy(vm->vcpu[i]);
	snapshot_drop(vm);
	vm_memory_destroy(vm);
	hrsc_remove(&vm->hrsc);
	pages_free(vm, PAGES_FOR(sizeof(*vm)));
}

void vm_start(struct vm *vm)
{
	if (vm->state == VM_READY)
		sched_set_state(vm, VM_RUNNING);
}

void vm_pause(struct vm *vm)
{
	if (vm->state == VM_RUNNING)
		sched_set_state(vm, VM_PAUSED);
}

void vm_resume(struct vm *vm)
{
	if (vm->state == VM_PAUSED)
		sched_set_state(vm, VM_RUNNING);
}

void vm_end(struct vm *vm, enum vm_end how, u64 value)
{
	u8 not_yet = END_NONE;

	/* Two vCPUs may end it at once. */
	if (!__atomic_compare_exchange_n(
		    &vm->ended, &not_yet, (u8)how, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return;
	vm->end_value = value;
	sched_set_state(vm, VM_STOPPED);
	if (how == END_DEBUG_EXIT)
		log_info("vm %s: debug exit with value %lu", vm->name, value);
	else if (how == END_TRIPLE_FAULT)
		log_warn("vm %s: triple fault at rip %#lx", vm->name, value);
	else
		log_info("vm %s: %s", vm->name, vm_end_name(how));
}

void vm_fail(struct vm *vm, const char *why)
{
	struct vcpu *v = vcpu_current() && vcpu_current()->vm == vm ? vcpu_current() : NULL;

	log_error("vm %s failed: %s", vm->name, why);
	if (v)
		hv->dump(&v->hv);
	vm_end(vm, END_FAILED, v ? v->hv.rip : 0);
}

bool vm_restart_early(struct vm *vm)
{
	sched_quiesce(vm);
	bus_renew_vm(vm);
	return vm_memory_scrub(vm, SCRUB_PIECE);
}

int vm_restart(struct vm *vm)
{
	int err;

	vm_pause(vm);
	sched_quiesce(vm);
	bus_renew_vm(vm);
	(void)vm_memory_scrub(vm, vm->nblocks);
	vm->scrubbed = 0;
	lock_take(&vm->lock); /* a CPU may still be at its timers */
	for (u32 i = 0; i < vm->nvcpus; i++) {
		vm->vcpu[i]->init_pending = false;
		vm->vcpu[i]->start_pending = 0;
		sched_throttle(vm->vcpu[i], 0);
		vcpu_reset(vm->vcpu[i]);
	}
	vm->pic_intr = false;
	vm->clock_behind_ns = 0;
	start_drivers(vm);
	lock_give(&vm->lock);
	vm->ended = END_NONE;
	err = load(vm);
	if (err) {
		vm_end(vm, END_FAILED, 0);
		return err;
	}
	vm->restarts++;
	sched_set_state(vm, VM_RUNNING);
	return 0;
}
