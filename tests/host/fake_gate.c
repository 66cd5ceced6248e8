/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate calls of drivers/api/driver.h for the host, and the machine around them.
 */
#include "tests/host/fake_gate.h"

#include "tests/host/fake_instance.h"

#include <stdlib.h>
#include <string.h>

extern const struct driver *const __start_kfv_drivers[];
extern const struct driver *const __stop_kfv_drivers[];

struct pc pc;
bool pc_messages;
struct instance instances[INSTANCES];
u32 ninstances;
struct instance *current;

static struct instance *enter(struct instance *i)
{
	struct instance *before = current;

	current = i;
	return before;
}

void pc_stop(void)
{
	for (u32 i = 0; i < ninstances; i++)
		free(instances[i].state), free(instances[i].memory);
	free(pc.ram);
	ninstances = 0;
	memset(&pc, 0, sizeof(pc));
}

static void place(const struct driver *driver, const struct driver_setup *setup)
{
	struct instance *i = &instances[ninstances++];

	if (ninstances > INSTANCES)
		abort();
	*i = (struct instance){ .driver = driver,
		.state = calloc(1, driver->state_size),
		.memory = setup->device.memory,
		.slot = setup->slot };
	enter(i);
	driver->start(i->state, setup);
	enter(NULL);
}

void pc_plug(const char *driver, u32 slot, u64 disk_bytes)
{
	struct driver_setup setup = { .memory_bytes = MIB(256),
		.vcpus = 1,
		.slot = slot,
		.disk_bytes = disk_bytes,
		.disk_writable = pc.disk_writable,
		.cow_bytes = pc.cow_bytes,
		.mac = PC_MAC(slot),
		.label = "a disk" };

	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++)
		if (!strcmp((*d)->name, driver))
			place(*d, &setup);
}

static const struct driver *find_driver(const char *name)
{
	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++)
		if (!strcmp((*d)->name, name))
			return *d;
	abort();
}

void pc_device(const char *driver)
{
	const struct driver *d = find_driver(driver);
	struct driver_setup setup = { .slot = 1, .device = { .memory_at = 0x100000 } };

	for (u32 i = 0; i < DEVICE_RANGES; i++)
		setup.device.range_len[i] = KIB(64);
	setup.device.messages = pc_messages;
	memcpy(setup.device.config, pc.config, sizeof(pc.config));
	for (u32 i = 0; i < ninstances; i++) {
		if (instances[i].driver != d)
			continue;
		setup.device.memory = instances[i].memory;
		memset(instances[i].state, 0, d->state_size);
		instances[i].deadline = 0;
		enter(&instances[i]);
		d->start(instances[i].state, &setup);
		enter(NULL);
		return;
	}
	setup.device.memory = calloc(1, d->device->memory_bytes);
	place(d, &setup);
}

void pc_ram(u64 len)
{
	free(pc.ram);
	pc.ram = calloc(1, len);
	pc.ram_len = len;
}

struct instance *pc_instance(u32 slot)
{
	for (u32 i = 0; i < ninstances; i++)
		if (instances[i].slot == slot)
			return &instances[i];
	abort();
}

u64 pc_end(u32 slot)
{
	return (u64)(pc_instance(slot) - instances) << 8;
}

void *pc_state(u32 slot)
{
	return pc_instance(slot)->state;
}

void pc_start(u64 memory_bytes)
{
	struct driver_setup setup = { .memory_bytes = memory_bytes, .vcpus = 1 };

	pc_stop();
	pc.now_ns = 1000000000;
	pc.console_room = ~0ull >> 1;
	/* Tue 29 Feb 2028, 23:59:58 UTC at time 1 s. */
	setup.wall_clock_s = 1835481598;
	setup.wall_clock_at_ns = pc.now_ns;
	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++)
		if ((*d)->role != PEER_FUNCTION && !(*d)->device)
			place(*d, &setup);
}

static u64 base_of(const struct instance *i, u32 region)
{
	const struct driver_region *r = &i->driver->regions[region];

	return r->space == REGION_BAR ? MACHINE_BAR(i->slot) + r->base : r->base;
}

static struct instance *find(u8 space, u64 address, u32 width, u32 *region)
{
	for (u32 i = 0; i < ninstances; i++)
		for (u32 r = 0; r < DRIVER_REGIONS; r++) {
			const struct driver_region *at = &instances[i].driver->regions[r];
			u64 base = base_of(&instances[i], r);

			*region = r;
			if ((at->space == REGION_BAR ? REGION_MMIO : at->space) == space &&
				address >= base && address + width <= base + at->len)
				return &instances[i];
		}
	return NULL;
}

