/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about CPUs and who runs on them: cpus, sched. Nothing is wider than 80 columns. */
#include "core/l1/command.h"

#include "arch/x86/percpu.h"
#include "arch/x86/smp.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/sched.h"
#include "core/l2/vm.h"

#define NS_PER_MS 1000000ul
#define NS_PER_US 1000ul

static int cpus_run(__unused int argc, __unused char **argv)
{
	u64 now = time_now_ns();

	out("CPU  APIC  IDLE  RUNS\n");
	for (u32 id = 0; id < cpu_count; id++) {
		const struct percpu *cpu = cpus[id];
		const struct vcpu *v = cpu->vcpu;

		out("%3u %5u  %3lu%%  %s\n", id, cpu->apic_id, cpu->idle_ns / (now / 100 + 1),
			v		     ? v->hrsc.name
			: id == this_cpu(id) ? "kfv"
					     : "-");
	}
	return 0;
}

COMMAND(cpus, .usage = "cpus", .help = "this machine's CPUs: how idle since boot, what runs there");

static const char *where(const struct vcpu *v)
{
	if (v->vm->state != VM_RUNNING)
		return "stands";
	if (v->waiting)
		return "not started";
	if (v->turn)
		return "runs";
	return v->queued ? "ready" : "halted";
}

static void print_vcpu(const struct vcpu *v)
{
	u64 turns = v->turns ? v->turns : 1;

	out("%-16.16s %6u %5u %9lu %9lu %8lu %7lu %8lu  %s\n", v->hrsc.name, v->vm->weight,
		v->vm->cap, v->run_ns / NS_PER_MS, v->stolen_ns / NS_PER_MS, v->turns,
		v->stolen_ns / turns / NS_PER_US, v->longest_wait_ns / NS_PER_US, where(v));
}

static int sched_run(__unused int argc, __unused char **argv)
{
	out("VCPU             WEIGHT CAP %%    RAN ms STOLEN ms    TURNS WAIT us   MAX us\n");
	for (u32 id = 1; id <= VM_MAX; id++)
		for (u32 i = 0; vms[id] && i < vms[id]->nvcpus; i++)
			print_vcpu(vms[id]->vcpu[i]);
	return 0;
}

COMMAND(sched, .usage = "sched",
	.help = "each vCPU's share: time it ran, time it was ready and had no CPU, its waits");
