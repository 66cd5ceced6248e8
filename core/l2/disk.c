/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The disks of a VM: boot modules, read where they lie, or copied into blocks of the VM that come
 * after its RAM and are in no stage 2. A snapshot holds these as it holds the RAM.
 */
#include "core/l2/disk.h"

#include "arch/x86/smp.h"
#include "arch/x86/window.h"

static hpa_t disk_at(const struct vm *vm, const struct guest_disk *d, u64 at)
{
	return HPA(vm->blocks[d->block + at / BLOCK_SIZE].v + at % BLOCK_SIZE);
}

void disks_fill(struct vm *vm, enum config_disk_mode mode)
{
	for (const struct guest_disk *d = vm->disk; d < vm->disk + MACHINE_SLOTS; d++) {
		u64 len = d->module && d->mode == mode ? d->module->len : 0;

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
	hpa_t ram;

	if (!d->module || at > d->module->len || len > d->module->len - at)
		return -ERANGE;
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
