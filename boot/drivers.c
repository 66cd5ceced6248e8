/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Gives functions to the physical drivers that are wanted: registers, memory, interrupts. None is
 * wanted unless the configuration says so, and then all functions that fit are its.
 */
#include "boot/pci.h"

#include "arch/x86/compartment.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l2/bus.h"
#include "core/l2/host.h"
#include "core/l2/net.h"
#include "core/l2/placement.h"
#include "core/l2/sched.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "drivers/api/load.h"
#include "kfv/hook.h"

#define AT_COMMAND	0x04
#define WORD_CLASS	2
#define COMMAND_DECODES 3u /* ports and memory */
#define COMMAND_BITS	0xffffu
#define RANGE_MAX	MIB(1) /* of registers in memory: more is not mapped */
#define WAIT_NS		15000000000ull
#define CARD_WAIT_NS	100000000ull

static bool fits(const struct device *d, const struct driver_device *wanted)
{
	u32 class = d->setup.config[WORD_CLASS] >> 8;

	for (u32 i = 0; i < DEVICE_MATCHES; i++) {
		const struct device_match *m = &wanted->match[i];

		if (m->vendor ? d->setup.config[0] == (m->vendor | (u32)m->device << 16)
			      : m->mask && (class & m->mask) == m->class)
			return true;
	}
	return false;
}

static int give_registers(struct device *d)
{
	u32 command = pci_read(d->address, AT_COMMAND) & COMMAND_BITS;

	for (u32 i = 0; i < DEVICE_RANGES; i++) {
		struct device_range *r = &d->range[i];

		if (pci_is_memory(d, i)) {
			r->len = (u32)MIN(r->len, RANGE_MAX);
			r->mapped = host_map(HPA(r->base), r->len, PROT_RW | PROT_UNCACHED);
			if (!r->mapped)
				return -ENOMEM;
		}
		d->setup.range_len[i] = r->len;
	}
	pci_write(d->address, AT_COMMAND, command | COMMAND_DECODES);
	return 0;
}

static int give_memory(struct device *d, struct hrsc *h)
{
	u32 npages = PAGES_FOR(h->driver->device->memory_bytes);
	int err = 0;

	if (!npages)
		return 0;
	d->memory = pages_alloc(npages, FRAME_COMPARTMENT);
	if (!d->memory)
		return -ENOMEM;
	d->memory_len = npages * PAGE_SIZE;
	d->setup.memory_at = virt_to_hpa(d->memory).v;
	d->setup.memory = d->memory;
	if (h->compartment) {
		d->setup.memory = (u8 *)COMPARTMENT_SHARED;
		err = compartment_share(h->compartment, d->memory, npages);
	}
	return err;
}

/* Before it starts, as it has to tell the device. What a message needs of its registers is closed
 * to it. */
static int give_message(struct device *d, struct hrsc *h)
{
	static u32 next = ISA_LINES;

	if (!(h->driver->grants & GRANT_DMA) || next == L1_LINES ||
		!msi_enable(d, (u8)L1_LINE_VECTOR(next)))
		return 0;
	d->setup.messages = true;
	d->message = next;
	return l1_irq_attach(next++, h);
}

static void give_lines(const struct device *d, struct hrsc *h)
{
	for (u32 line = 0; line < ISA_LINES; line++)
		if ((d->lines & BIT(line)) && l1_irq_attach(line, h) < 0)
			log_warn("%s: line %u has no pin, it is polled", h->name, line);
}

static int start_one(struct device *d, const struct driver *driver, bool trusted)
{
	int err = give_registers(d);
	struct hrsc *h;

	if (!err)
		err = driver_place(&host_vm, driver, 0, !trusted);
	if (err)
		return err;
	h = d->driver = host_vm.driver[host_vm.ndrivers - 1];
	h->device = d;
	fmt_string(h->name, sizeof(h->name), "%.12s@%02x:%02x.%u", driver->name, d->address >> 8,
		d->address >> 3 & 31, d->address & 7);
	err = give_memory(d, h);
	if (!err)
		err = give_message(d, h);
	if (err)
		return err;
	device_master(h, false);
	driver_start(h);
	give_lines(d, h);
	if (driver->grants & GRANT_DMA)
		log_warn("%s: without an IOMMU its device can reach all memory", h->name);
	return 0;
}

static int start(const struct config_driver *c)
{
	const struct driver *driver = driver_find(c->name);
	u32 n = 0;
	int err = 0;

	if (!driver || !driver->device)
		return -ENOENT;
	for (struct device *d = devices; !err && d < devices + device_count; d++) {
		if (!fits(d, driver->device))
			continue;
		err = d->driver ? 0 : start_one(d, driver, c->trusted);
		n++;
	}
	if (!n)
		log_warn("driver %s: there is no PCI function that it is for", c->name);
	return err;
}

/* Whether one of them does not know yet what it has. */
static bool any_busy(void)
{
	bool busy = false;

	for (struct device *d = devices; d < devices + device_count; d++)
		if (d->driver && d->driver->state == HRSC_LIVE && d->driver->driver->device->units)
			busy |= host_call(d, &host_hrsc, 0, BUS_DISK_SIZE, 0, 0) == BUS_NO_PEER;
	return busy;
}

