/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console commands: how a typed line becomes a call, and what people see, to the character. The
 * commands' sources are compiled here, between made-up VMs and a screen of 80 columns.
 */
/* Another test has an out() and commands of its own. */
#define out		     shown_out
#define __start_kfv_commands __start_shown_commands
#define __stop_kfv_commands  __stop_shown_commands

#include "core/l1/command.h"
#undef COMMAND_REGISTER
#define COMMAND_REGISTER(cmd)                                                                      \
	static const struct command *const cmd##_entry __used __section("shown_commands") = &(cmd)

#include "diag/command.c"
#include "diag/vm_commands.c"
#include "diag/exit_command.c"
#include "tests/dialect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char shown[8192];
static u32 acted; /* what was done to VMs, as digits */

#define VM_USAGE                                                                                   \
	"vm NAME create|start|pause|resume|stop|reset|restart|destroy|dump\n"                      \
	"       vm NAME snapshot|restore\n"                                                        \
	"       vm create MODULE"

struct vm *vms[VM_MAX + 1];
static char focused[LINE_MAX];
const char *const exit_names[EXIT_KINDS] = { [EXIT_CPUID] = "cpuid", [EXIT_IO] = "io" };

bool console_focus(const char *name)
{
	snprintf(focused, sizeof(focused), "%s", name);
	return strcmp(name, "nobody");
}

void out(const char *fmt, ...)
{
	size_t len = strlen(shown);
	va_list args;

	va_start(args, fmt);
	vsnprintf(shown + len, sizeof(shown) - len, fmt, args);
	va_end(args);
}

u64 time_tsc_khz(void)
{
	return 1000000;
}

void frame_stats(struct frame_stats *s)
{
	*s = (struct frame_stats){ MIB(1024), MIB(700), MIB(8), KIB(1500), MIB(256), KIB(80) };
}

struct vm *vm_find(const char *name)
{
	for (u32 id = 1; id <= VM_MAX; id++)
		if (vms[id] && !strcmp(vms[id]->name, name))
			return vms[id];
	return NULL;
}

const char *vm_end_name(enum vm_end how)
{
	return how == END_DEBUG_EXIT ? "debug exit" : how == END_KILLED ? "killed" : "";
}

static void acts(struct vm *vm, u8 state, u32 digit)
{
	vm->state = state;
	acted = acted * 10 + digit;
}

void vm_start(struct vm *vm)
{
	acts(vm, VM_RUNNING, 1);
}

void vm_pause(struct vm *vm)
{
	acts(vm, VM_PAUSED, 2);
}

void vm_resume(struct vm *vm)
{
	acts(vm, VM_RUNNING, 3);
}

void vm_end(struct vm *vm, enum vm_end how, u64 value)
{
	vm->ended = how;
	vm->end_value = value;
	acts(vm, VM_STOPPED, 4);
}

int vm_restart(struct vm *vm)
{
	if (vm->restarts)
		return -ENOMEM;
	acts(vm, VM_RUNNING, 5);
	return 0;
}

void sched_unload(void)
{
}

int vm_snapshot(struct vm *vm)
{
	acted = acted * 10 + 6;
	return vm->restarts ? -ENOMEM : 0;
}

int vm_restore(struct vm *vm)
{
	acted = acted * 10 + 7;
	return vm->restarts ? -ENOENT : 0;
}

void vm_destroy(struct vm *vm)
{
	acted = acted * 10 + 8;
	vms[vm->id] = NULL;
}

int vm_create(const struct config_vm *config, struct vm **out)
{
	(void)config;
	(void)out;
	acted = acted * 10 + 9;
	return -ENOMEM;
}

static struct vcpu vcpus[3];

static void dump(const struct hv_vcpu *v)
{
	out("dump %u\n", (u32)(container_of(v, struct vcpu, hv) - vcpus));
}

static void release(struct hv_vcpu *v)
{
	(void)v;
}

static const struct hv_ops shown_hv = { .dump = dump, .vcpu_release = release };

static struct vm linux_vm, beat_vm;

