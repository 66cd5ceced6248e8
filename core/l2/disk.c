/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The disks of a VM: boot modules, read where they lie, or copied into blocks of the VM that come
 * after its RAM and are in no stage 2. A snapshot holds these as it holds the RAM. Or physical
 * ones, whose drivers answer on the bus: the data passes through a window in the memory of such a
 * driver, and what is written to DISK_COW goes to blocks.
 */
#include "core/l2/disk.h"

#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "core/l2/host.h"

static hpa_t disk_at(const struct vm *vm, const struct guest_disk *d, u64 at)
{
	return HPA(vm->blocks[d->block + at / BLOCK_SIZE].v + at % BLOCK_SIZE);
}

void disks_fill(struct vm *vm, enum config_disk_mode mode)
{
	for (const struct guest_disk *d = vm->disk; d < vm->disk + MACHINE_SLOTS; d++) {
		u64 len = d->module && d->mode == mode ? d->held : 0;

		for (u64 at = 0; at < len; at += PAGE_SIZE) {
			smp_poll();
			window_write(disk_at(vm, d, at), d->module->data + at,
				(u32)MIN(len - at, PAGE_SIZE));
		}
	}
}

int disk_move(
	struct vm *vm, const struct guest_disk *d, enum disk_op op, u64 at, gpa_t gpa, u32 len)
{
	bool window = op >= DISK_FROM_WINDOW;
	u64 size = window ? d->device ? BUS_WINDOW : 0 : d->held;
	hpa_t ram;

	if (at > size || len > size - at)
		return -ERANGE;
	if (window)
		at += d->port * BUS_WINDOW;
	if (op == DISK_TO_WINDOW)
		return vm_read(vm, gpa, d->device->memory + at, len);
	if (op == DISK_FROM_WINDOW)
		return vm_write(vm, gpa, d->device->memory + at, len);
	if (d->mode == DISK_RO)
		return op == DISK_READ ? vm_write(vm, gpa, d->module->data + at, len) : -EPERM;
	for (u32 n; len; at += n, gpa.v += n, len -= n) {
		n = (u32)MIN(len, PAGE_SIZE - MAX(at & ~PAGE_MASK, gpa.v & ~PAGE_MASK));
		if (op == DISK_ZERO)
			window_fill(disk_at(vm, d, at), 0, n);
		else if (vm_ram(vm, gpa, &ram) < 0)
			return -EFAULT;
		else if (op == DISK_READ)
			window_copy(ram, disk_at(vm, d, at), n);
		else
			window_copy(disk_at(vm, d, at), ram, n);
	}
	return 0;
}

static struct guest_disk *disk_of(const struct hrsc *h)
{
	return &((struct vm *)h->owner)->disk[h->slot];
}

int disk_attach(struct hrsc *h, bool on)
{
	struct guest_disk *d = h->slot ? disk_of(h) : NULL;
	int port = d && d->device ? host_seat(d->device, on ? NULL : h, on ? h : NULL) : 0;

	if (d)
		d->port = (u8)port;
	return MIN(port, 0);
}

u64 disk_call(struct hrsc *h, u32 fn, u64 a, u32 b)
{
	const struct guest_disk *disk = disk_of(h);
	bool changes = fn == BUS_DISK_WRITE || fn == BUS_DISK_FLUSH;

	if (!disk->device || fn < BUS_DISK_SIZE || fn > BUS_DISK_DROP ||
		(changes && disk->mode != DISK_RW))
		return BUS_NO_PEER;
	return host_call(disk->device, h, disk->port, fn, a, (u64)disk->target << 32 | b);
}
