/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands about this machine: log, panic, poweroff, reboot, version. */
#include "core/l1/command.h"

#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "config.h"
#include "core/l1/log.h"
#include "core/l1/power.h"
#include "core/l1/time.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"

#define LOG_LINES 20

static int log_run(int argc, char **argv)
{
	u64 n = LOG_LINES;

	if (argc > 2 || (argc == 2 && text_parse_u64(argv[1], strlen(argv[1]), &n)))
		return -EINVAL;
	log_replay((u32)MIN(n, UINT32_MAX));
	return 0;
}

COMMAND(log, .usage = "log [LINES]", .help = "shows the last lines of the hypervisor's log");

static int version_run(__unused int argc, __unused char **argv)
{
	u64 s = time_now_ns() / 1000000000;

	out("KungFuVisor %s on %s, up %lu:%02lu:%02lu\n", KFV_VERSION, hv->name, s / 3600,
		s / 60 % 60, s % 60);
	out("%s, TSC at %lu.%03lu MHz\n", cpu_features.brand, time_tsc_khz() / 1000,
		time_tsc_khz() % 1000);
	return 0;
}

COMMAND(version, .usage = "version", .help = "what runs here, and for how long");

static int panic_run(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "yes"))
		return -EINVAL;
	asm volatile("ud2"); /* an exception: registers are shown as well */
	__builtin_unreachable();
}

COMMAND(panic, .usage = "panic yes", .help = "stops everything with a dump, to see that it works");

static int poweroff_run(__unused int argc, __unused char **argv)
{
	machine_power_off();
}

COMMAND(poweroff, .usage = "poweroff", .help = "switches this machine off, with all VMs");

static int reboot_run(__unused int argc, __unused char **argv)
{
	machine_reboot();
}

COMMAND(reboot, .usage = "reboot", .help = "restarts this machine, with all VMs");
