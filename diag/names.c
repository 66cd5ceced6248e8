/* SPDX-License-Identifier: BSD-2-Clause */
/* What people read for exits and for the ends of VMs. */
#include "core/l2/vm.h"

const char *const exit_names[EXIT_KINDS] = {
	[EXIT_NONE] = "none",
	[EXIT_INTR] = "interrupt",
	[EXIT_NMI] = "nmi",
	[EXIT_WINDOW] = "window",
	[EXIT_CPUID] = "cpuid",
	[EXIT_HLT] = "hlt",
	[EXIT_PAUSE] = "pause",
	[EXIT_HYPERCALL] = "hypercall",
	[EXIT_MSR] = "msr",
	[EXIT_IO] = "io",
	[EXIT_S2] = "stage2",
	[EXIT_CR] = "cr",
	[EXIT_XSETBV] = "xsetbv",
	[EXIT_EXCEPTION] = "exception",
	[EXIT_WBINVD] = "wbinvd",
	[EXIT_INVLPG] = "invlpg",
	[EXIT_SHUTDOWN] = "shutdown",
	[EXIT_VIRT_INSN] = "virt-insn",
	[EXIT_RDPMC] = "rdpmc",
	[EXIT_MWAIT] = "mwait",
	[EXIT_TASK_SWITCH] = "task-switch",
	[EXIT_INIT_SIPI] = "init",
	[EXIT_STEP] = "step",
	[EXIT_PREEMPT] = "preempt",
	[EXIT_ENTRY_FAILED] = "entry-failed",
	[EXIT_UNKNOWN] = "unknown",
};

static const char *const end_names[] = {
	[END_NONE] = "",
	[END_POWER_OFF] = "powered off",
	[END_REBOOT] = "reboot asked for",
	[END_HALT] = "halted for ever",
	[END_DEBUG_EXIT] = "debug exit",
	[END_TRIPLE_FAULT] = "triple fault",
	[END_FAILED] = "failed",
	[END_KILLED] = "killed",
};

const char *vm_end_name(enum vm_end how)
{
	return end_names[how];
}
