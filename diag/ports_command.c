/* SPDX-License-Identifier: BSD-2-Clause */
/* The command ports: what is at the switches, and what went through there. */
#include "core/l1/command.h"

#include "core/l1/log.h"
#include "core/l2/host.h"
#include "core/l2/net.h"
#include "core/l2/sched.h"

enum { SENT, RECEIVED, REFUSED, LOST }; /* BUS_INFO of a port: drivers/vswitch/vswitch.c */

static u64 ask(struct hrsc *h, u64 item)
{
	return net_call(h, BUS_INFO, item, 0);
}

static void print_ports(struct vm *vm)
{
	for (u32 i = 0; i < vm->ndrivers; i++) {
		struct hrsc *h = vm->driver[i];

		if (h->net)
			out("%-12.12s %4u %-22.22s %8lu %8lu %8lu %8lu\n", h->net->name, h->port,
				h->name, ask(h, SENT), ask(h, RECEIVED), ask(h, REFUSED),
				ask(h, LOST));
	}
}

static void print_card(struct device *d)
{
	u64 item[UPLINK_ITEMS];

	for (u32 i = 0; i < UPLINK_ITEMS; i++)
		item[i] = host_call(d, &host_hrsc, 0, BUS_INFO, i, 0);
	out("%s: card %012lx, %lu frames sent, %lu received, %lu unfit, %lu overruns, "
	    "%lu restarts%s%s\n",
		d->driver->name, item[UPLINK_ADDRESS] & 0xffffffffffff, item[UPLINK_SENT],
		item[UPLINK_RECEIVED], item[UPLINK_UNFIT], item[UPLINK_OVERRUNS],
		item[UPLINK_RESTARTS], item[UPLINK_DOWN] == 1 ? ", no link" : "",
		d->driver->state == HRSC_FAILED ? ", failed" : "");
}

static int ports_run(__unused int argc, __unused char **argv)
{
	out("SWITCH       PORT WHO                        SENT RECEIVED  REFUSED     LOST\n");
	for (u32 id = 1; id <= VM_MAX; id++)
		if (vms[id])
			print_ports(vms[id]);
	print_ports(&host_vm);
	for (struct device *d = devices; d < devices + device_count; d++)
		if (d->driver && d->driver->net)
			print_card(d);
	return 0;
}

COMMAND(ports, .usage = "ports", .help = "what is at the switches, and the cards' uplinks");
