/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trusted placement. The CPU remembers which driver it is inside (`running`), so that a driver
 * never names itself: its calls outwards act for it and for its VM alone.
 */
#include "core/l2/placement.h"

#include "arch/x86/percpu.h"
#include "core/l1/frame.h"
#include "core/l1/time.h"
#include "core/l2/net.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"

extern const struct driver *const __start_kfv_drivers[], *const __stop_kfv_drivers[];

const struct driver *driver_find(const char *name)
{
	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++) {
		if (!strcmp((*d)->name, name))
			return *d;
	}
	return NULL;
}

/* Into the driver and out again; calls nest, when one driver calls another on the bus. */
#define INSIDE(h, call)                                                                            \
	do {                                                                                       \
		struct hrsc *outer = this_cpu(running);                                            \
		this_cpu(running) = h;                                                             \
		call;                                                                              \
		this_cpu(running) = outer;                                                         \
	} while (0)

static u64 trusted_read(struct hrsc *h, u32 region, u32 offset, u32 width)
{
	u64 value;

	INSIDE(h, value = h->driver->read(h->data, region, offset, width));
	return value;
}

static void trusted_write(struct hrsc *h, u32 region, u32 offset, u32 width, u64 value)
{
	INSIDE(h, h->driver->write(h->data, region, offset, width, value));
}

static u64 trusted_call(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	u64 value;

	INSIDE(h, value = h->driver->call(h->data, fn, a, b));
	return value;
}

static void trusted_timer(struct hrsc *h)
{
	INSIDE(h, h->driver->timer(h->data));
}

static void trusted_irq(struct hrsc *h, u32 line)
{
	INSIDE(h, h->driver->irq(h->data, line));
}

static const struct l1_if l1_timer_only = { .timer = trusted_timer };
static const struct l1_if l1_timer_and_irq = { .timer = trusted_timer, .irq = trusted_irq };
static const struct l2_if l2_trusted = { .call = trusted_call };
static const struct l3_if l3_trusted = { .read = trusted_read, .write = trusted_write };

static void connect(struct hrsc *h, const struct driver *d)
{
	if (d->timer)
		h->l1 = d->irq ? &l1_timer_and_irq : &l1_timer_only;
	h->l2 = d->call ? &l2_trusted : NULL;
	h->l3 = &l3_trusted;
}

static int add_regions(struct vm *vm, struct hrsc *h)
{
	for (u8 i = 0; i < DRIVER_REGIONS; i++) {
		const struct driver_region *r = &h->driver->regions[i];
		int err = 0;

		if (r->space == REGION_PORT)
			err = region_add(&vm->ports, r->base, r->len, i, h);
		else if (r->space == REGION_MMIO)
			err = region_add(&vm->mmio, r->base, r->len, i, h);
		else if (r->space == REGION_BAR)
			err = region_add(&vm->mmio, MACHINE_BAR(h->slot) + r->base, r->len, i, h);
		if (err)
			return err;
	}
	return 0;
}

static u32 state_pages(const struct driver *d)
{
	return (u32)(ALIGN_UP(d->state_size, PAGE_SIZE) / PAGE_SIZE);
}

int driver_create(struct hrsc *h, const struct driver *driver, u16 vm_id, const char *name)
{
	int err;

	h->placement = PLACE_TRUSTED;
	h->driver = driver;
	h->data = pages_alloc(state_pages(driver), FRAME_DATA);
	if (!h->data)
		return -ENOMEM;
	connect(h, driver);
	err = hrsc_add(h, HRSC_DRIVER, vm_id, name);
	if (err)
		driver_remove(h);
	return err;
}

int driver_place(struct vm *vm, const struct driver *driver, u8 slot)
{
	const struct config_function *f = slot ? &vm->config->functions[slot - 1] : NULL;
	struct hrsc *h = &vm->driver_hrsc[vm->ndrivers];
	char name[sizeof(h->name)], digit = slot ? (char)('0' + slot) : 0;
	int err;

	if (vm->ndrivers == VM_DRIVERS)
		return -ENOSPC;
	*h = (struct hrsc){ .owner = vm, .slot = slot };
	fmt_string(name, sizeof(name), "%.12s/%.9s%c", vm->name, driver->name, digit);
	err = driver_create(h, driver, vm->id, name);
	if (err)
		return err;
	err = add_regions(vm, h);
	if (!err && f && f->kind == FUNCTION_NET)
		err = net_attach(h, f);
	if (err) {
		driver_remove(h);
		return err;
	}
	vm->driver[vm->ndrivers++] = h;
	if (driver->role < PEER_COUNT)
		vm->peer[driver->role + slot] = h;
	return 0;
}

void driver_start(struct hrsc *h)
{
	const struct vm *vm = h->owner;
	const struct guest_disk *disk = &vm->disk[h->slot];
	struct driver_setup setup = {
		.memory_bytes = vm->memory_bytes,
		.vcpus = vm->nvcpus,
		.wall_clock_s = time_wall_at_boot(),
		.wall_clock_at_ns = 0,
		.slot = h->slot,
		.disk_writable = disk->mode != DISK_RO,
		.disk_bytes = disk->module ? disk->module->len : 0,
	};

	if (h->slot) {
		const struct config_function *f = &vm->config->functions[h->slot - 1];

		memcpy(setup.label, f->name, sizeof(setup.label));
		setup.mac = f->port.mac;
	}
	memset(h->data, 0, h->driver->state_size);
	h->deadline_ns = 0;
	INSIDE(h, h->driver->start(h->data, &setup));
}

void driver_remove(struct hrsc *h)
{
	net_detach(h);
	hrsc_remove(h);
	pages_free(h->data, state_pages(h->driver));
	h->data = NULL;
}