static void note_refusal(const char *name, struct device *d, u8 unit)
{
	static const char *const why[DISK_REFUSALS] = {
		[DISK_REFUSED_FORMAT] = "its sectors are not of 512 bytes",
		[DISK_REFUSED_ADDRESS] = "its controller reaches no memory above 4 GiB",
	};
	u64 refusal = host_call(d, &host_hrsc, 0, BUS_INFO, DISK_INFO_REFUSED + unit, 0);

	if (refusal < DISK_REFUSALS && why[refusal])
		log_warn("disk %s: of no use, %s", name, why[refusal]);
}

/* False: it is no disk, or of no use. */
static bool note_disk(struct load_host_disk *to, struct device *d, u8 unit, u32 number)
{
	*to = (struct load_host_disk){ .device = d, .unit = unit };
	fmt_string(to->name, sizeof(to->name), "%s%u", d->driver->driver->name, number);
	for (u32 i = 0; i <= LOAD_PARTITIONS; i++) {
		u64 target = DISK_TARGET(unit, i);
		u64 sectors = host_call(d, &host_hrsc, 0, BUS_DISK_SIZE, 0, target << 32);

		to->sectors[i] = sectors < BIT(48) ? sectors : 0;
	}
	if (to->sectors[0])
		log_info("disk %s: %lu sectors, by %s", to->name, to->sectors[0], d->driver->name);
	else
		note_refusal(to->name, d, unit);
	return to->sectors[0];
}

/* Each disk gets a name, with a number by the order of the functions and what they may have. */
static void note_disks(void)
{
	struct load_host_disk *to = load_host_disks, more;

	for (struct device *d = devices; d < devices + device_count; d++) {
		const struct driver *driver = d->driver ? d->driver->driver : NULL;
		u32 number = 0;

		for (const struct device *e = devices; driver && e < d; e++)
			if (e->driver && e->driver->driver == driver)
				number += driver->device->units;
		for (u8 unit = 0; driver && unit < driver->device->units; unit++, number++)
			if (to < load_host_disks + LOAD_HOST_DISKS)
				to += note_disk(to, d, unit, number);
			else if (note_disk(&more, d, unit, number))
				log_warn("disk %s: left out, there are %u before it", more.name,
					LOAD_HOST_DISKS);
	}
}

/*
 * The driver of a disk or card has its name, without the number, which is returned. A driver whose
 * own name has a number is told from that by a hyphen.
 */
static u32 driver_of(struct config_driver *out, const struct config_function *f, const char *name)
{
	bool hyphen = false;
	u32 number = 0, n;

	*out = (struct config_driver){ .line = f->line, .column = f->column };
	for (n = 0; name[n]; n++)
		hyphen |= name[n] == '-';
	for (n = 0; name[n] && (hyphen ? name[n] != '-' : name[n] < '0' || name[n] > '9'); n++)
		out->name[n] = name[n];
	for (n += hyphen; name[n] >= '0' && name[n] <= '9'; n++)
		number = number * 10 + (u32)(name[n] - '0');
	return number;
}

static int start_for_disks(const struct config_vm *vm, struct config_driver *which)
{
	int err = 0;

	for (u32 i = 0; !err && i < vm->nfunctions; i++) {
		const struct config_function *f = &vm->functions[i];

		if (f->kind != FUNCTION_HOST_DISK)
			continue;
		driver_of(which, f, f->source);
		err = start(which);
	}
	return err;
}

static struct device *find_card(const struct config_function *f)
{
	struct config_driver c;
	u32 number = driver_of(&c, f, f->name);

	for (struct device *d = devices; d < devices + device_count; d++)
		if (d->driver && !strcmp(d->driver->driver->name, c.name) && !number--)
			return d;
	return NULL;
}

/* Its driver gets to know that it has a switch now, and is given time to set up the card. */
static int connect(const struct config_function *f)
{
	u64 until = time_now_ns() + CARD_WAIT_NS, mac = BUS_NO_PEER;
	struct device *d = find_card(f);

	if (!d) {
		log_error("line %u: there is no card %s for an uplink", f->line, f->name);
		return 0;
	}
	if (net_attach(d->driver, f) < 0)
		return -ENOSPC;
	bus_renew(d->driver);
	while (mac == BUS_NO_PEER && time_now_ns() < until) {
		sched_timers_run();
		mac = host_call(d, &host_hrsc, 0, BUS_INFO, UPLINK_ADDRESS, 0);
	}
	if (mac == BUS_NO_PEER)
		log_warn("uplink %s: the card does not answer yet", f->name);
	else
		log_info("uplink %s: card %012lx, on switch %s, by %s", f->name, mac, f->source,
			d->driver->name);
	return 0;
}

static int start_for_uplinks(const struct config *config, struct config_driver *which)
{
	int err = 0;

	for (u32 i = 0; !err && i < config->nuplinks; i++) {
		driver_of(which, &config->uplinks[i], config->uplinks[i].name);
		err = start(which);
	}
	for (u32 i = 0; !err && i < config->nuplinks; i++)
		err = connect(&config->uplinks[i]);
	return err;
}

int drivers_start(const struct config *config, struct config_driver *which)
{
	u64 until = time_now_ns() + WAIT_NS;
	int err = 0;

	for (u32 i = 0; !err && i < config->ndrivers; i++) {
		*which = config->drivers[i];
		err = start(which);
	}
	for (u32 i = 0; !err && i < config->nvms; i++)
		err = start_for_disks(&config->vms[i], which);
	if (!err)
		err = start_for_uplinks(config, which);
	hook_vm_created(&host_hrsc); /* they are watched as the policy says */
	while (!err && any_busy() && time_now_ns() < until)
		sched_timers_run();
	note_disks();
	return err;
}
