/* SPDX-License-Identifier: BSD-2-Clause */
/* The command drivers: where each runs, how it is, how often it was rebooted; and to reboot one. */
#include "core/l1/command.h"

#include "arch/x86/compartment.h"
#include "core/hrsc.h"
#include "core/l1/log.h"
#include "core/l2/placement.h"
#include "core/lib/string.h"
#include "drivers/api/driver.h"

static void print_driver(const struct hrsc *h)
{
	const struct compartment *c = h->compartment;
	const u64 cause = c ? c->fault.cause : 0;
	const bool failed = h->state != HRSC_LIVE;

	out("%-24.24s %-8s %-6s %10u %8u  %s\n", h->name, c ? "confined" : "trusted",
		failed ? "failed" : "live", h->generation, h->restarts,
		failed || h->restarts ? cause_name(cause) : "");
}

static void list(const char *of)
{
	out("DRIVER                   PLACED   STATE  GENERATION RESTARTS  LAST FAILURE\n");
	for (u16 id = 1; id < HRSC_MAX; id++) {
		const struct hrsc *h = hrsc_get(id);

		if (h && h->kind == HRSC_DRIVER && (!of || !strncmp(h->name, of, strlen(of))))
			print_driver(h);
	}
}

static struct hrsc *find(const char *name)
{
	for (u16 id = 1; id < HRSC_MAX; id++) {
		struct hrsc *h = hrsc_get(id);

		if (h && h->kind == HRSC_DRIVER && !strcmp(h->name, name))
			return h;
	}
	return NULL;
}

static int drivers_run(int argc, char **argv)
{
	struct hrsc *h = argc == 3 ? find(argv[1]) : NULL;

	if (argc > 3 || (argc == 3 && strcmp(argv[2], "reboot")))
		return -EINVAL;
	if (argc < 3)
		list(argc == 2 ? argv[1] : NULL);
	else if (!h)
		out("There is no driver %s.\n", argv[1]);
	else if (driver_doom(h))
		out("%s is not confined, or has failed for good.\n", argv[1]);
	else
		out("%s is rebooted when it is called next.\n", argv[1]);
	return 0;
}

COMMAND(drivers, .usage = "drivers [NAME [reboot]]",
	.help = "where drivers run, their state and restarts; reboots one");