static void start(void)
{
	memset(vcpus, 0, sizeof(vcpus));
	linux_vm = (struct vm){ .name = "linux",
		.id = 1,
		.state = VM_RUNNING,
		.memory_bytes = MIB(256),
		.nblocks = 128,
		.nvcpus = 2,
		.vcpu = { &vcpus[0], &vcpus[1] } };
	beat_vm = (struct vm){ .name = "a-very-long-name-of-a-vm-indeed",
		.id = 16,
		.state = VM_STOPPED,
		.ended = END_DEBUG_EXIT,
		.end_value = 255,
		.memory_bytes = MIB(4096),
		.nblocks = 2048,
		.nvcpus = 1,
		.vcpu = { &vcpus[2] },
		.beats = 12345678 };
	vcpus[0].guest_ticks = 12340000000;
	vcpus[2].guest_ticks = 999999999990000000;
	vcpus[0].stats[EXIT_CPUID] = (struct exit_stats){ 9999 * 200, { 9999 } };
	vcpus[1].stats[EXIT_CPUID] = (struct exit_stats){ 200 * 5000, { 0, 0, 0, 0, 0, 0, 0, 1 } };
	vcpus[1].stats[EXIT_IO] =
		(struct exit_stats){ 4000123457ull * 1000, { 1, 123456, 4000000000 } };
	vms[1] = &linux_vm;
	vms[16] = &beat_vm;
	acted = 0;
}

static const char *run(const char *text)
{
	char line[200];

	strcpy(line, text);
	shown[0] = 0;
	command_run(line);
	return shown;
}

static int args_run(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		out("<%s>", argv[i]);
	return argv[argc] ? -EINVAL : 0;
}

static const struct command args_command = {
	.name = "args",
	.usage = "args ...",
	.help = "shows what it was given",
	.run = args_run,
};
COMMAND_REGISTER(args_command);

TEST(command_splits_words)
{
	EXPECT_STR(run("  args a  'b c' \"d'e\" '' f"), "<a><b c><d'e><><f>");
	EXPECT_STR(run("args 'open end"), "<open end>");
	EXPECT_STR(run("args 1 2 3 4 5 6 7"), "<1><2><3><4><5><6><7>");
	EXPECT_STR(run("args 1 2 3 4 5 6 7 8"), "usage: args ...\n");
	EXPECT_STR(run(""), "");
	EXPECT_STR(run("   "), "");
	EXPECT_STR(run("foo bar"), "There is no command \"foo\"; \"help\" lists them.\n");
}

TEST(command_help_is_sorted)
{
	EXPECT_STR(run("help"),
		"  args       shows what it was given\n"
		"  exits      counts exits by kind, with the time they took us\n"
		"  focus      gives the serial line to a VM, as Ctrl-] and its id do\n"
		"  help       lists the commands, or shows how one is used\n"
		"  mem        who owns how much memory\n"
		"  vm         changes the state of a VM; dump shows its vCPUs\n"
		"  vms        lists the VMs: state, size, time used, heartbeats, end\n"
		"Ctrl-] and a digit switch the console: 0 is this one, 1 to 9 are the VMs by id.\n");
	EXPECT_STR(run("help vm"), VM_USAGE ": changes the state of a VM; dump shows its vCPUs\n");
	EXPECT_STR(run("help foo"), "usage: help [COMMAND]\n");
}

TEST(command_focus)
{
	EXPECT_STR(run("focus linux"), "");
	EXPECT_STR(focused, "linux");
	EXPECT_STR(run("focus nobody"), "There is no VM \"nobody\"; \"vms\" lists them.\n");
	EXPECT_STR(run("focus"), "usage: focus kfv|NAME\n");
}

TEST(command_names_end)
{
	u32 n = 0;

	while (command_name(n))
		n++;
	EXPECT_EQ(n, 7);
}

TEST(command_vms)
{
	start();
	EXPECT_STR(run("vms"),
		"ID NAME            STATE   VCPUS MEMORY   CPU TIME s    BEATS  ENDED BY\n"
		" 1 linux           running     2   256M        12.34        0  \n"
		"16 a-very-long-nam stopped     1  4096M 999999999.99 12345678  debug exit 255\n");
	EXPECT_STR(run("vms x"), "usage: vms\n");
}

