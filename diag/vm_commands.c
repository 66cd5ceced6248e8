/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about VMs: vms, vm, mem. Nothing is wider than 80 columns. */
#include "core/l1/command.h"

#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/sched.h"
#include "core/l2/vm.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"

static const char *const state_names[] = {
	[VM_EMPTY] = "empty",
	[VM_READY] = "ready",
	[VM_RUNNING] = "running",
	[VM_PAUSED] = "paused",
	[VM_STOPPED] = "stopped",
};

/* CPU time in hundredths of a second. */
static u64 cpu_time(const struct vm *vm)
{
	u64 ticks = 0;

	for (u32 i = 0; i < vm->nvcpus; i++)
		ticks += vm->vcpu[i]->guest_ticks;
	return ticks / MAX(time_tsc_khz() * 10, 1ul);
}

static void print_vm(const struct vm *vm)
{
	char ended[32];
	u64 cpu = cpu_time(vm);

	fmt_string(ended, sizeof(ended), vm->ended == END_DEBUG_EXIT ? "%s %lu" : "%s",
		vm_end_name(vm->ended), vm->end_value);
	out("%2u %-15.15s %-7s %5u %5luM %9lu.%02lu %8lu  %s\n", vm->id, vm->name,
		state_names[vm->state], vm->nvcpus, vm->memory_bytes >> 20, cpu / 100, cpu % 100,
		vm->beats, ended);
}

static int vms_run(__unused int argc, __unused char **argv)
{
	out("ID NAME            STATE   VCPUS MEMORY   CPU TIME s    BEATS  ENDED BY\n");
	for (u32 id = 1; id <= VM_MAX; id++)
		if (vms[id])
			print_vm(vms[id]);
	return 0;
}

COMMAND(vms, .usage = "vms", .help = "lists the VMs: state, size, time used, heartbeats, end");

static void vm_stop(struct vm *vm)
{
	vm_end(vm, END_KILLED, 0);
}

static void vm_again(struct vm *vm)
{
	if (vm_restart(vm))
		out("%s did not start again: see the log.\n", vm->name);
}

static void vm_dump(struct vm *vm)
{
	for (u32 i = 0; i < vm->nvcpus; i++) {
		struct vcpu *v = vm->vcpu[i];

		out("vCPU %u: %s, rip %016lx, rsp %016lx, rflags %08lx\n", i,
			v->waiting  ? "waits for its start"
			: v->halted ? "halted"
				    : "runs",
			v->hv.rip, v->hv.gpr[RSP], v->hv.rflags);
		if (vcpu_at_hand(v)) {
			hv->dump(&v->hv);
			hv->vcpu_release(&v->hv);
		}
	}
}

#define IN(state) (1u << (state))

static const struct {
	const char *name;
	u32 states; /* in which it makes sense */
	void (*act)(struct vm *vm);
} actions[] = {
	{ "start", IN(VM_READY), vm_start },
	{ "start", IN(VM_STOPPED), vm_again },
	{ "pause", IN(VM_RUNNING), vm_pause },
	{ "resume", IN(VM_PAUSED), vm_resume },
	{ "stop", IN(VM_READY) | IN(VM_RUNNING) | IN(VM_PAUSED), vm_stop },
	{ "dump", ~0u, vm_dump },
	{ "restart", IN(VM_RUNNING) | IN(VM_PAUSED) | IN(VM_STOPPED), vm_again },
};

static int vm_run(int argc, char **argv)
{
	struct vm *vm = argc == 3 ? vm_find(argv[1]) : NULL;
	bool known = false;

	if (argc == 3 && !vm)
		out("There is no VM \"%s\"; \"vms\" lists them.\n", argv[1]);
	if (!vm)
		return argc == 3 ? 0 : -EINVAL;
	for (u32 i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(argv[2], actions[i].name))
			continue;
		known = true;
		if (!(actions[i].states & IN(vm->state)))
			continue;
		actions[i].act(vm);
		out("%s is %s.\n", vm->name, state_names[vm->state]);
		return 0;
	}
	if (known)
		out("%s is %s: cannot %s.\n", vm->name, state_names[vm->state], argv[2]);
	return known ? 0 : -EINVAL;
}

COMMAND(vm, .usage = "vm NAME start|pause|resume|stop|restart|dump",
	.help = "changes the state of a VM; dump shows its vCPUs");

static void print_bytes(const char *what, u64 bytes)
{
	out("%-28s %8lu KiB %8lu MiB\n", what, bytes >> 10, bytes >> 20);
}

static int mem_run(__unused int argc, __unused char **argv)
{
	struct frame_stats s;

	frame_stats(&s);
	print_bytes("RAM", s.total);
	print_bytes("free", s.free);
	print_bytes("hypervisor's pool", s.nucleus_pool);
	print_bytes("  of it used", s.nucleus_used);
	print_bytes("VMs", s.vm);
	for (u32 id = 1; id <= VM_MAX; id++) {
		char name[VM_NAME];

		if (!vms[id])
			continue;
		fmt_string(name, sizeof(name), "  %.25s", vms[id]->name);
		print_bytes(name, (u64)vms[id]->nblocks * BLOCK_SIZE);
	}
	return 0;
}

COMMAND(mem, .usage = "mem", .help = "who owns how much memory");
