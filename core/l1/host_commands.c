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
#include "core/lib/text.h"

#define LOG_LINES 20

static int log_run(int argc, char **argv)
{
	u64 n = LOG_LINES;

	if (argc > 2 || (argc == 2 && text_parse_u64(argv[1], strlen(argv[1]), &n)))
		return -EINVAL;
	log_replay((u32)MIN(n, UINT32_MAX));
	return 0;
}

static const struct command log_command = {
	.name = "log",
	.usage = "log [LINES]",
	.help = "shows the last lines of the hypervisor's log",
	.run = log_run,
};
COMMAND_REGISTER(log_command);

static int version_run(int argc, char **argv)
{
	u64 s = time_now_ns() / 1000000000;

	(void)argv;
	if (argc != 1)
		return -EINVAL;
	out("KungFuVisor %s on %s, up %lu:%02lu:%02lu\n", KFV_VERSION, hv->name, s / 3600,
		s / 60 % 60, s % 60);
	out("%s, TSC at %lu.%03lu MHz\n", cpu_features.brand, time_tsc_khz() / 1000,
		time_tsc_khz() % 1000);
	return 0;
}

static const struct command version_command = {
	.name = "version",
	.usage = "version",
	.help = "what runs here, and for how long",
	.run = version_run,
};
COMMAND_REGISTER(version_command);

static int panic_run(int argc, char **argv)
{
	if (argc != 2 || strcmp(argv[1], "yes"))
		return -EINVAL;
	asm volatile("ud2"); /* an exception: registers are shown as well */
	__builtin_unreachable();
}

static const struct command panic_command = {
	.name = "panic",
	.usage = "panic yes",
	.help = "stops everything with a dump, to see that it works",
	.run = panic_run,
};
COMMAND_REGISTER(panic_command);

static int poweroff_run(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return -EINVAL;
	machine_power_off();
}

static const struct command poweroff_command = {
	.name = "poweroff",
	.usage = "poweroff",
	.help = "switches this machine off, with all VMs",
	.run = poweroff_run,
};
COMMAND_REGISTER(poweroff_command);

static int reboot_run(int argc, char **argv)
{
	(void)argv;
	if (argc != 1)
		return -EINVAL;
	machine_reboot();
}

static const struct command reboot_command = {
	.name = "reboot",
	.usage = "reboot",
	.help = "restarts this machine, with all VMs",
	.run = reboot_run,
};
COMMAND_REGISTER(reboot_command);