TEST(command_vm_acts_where_it_makes_sense)
{
	start();
	EXPECT_STR(run("vm linux pause"), "linux is paused.\n");
	EXPECT_STR(run("vm linux pause"), "linux is paused: cannot pause.\n");
	EXPECT_STR(run("vm linux resume"), "linux is running.\n");
	EXPECT_STR(run("vm linux start"), "linux is running: cannot start.\n");
	EXPECT_STR(run("vm linux restart"), "linux is running.\n");
	EXPECT_STR(run("vm linux stop"), "linux is stopped.\n");
	EXPECT_EQ(linux_vm.ended, END_KILLED);
	EXPECT_STR(run("vm linux start"), "linux is running.\n");
	EXPECT_EQ(acted, 23545);
	linux_vm.state = VM_READY;
	EXPECT_STR(run("vm linux start"), "linux is running.\n");
	EXPECT_EQ(acted, 235451);
	linux_vm.restarts = 1;
	EXPECT_STR(run("vm linux restart"),
		"linux did not start again: see the log.\nlinux is running.\n");
	hv = &shown_hv;
	vcpus[0].hv.rip = 0x1234;
	vcpus[0].hv.rflags = 0x202;
	vcpus[0].halted = vcpus[1].waiting = true;
	EXPECT_STR(run("vm linux dump"),
		"vCPU 0: halted, rip 0000000000001234, rsp 0000000000000000, rflags 00000202\n"
		"dump 0\n"
		"vCPU 1: waits for its start, rip 0000000000000000, rsp 0000000000000000, "
		"rflags 00000000\n"
		"dump 1\n"
		"linux is running.\n");
	EXPECT_STR(run("vm nobody stop"), "There is no VM \"nobody\"; \"vms\" lists them.\n");
	EXPECT_STR(run("vm linux dance"), "usage: " VM_USAGE "\n");
	EXPECT_STR(run("vm linux"), "usage: " VM_USAGE "\n");
}

TEST(command_vm_lives_and_dies)
{
	start();
	linux_vm.nblocks = 128;
	EXPECT_STR(run("vm linux snapshot"), "The snapshot holds 258 MiB.\nlinux is running.\n");
	EXPECT_STR(run("vm linux restore"), "linux is running.\n");
	linux_vm.restarts = 1;
	EXPECT_STR(run("vm linux snapshot"),
		"There is no new snapshot: not enough memory, see the log.\nlinux is running.\n");
	EXPECT_STR(run("vm linux restore"), "linux has no snapshot.\nlinux is running.\n");
	EXPECT_STR(run("vm linux destroy"), "linux is gone.\n");
	EXPECT_STR(run("vm linux destroy"), "There is no VM \"linux\"; \"vms\" lists them.\n");
	EXPECT_EQ(acted, 67678);
	EXPECT_STR(run("vm create nothing"), "There is no boot module \"nothing\".\n");
}

TEST(command_mem)
{
	start();
	EXPECT_STR(run("mem"), "RAM                           1048576 KiB     1024 MiB\n"
			       "free                           716800 KiB      700 MiB\n"
			       "hypervisor's pool                8192 KiB        8 MiB\n"
			       "  of it used                     1500 KiB        1 MiB\n"
			       "    by page tables                 80 KiB        0 MiB\n"
			       "VMs                            262144 KiB      256 MiB\n"
			       "  linux                        262144 KiB      256 MiB\n"
			       "  a-very-long-name-of-a-vm-   4194304 KiB     4096 MiB\n");
}

TEST(command_exits)
{
	start();
	EXPECT_STR(run("exits linux"),
		"linux\n"
		"EXIT              COUNT TICKS EACH  <256  <1k  <4k <16k <64k<256k  <1M more\n"
		"cpuid             10000        299  9999    .    .    .    .    .    .    1\n"
		"io           4000123457       1000     1 123k   4G    .    .    .    .    .\n"
		"all          4000133457        999   10k 123k   4G    .    .    .    .    1\n");
	EXPECT_STR(run("exits nobody"), "There is no VM \"nobody\"; \"vms\" lists them.\n");
	EXPECT_STR(run("exits a b"), "usage: exits [NAME]\n");
}

TEST(command_output_fits_80_columns)
{
	static const char *const all[] = { "help", "vms", "mem", "exits", "vm x y", "foo" };

	start();
	for (u32 i = 0; i < ARRAY_LEN(all); i++) {
		char *text = strdup(run(all[i]));

		for (char *l = strtok(text, "\n"); l; l = strtok(NULL, "\n"))
			EXPECT(strlen(l) <= 80);
		free(text);
	}
}