static u64 width_mask(u32 width)
{
	return width == 8 ? ~0ull : BIT(8 * width) - 1;
}

static u64 access_read(u8 space, u64 address, u32 width)
{
	u32 region;
	struct instance *i = find(space, address, width, &region), *before;
	u64 value;

	if (!i)
		return width_mask(width);
	before = enter(i);
	value = i->driver->read(i->state, region, address - base_of(i, region), width);
	enter(before);
	if (value & ~width_mask(width)) /* more than was asked for */
		abort();
	return value;
}

static void access_write(u8 space, u64 address, u32 width, u64 value)
{
	u32 region;
	struct instance *i = find(space, address, width, &region), *before;

	if (!i)
		return;
	before = enter(i);
	i->driver->write(
		i->state, region, address - base_of(i, region), width, value & width_mask(width));
	enter(before);
}

u64 pc_in(u16 port, u32 width)
{
	return access_read(REGION_PORT, port, width);
}

void pc_out(u16 port, u32 width, u64 value)
{
	access_write(REGION_PORT, port, width, value);
}

u64 pc_mmio_read(u64 gpa, u32 width)
{
	return access_read(REGION_MMIO, gpa, width);
}

void pc_mmio_write(u64 gpa, u32 width, u64 value)
{
	access_write(REGION_MMIO, gpa, width, value);
}

struct instance *by_name(const char *name)
{
	for (u32 i = 0; i < ninstances; i++)
		if (!strcmp(instances[i].driver->name, name))
			return &instances[i];
	return NULL;
}

static u64 call(struct instance *i, u32 fn, u64 a, u64 b)
{
	struct instance *before = current;
	u64 answer;

	if (!i || !i->driver->call)
		return BUS_NO_PEER;
	enter(i);
	answer = i->driver->call(i->state, fn, a, b);
	enter(before);
	return answer;
}

u64 pc_call(const char *driver, u32 fn, u64 a, u64 b)
{
	return call(by_name(driver), fn, a, b);
}

u64 pc_deadline(const char *driver)
{
	struct instance *i = by_name(driver);

	return i ? i->deadline : 0;
}

static struct instance *earliest(u64 until)
{
	struct instance *first = NULL;

	for (u32 i = 0; i < ninstances; i++)
		if (instances[i].deadline && instances[i].deadline <= until &&
			(!first || instances[i].deadline < first->deadline))
			first = &instances[i];
	return first;
}

static void fire(struct instance *i)
{
	struct instance *before = enter(i);

	if (!i->driver->timer)
		abort();
	i->deadline = 0;
	pc.timer_calls++;
	i->driver->timer(i->state);
	enter(before);
}

static void deliver(void)
{
	for (struct instance *i = instances; i < instances + ninstances; i++) {
		struct instance *before = current;

		if (i->head == i->tail)
			continue;
		enter(i);
		i->driver->mail(i->state);
		enter(before);
	}
}

void pc_advance(u64 ns)
{
	u64 end = pc.now_ns + ns;
	struct instance *i;

	deliver();
	while ((i = earliest(end))) {
		if (i->deadline > pc.now_ns)
			pc.now_ns = i->deadline;
		fire(i);
	}
	pc.now_ns = end;
}

void pc_leap(u64 ns)
{
	pc.now_ns += ns;
	for (u32 i = 0; i < ninstances; i++)
		if (instances[i].deadline && instances[i].deadline <= pc.now_ns)
			fire(&instances[i]);
}

u64 l1_now_ns(void)
{
	return pc.now_ns;
}

void l1_timer_arm(u64 deadline_ns)
{
	if (!current)
		abort();
	current->deadline = deadline_ns;
}

static u64 console_write(u8 byte)
{
	if (!pc.console_room) {
		pc.console_refused++;
		return 0;
	}
	if (pc.console_len < PC_CONSOLE)
		pc.console[pc.console_len++] = byte;
	return --pc.console_room;
}

