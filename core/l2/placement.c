/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Both placements of drivers: trusted, by plain calls, and confined, in a compartment. The CPU
 * remembers which driver it is inside (`running`), so that a driver never names itself: its calls
 * outwards act for it and for its VM alone.
 */
#include "core/l2/placement.h"

#include "arch/x86/compartment.h"
#include "arch/x86/percpu.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/l1/device.h"
#include "core/l2/bus.h"
#include "core/l2/disk.h"
#include "core/l2/host.h"
#include "core/l2/lines.h"
#include "core/l2/net.h"
#include "core/l2/sched.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"

/* So many restarts in this time; then it stays failed. */
#define REVIVALS_MAX 32
#define REVIVALS_NS  1000000000ull

extern const struct driver *const __start_kfv_drivers[], *const __stop_kfv_drivers[];

const struct driver *driver_find(const char *name)
{
	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++) {
		if (!strcmp((*d)->name, name))
			return *d;
	}
	return NULL;
}

static u64 enter(struct hrsc *h, const struct compartment_call *c)
{
	struct hrsc *outer = this_cpu(running);
	u64 value;

	this_cpu(running) = h;
	value = compartment_call(h->compartment, c);
	this_cpu(running) = outer;
	if (unlikely(this_cpu(interrupted))) {
		this_cpu(interrupted) = false;
		sched_timers_changed();
	}
	return value;
}

/* What its peers hear from now on is that it is not there, and its guest reads all ones. */
static void fail(struct hrsc *h)
{
	const struct compartment_fault *f = &h->compartment->fault;

	device_master(h, false);
	h->state = HRSC_FAILED;
	if (!(h->revived & (h->revived - 1)))
		log_error("%s failed: %s (error %#lx, address %#lx) at %#lx", h->name,
			cause_name(f->cause), f->error, f->address, f->rip);
	l1_gate_driver_fault(h, f->cause, f->error, f->rip, f->address);
}

/* As at power-on; lines that it may have raised are low again. */
static void begin_anew(struct hrsc *h)
{
	for (u32 gsi = 0; gsi < GRANT_LINES; gsi++)
		if (h->grants & GRANT_LINE(gsi))
			line_set(h, gsi, false);
	h->lost = false;
	driver_start(h);
	net_renew(h);
}

/*
 * A microreboot, if the L1 orchestrator has asked for one (driver_revive): with its data of before
 * the call, which is then repeated, so that its guest sees a delay at most. When that fails as
 * well, the call is to blame and lost; when the next call ends so too, the data are, and begin
 * anew. So do a physical driver's at once, as its device is not as it was before the call.
 */
static __noinline u64 recover(struct hrsc *h, const struct compartment_call *c)
{
	u64 value;

	fail(h);
	if (h->state == HRSC_LIVE && !h->device) {
		compartment_restore(h->compartment);
		bus_rewind(h);
		value = enter(h, c);
		if (!h->compartment->doomed)
			return value;
		fail(h);
		if (h->state == HRSC_LIVE && !h->lost) {
			h->lost = true;
			compartment_restore(h->compartment);
			bus_renew(h);
			return ~0ull;
		}
	}
	if (h->state == HRSC_LIVE)
		begin_anew(h);
	return ~0ull;
}

static void keep(struct hrsc *h, bool all)
{
	if (h->compartment->doomed)
		return;
	compartment_keep(h->compartment, all);
	bus_commit(h);
}

static u64 call_confined(struct hrsc *h, const struct compartment_call *c)
{
	u64 value = enter(h, c);

	if (h->compartment->entries)
		return value;
	if (unlikely(h->compartment->doomed) && h->state == HRSC_LIVE)
		value = recover(h, c);
	else
		h->lost = false;
	keep(h, false);
	return value;
}

int driver_revive(struct hrsc *h)
{
	u64 now = time_now_ns();

	if (!h->compartment || h->state != HRSC_FAILED)
		return -EINVAL;
	if (now - h->revived_since_ns > REVIVALS_NS) {
		h->revived_since_ns = now;
		h->revived = 0;
	}
	if (++h->revived > REVIVALS_MAX)
		return -EAGAIN;
	h->generation++;
	h->restarts++;
	h->state = HRSC_LIVE;
	return 0;
}

/*
 * Into the driver and out again; calls nest, when one driver calls another on the bus. Both
 * placements pass the arguments in registers.
 */
static __always_inline u64 inside(struct hrsc *h, const void *fn, u64 a, u64 b, u64 x, u64 y)
{
	u64 (*const plain)(void *state, u64 a, u64 b, u64 x, u64 y) = fn;
	struct hrsc *outer = this_cpu(running);
	u64 value;

	if (h->compartment)
		return call_confined(h, &(struct compartment_call){ fn, a, b, x, y });
	this_cpu(running) = h;
	value = plain(h->data, a, b, x, y);
	this_cpu(running) = outer;
	return value;
}

static u64 driver_read(struct hrsc *h, u32 region, u32 offset, u32 width)
{
	return inside(h, h->driver->read, region, offset, width, 0);
}

static void driver_write(struct hrsc *h, u32 region, u32 offset, u32 width, u64 value)
{
	inside(h, h->driver->write, region, offset, width, value);
}

static u64 driver_call(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	return inside(h, h->driver->call, fn, a, b, 0);
}

static void driver_mail(struct hrsc *h)
{
	inside(h, h->driver->mail, 0, 0, 0, 0);
}

static void driver_timer(struct hrsc *h)
{
	inside(h, h->driver->timer, 0, 0, 0, 0);
}

