/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's memory: blocks of 2 MiB owned by it, mapped into its stage 2 when it first touches them.
 * RAM fills guest physical addresses from 0 to VM_RAM_BELOW_4G, and goes on at 4 GiB.
 */
#include "core/l2/memory.h"

#include "arch/x86/smp.h"
#include "arch/x86/window.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l2/gate.h"
#include "kfv/hook.h"

static void scrub_block(hpa_t block)
{
	smp_poll();
	hook_busy();
	for (u64 at = 0; at < BLOCK_SIZE; at += PAGE_SIZE)
		window_zero(HPA(block.v + at));
}

void block_give(hpa_t block)
{
	scrub_block(block);
	block_free(block);
}

int vm_memory_create(struct vm *vm)
{
	u32 n = vm->all_blocks;
	int err = pt_init(&vm->s2, hv->s2_format, OWNER_VM(vm->id));

	if (err)
		return err;
	vm->blocks = vm_room_take(vm, n * sizeof(hpa_t));
	if (!vm->blocks)
		return -ENOMEM;
	for (vm->nblocks = 0; vm->nblocks < n; vm->nblocks++) {
		if (block_alloc(OWNER_VM(vm->id), &vm->blocks[vm->nblocks]) < 0)
			return -ENOMEM;
		scrub_block(vm->blocks[vm->nblocks]);
	}
	return 0;
}

void vm_memory_destroy(struct vm *vm)
{
	pt_destroy(&vm->s2);
	while (vm->nblocks)
		block_give(vm->blocks[--vm->nblocks]);
	vm_room_give(vm, vm->blocks, vm->all_blocks * sizeof(hpa_t));
	vm->blocks = NULL;
}

bool vm_memory_scrub(struct vm *vm, u32 most)
{
	u32 ram = (u32)(vm->memory_bytes / BLOCK_SIZE);

	while (most-- && vm->scrubbed < ram)
		scrub_block(vm->blocks[vm->scrubbed++]);
	return vm->scrubbed == ram;
}

/* Where in the VM's RAM [gpa, gpa+len) lies; false: it is not all RAM. */
static __always_inline bool ram_offset(const struct vm *vm, u64 gpa, u64 len, u64 *offset)
{
	u64 end = MIN(vm->memory_bytes, VM_RAM_BELOW_4G);

	*offset = gpa;
	if (unlikely(gpa >= VM_RAM_BELOW_4G)) {
		*offset = gpa - GIB(4) + VM_RAM_BELOW_4G;
		end = gpa >= GIB(4) ? vm->memory_bytes : 0;
	}
	return *offset < end && len <= end - *offset;
}

bool vm_is_ram(const struct vm *vm, gpa_t gpa, u64 len)
{
	u64 offset;

	return ram_offset(vm, gpa.v, len, &offset);
}

int vm_ram(const struct vm *vm, gpa_t gpa, hpa_t *out)
{
	u64 offset;

	if (!ram_offset(vm, gpa.v, 1, &offset))
		return -EFAULT;
	*out = vm_block_at(vm, offset);
	return 0;
}

static __noinline int map_block(struct vm *vm, u64 base, hpa_t hpa)
{
	u32 level;

	if (pt_lookup(&vm->s2, base, &level))
		return 0; /* mapped by now: a stale translation, gone with this exit */
	if (!l2_gate_map(&vm->hrsc, base, hpa.v, BLOCK_SIZE, PROT_RWX))
		return -EACCES;
	return pt_map(&vm->s2, base, hpa, BLOCK_SIZE, PROT_RWX);
}

int s2_fault(struct vm *vm, gpa_t gpa, u8 access)
{
	u64 base = gpa.v & ~(BLOCK_SIZE - 1);
	hpa_t hpa;

	(void)access;
	return vm_ram(vm, GPA(base), &hpa) < 0 ? -ENOENT : map_block(vm, base, hpa);
}

typedef void (*page_fn)(hpa_t, void *, u32);

static __noinline int each_page(const struct vm *vm, u64 offset, u64 len, page_fn fn, void *data)
{
	for (u64 n = PAGE_SIZE - (offset & ~PAGE_MASK); len; n = PAGE_SIZE) {
		n = MIN(n, len);
		fn(vm_block_at(vm, offset), data, (u32)n);
		offset += n;
		len -= n;
		data = (u8 *)data + n;
	}
	return 0;
}

/* Calls fn for each piece of [gpa, gpa+len) that lies in one page; all of it is RAM or nothing is
 * done. */
static __always_inline int each_piece(
	const struct vm *vm, gpa_t gpa, u64 len, page_fn fn, void *data)
{
	u64 offset;

	if (!ram_offset(vm, gpa.v, len, &offset))
		return len ? -EFAULT : 0;
	if (unlikely(len > PAGE_SIZE - (offset & ~PAGE_MASK)))
		return each_page(vm, offset, len, fn, data);
	fn(vm_block_at(vm, offset), data, (u32)len);
	return 0;
}

static void copy_out(hpa_t hpa, void *to, u32 n)
{
	window_read(hpa, to, n);
}

static void copy_in(hpa_t hpa, void *from, u32 n)
{
	window_write(hpa, from, n);
}

static void clear(hpa_t hpa, void *unused, u32 n)
{
	(void)unused;
	window_fill(hpa, 0, n);
}

int vm_read(struct vm *vm, gpa_t gpa, void *to, u64 len)
{
	return each_piece(vm, gpa, len, copy_out, to);
}

int vm_write(struct vm *vm, gpa_t gpa, const void *from, u64 len)
{
	return each_piece(vm, gpa, len, copy_in, (void *)from);
}

int vm_zero(struct vm *vm, gpa_t gpa, u64 len)
{
	return each_piece(vm, gpa, len, clear, NULL);
}
