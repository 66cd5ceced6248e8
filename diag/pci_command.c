/* SPDX-License-Identifier: BSD-2-Clause */
/* The command pci: the machine's PCI functions, what they decode, and who has them. */
#include "core/l1/command.h"

#include "core/l1/device.h"
#include "core/l1/log.h"

static void print_ranges(const struct device *d)
{
	for (u32 i = 0; i < DEVICE_RANGES; i++) {
		const struct device_range *r = &d->range[i];

		if (r->len)
			out("        %u: %s %#lx, %u bytes\n", i,
				r->base > UINT16_MAX ? "memory" : "ports ", r->base, r->len);
	}
}

static void print_interrupts(const struct device *d)
{
	if (d->driver && d->message)
		out("        message %u, %lu interrupts\n", d->message, d->interrupts);
	else if (d->driver && d->lines)
		out("        ISA lines, %lu interrupts\n", d->interrupts);
}

static int pci_run(__unused int argc, __unused char **argv)
{
	out("FUNCTION ID        CLASS  DRIVER\n");
	for (const struct device *d = devices; d < devices + device_count; d++) {
		out("%02x:%02x.%u  %04x:%04x %06x %s\n", d->address >> 8, d->address >> 3 & 31,
			d->address & 7, d->setup.config[0] & 0xffff, d->setup.config[0] >> 16,
			d->setup.config[2] >> 8,
			!d->driver			  ? "none"
			: d->driver->state == HRSC_FAILED ? "failed"
							  : d->driver->name);
		print_ranges(d);
		print_interrupts(d);
	}
	return 0;
}

COMMAND(pci, .usage = "pci", .help = "the machine's PCI functions and who has them");