/* A physical interrupt: the driver is called soon, when the CPU is not inside another. */
static void driver_irq(struct hrsc *h, __unused u32 line)
{
	h->device->interrupts++;
	__atomic_store_n(&h->deadline_ns, 1, __ATOMIC_RELEASE);
	((struct vm *)h->owner)->timer_cpu = this_cpu(id);
	sched_timers_changed();
}

static const struct l1_if l1_driver = { .timer = driver_timer, .irq = driver_irq };
static const struct l2_if l2_driver = { .call = driver_call, .mail = driver_mail };
static const struct l3_if l3_driver = { .read = driver_read, .write = driver_write };

static void connect(struct hrsc *h, const struct driver *d)
{
	h->l1 = d->timer ? &l1_driver : NULL;
	h->l2 = d->call ? &l2_driver : NULL;
	h->l3 = &l3_driver;
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

/* Its data, and where it runs. */
static int give_room(struct hrsc *h, bool is_confined)
{
	int err;

	if (!is_confined) {
		h->data = vm_room_take(h->owner, h->driver->state_size);
		return h->data ? 0 : -ENOMEM;
	}
	h->compartment = page_alloc(FRAME_DATA);
	if (!h->compartment)
		return -ENOMEM;
	err = compartment_create(h->compartment, h->driver->state_size);
	h->data = compartment_data(h->compartment);
	return err;
}

static void take_room(struct hrsc *h)
{
	if (h->compartment) {
		compartment_destroy(h->compartment);
		pages_free(h->compartment, 1);
	} else {
		vm_room_give(h->owner, h->data, h->driver->state_size);
	}
	h->compartment = NULL;
	h->data = NULL;
}

int driver_create(
	struct hrsc *h, const struct driver *driver, u16 vm_id, const char *name, bool is_confined)
{
	int err;

	h->driver = driver;
	h->grants = driver->grants | (h->slot ? GRANT_LINE(MACHINE_SLOT_GSI(h->slot)) : 0);
	err = give_room(h, is_confined);
	connect(h, driver);
	if (!err)
		err = hrsc_add(h, HRSC_DRIVER, vm_id, name);
	if (!err && driver->mail)
		err = bus_open(h);
	if (err)
		driver_remove(h);
	return err;
}

int driver_place(struct vm *vm, const struct driver *driver, u8 slot, bool is_confined)
{
	const struct config_function *f = slot ? &vm->config->functions[slot - 1] : NULL;
	struct hrsc *h = &vm->driver_hrsc[vm->ndrivers];
	char name[sizeof(h->name)], digit = slot ? (char)('0' + slot) : 0;
	int err;

	if (vm->ndrivers == VM_DRIVERS)
		return -ENOSPC;
	*h = (struct hrsc){ .owner = vm, .slot = slot };
	fmt_string(name, sizeof(name), "%s/%s%c", vm->name, driver->name, digit);
	err = driver_create(h, driver, vm->id, name, is_confined);
	if (err)
		return err;
	err = add_regions(vm, h);
	if (!err && f && f->kind == FUNCTION_NET)
		err = net_attach(h, f);
	if (!err)
		err = disk_attach(h, true);
	if (err) {
		driver_remove(h);
		return err;
	}
	vm->driver[vm->ndrivers++] = h;
	if (driver->role < PEER_COUNT)
		vm->peer[driver->role + slot] = h;
	return 0;
}

/* False: it failed. */
static bool start_confined(struct hrsc *h, const struct driver_setup *setup)
{
	struct compartment *c = h->compartment;

	compartment_reset(c);
	enter(h, &(struct compartment_call){
			 .fn = h->driver->start, .a = compartment_give(c, setup, sizeof(*setup)) });
	keep(h, false);
	return !c->doomed;
}

void driver_start(struct hrsc *h)
{
	const struct vm *vm = h->owner ? h->owner : &host_vm; /* a switch is of none */
	const struct guest_disk *disk = &vm->disk[h->slot];
	struct driver_setup setup = {
		.memory_bytes = vm->memory_bytes,
		.vcpus = vm->nvcpus,
		.wall_clock_s = time_wall_at_boot(),
		.wall_clock_at_ns = 0,
		.slot = h->slot,
		.disk_writable = disk->mode != DISK_RO,
		.disk_bytes = disk->bytes,
		.cow_bytes = disk->module ? 0 : disk->held,
	};

	if (h->slot) {
		const struct config_function *f = &vm->config->functions[h->slot - 1];

		memcpy(setup.label, f->name, sizeof(setup.label));
		setup.mac = f->port.mac;
	}
	if (h->device)
		setup.device = h->device->setup;
	bus_renew(h);
	h->deadline_ns = 0;
	h->state = HRSC_LIVE;
	if (!h->compartment) {
		memset(h->data, 0, h->driver->state_size);
		inside(h, h->driver->start, (u64)&setup, 0, 0, 0);
	} else if (!start_confined(h, &setup)) {
		fail(h);
		if (h->state == HRSC_LIVE && !start_confined(h, &setup))
			h->state = HRSC_FAILED;
	}
}

void driver_keep(struct hrsc *h)
{
	if (h->compartment)
		keep(h, true);
}

void driver_commit(struct hrsc *h)
{
	if (h->compartment && h->compartment->entries == 1)
		keep(h, false);
}

int driver_doom(struct hrsc *h)
{
	if (!h->compartment || h->state != HRSC_LIVE)
		return -EINVAL;
	compartment_doom(h->compartment);
	return 0;
}

void driver_remove(struct hrsc *h)
{
	net_detach(h);
	(void)disk_attach(h, false);
	bus_close(h);
	hrsc_remove(h);
	take_room(h);
}
