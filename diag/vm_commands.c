/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about VMs: vms, vm, mem. Nothing is wider than 80 columns. */
#include "core/l1/command.h"

#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/modules.h"
#include "core/l2/sched.h"
#include "core/l2/snapshot.h"
#include "core/l2/vm.h"
#include "drivers/api/config.h"
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

static void vm_take(struct vm *vm)
{
	int err = vm_snapshot(vm);

	if (err)
		out("There is no new snapshot: %s.\n",
			err == -ENOMEM ? "not enough memory, see the log" : "it has ended");
	else
		out("The snapshot holds %lu MiB.\n", (vm->nblocks + 1ul) * BLOCK_SIZE >> 20);
}

static void vm_back(struct vm *vm)
{
	if (vm_restore(vm))
		out("%s has no snapshot.\n", vm->name);
}

static void make(const struct config_vm *c)
{
	struct vm *vm;

	if (vm_find(c->name))
		out("There is a VM %s already.\n", c->name);
	else if (vm_create(c, &vm))
		out("%s was not created: see the log.\n", c->name);
	else
		out("%s is ready.\n", c->name);
}

/* The VMs that a configuration module describes, or the one of that name. */
static void create(const char *module, const char *name)
{
	static struct config config; /* (o) a copy of what matters goes with the VM */
	const struct load_source *text = module_find(module);
	struct config_error e;
	bool found = false;

	if (!text) {
		out("There is no boot module \"%s\".\n", module);
		return;
	}
	if (config_parse(&config, (const char *)text->data, text->len, &e) < 0) {
		out("%s:%u:%u: %s\n", module, e.line, e.column, e.message);
		return;
	}
	for (u32 i = 0; i < config.nvms; i++) {
		if (name && strcmp(config.vms[i].name, name))
			continue;
		found = true;
		make(&config.vms[i]);
	}
	if (!found)
		out("The module %s describes no VM%s%s.\n", module, name ? " " : "",
			name ? name : "");
}

static void destroy(struct vm *vm, const char *name)
{
	vm_destroy(vm);
	out("%s is gone.\n", name);
}

#define IN(state) (1u << (state))
#define IN_ALL	  (~0u)

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
	{ "dump", IN_ALL, vm_dump },
	{ "restart", IN(VM_RUNNING) | IN(VM_PAUSED) | IN(VM_STOPPED), vm_again },
	{ "reset", IN(VM_RUNNING) | IN(VM_PAUSED) | IN(VM_STOPPED), vm_again },
	{ "snapshot", IN(VM_RUNNING) | IN(VM_PAUSED), vm_take },
	{ "restore", IN_ALL, vm_back },
};

static int act(struct vm *vm, const char *action)
{
	bool known = false;

	for (u32 i = 0; i < ARRAY_LEN(actions); i++) {
		if (strcmp(action, actions[i].name))
			continue;
		known = true;
		if (!(actions[i].states & IN(vm->state)))
			continue;
		actions[i].act(vm);
		out("%s is %s.\n", vm->name, state_names[vm->state]);
		return 0;
	}
	if (known)
		out("%s is %s: cannot %s.\n", vm->name, state_names[vm->state], action);
	return known ? 0 : -EINVAL;
}

static int vm_run(int argc, char **argv)
{
	struct vm *vm;

	if (argc != 3)
		return -EINVAL;
	sched_unload(); /* another CPU may go on with it, should this take long */
	if (!strcmp(argv[1], "create")) {
		create(argv[2], NULL);
		return 0;
	}
	if (!strcmp(argv[2], "create")) {
		create("config", argv[1]);
		return 0;
	}
	vm = vm_find(argv[1]);
	if (!vm)
		out("There is no VM \"%s\"; \"vms\" lists them.\n", argv[1]);
	else if (strcmp(argv[2], "destroy"))
		return act(vm, argv[2]);
	else
		destroy(vm, argv[1]);
	return 0;
}

COMMAND(vm,
	.usage = "vm NAME create|start|pause|resume|stop|reset|restart|destroy|dump\n"
		 "       vm NAME snapshot|restore\n"
		 "       vm create MODULE",
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
	print_bytes("    by page tables", s.tables);
	print_bytes("VMs", s.vm);
	for (u32 id = 1; id <= VM_MAX; id++) {
		char name[VM_NAME];

		if (!vms[id])
			continue;
		fmt_string(name, sizeof(name), "  %.25s", vms[id]->name);
		print_bytes(name, (u64)vms[id]->nblocks * BLOCK_SIZE);
		if (vms[id]->snapshot)
			print_bytes("    its snapshot", (vms[id]->nblocks + 1ul) * BLOCK_SIZE);
	}
	return 0;
}

COMMAND(mem, .usage = "mem", .help = "who owns how much memory");