u64 l2_call(enum bus_peer peer, enum bus_fn fn, u64 a, u64 b)
{
	if (peer == PEER_CONSOLE && fn == BUS_CONSOLE_WRITE)
		return console_write(a);
	if (peer == PEER_VM && fn == BUS_POWER) {
		pc.power = a;
		pc.power_value = b;
		pc.powers++;
		return 0;
	}
	if (peer == PEER_DISK)
		return pc.disk_call ? pc.disk_call(fn, a, b) : BUS_NO_PEER;
	if (peer == PEER_SWITCH)
		fn |= (current->slot - 1) << BUS_PORT_SHIFT;
	for (u32 i = 0; i < ninstances; i++)
		if (instances[i].driver->role + instances[i].slot == peer)
			return call(&instances[i], fn, a, b);
	return BUS_NO_PEER;
}

/* As in a VM: ISA line 0 is pin 2 of the IOAPIC, the others keep their numbers. */
void l3_raise_irq(u32 gsi, bool level)
{
	if (gsi >= PC_LINES)
		abort();
	pc.edges[gsi] += level && !pc.line[gsi];
	pc.line[gsi] = level;
	if (!pc.wired)
		return;
	if (gsi < 16)
		pc_call("pic", BUS_LINE, gsi, level);
	pc_call("ioapic", BUS_LINE, gsi ? gsi : 2, level);
}

void l3_msi(u64 address, u32 data)
{
	pc.msi[pc.msis % PC_MSIS].address = address;
	pc.msi[pc.msis++ % PC_MSIS].data = data;
}

void l3_intr(bool level)
{
	pc.intr = level;
}

/* Of a physical driver, at whose ports the devices in slots 1 and up are. */
void l2_wake(u32 port)
{
	for (u32 i = 0; i < ninstances; i++)
		if (instances[i].slot == port + 1)
			instances[i].deadline = pc.now_ns;
	pc.wakes++;
}

u64 l1_reg_read(u32 reg, u32 width)
{
	return pc.reg_read ? pc.reg_read(reg, width) & width_mask(width) : width_mask(width);
}

void l1_reg_write(u32 reg, u32 width, u64 value)
{
	if (pc.reg_write)
		pc.reg_write(reg, width, value & width_mask(width));
}

void l1_reg_block(u32 reg, bool out, void *data, u32 count)
{
	for (u8 *p = data; count--; p += 2) {
		u16 word = 0;

		if (out) {
			memcpy(&word, p, 2);
			l1_reg_write(reg, 2, word);
		} else {
			word = (u16)l1_reg_read(reg, 2);
			memcpy(p, &word, 2);
		}
	}
}

void l1_bus_master(bool on)
{
	pc.master = on;
}

bool l1_random(u64 *out)
{
	*out = pc.random;
	return pc.random++;
}

/* All of it is RAM, or nothing is copied. */
u8 *ram(u64 gpa, u32 len)
{
	pc.accesses++;
	return pc.ram && gpa <= pc.ram_len && len <= pc.ram_len - gpa ? pc.ram + gpa : NULL;
}

int l3_memory_read(u64 gpa, void *to, u32 len)
{
	const u8 *from = ram(gpa, len);

	if (from)
		memcpy(to, from, len);
	return from ? 0 : -EFAULT;
}

int l3_memory_write(u64 gpa, const void *from, u32 len)
{
	u8 *to = ram(gpa, len);

	if (to)
		memcpy(to, from, len);
	return to ? 0 : -EFAULT;
}

/* What a microreboot goes back to is the state before anybody else knows of what was done. */
int l3_memory_publish(u64 gpa, const void *from, u32 len)
{
	if (pc.kept)
		memcpy(pc.kept, pc_state(1), pc.kept_len);
	return l3_memory_write(gpa, from, len);
}

int l2_disk(enum disk_op op, u64 at, u64 gpa, u32 len)
{
	u8 *there = op == DISK_ZERO ? pc.disk : ram(gpa, len);

	if (op >= DISK_FROM_WINDOW) {
		if (at > BUS_WINDOW || len > BUS_WINDOW - at)
			return -ERANGE;
		if (there && op == DISK_FROM_WINDOW)
			memcpy(there, pc.window + at, len);
		else if (there)
			memcpy(pc.window + at, there, len);
		return there ? 0 : -EFAULT;
	}
	if (at > PC_DISK || len > PC_DISK - at)
		return -ERANGE;
	if (op != DISK_READ && !pc.disk_writable)
		return -EPERM;
	if (!there)
		return -EFAULT;
	if (op == DISK_READ)
		memcpy(there, pc.disk + at, len);
	else if (op == DISK_WRITE)
		memcpy(pc.disk + at, there, len);
	else
		memset(pc.disk + at, 0, len);
	return 0;
}
