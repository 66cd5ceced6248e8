/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM's memory from creation to destruction, and its stage 2. */
#pragma once

#include "core/l2/vm.h"

/* Blocks and an empty stage 2 for vm->memory_bytes. -ENOMEM; then vm_memory_destroy() tidies up. */
int __must_check vm_memory_create(struct vm *vm);
/* Scrubs every block before it is given back. */
void vm_memory_destroy(struct vm *vm);
/*
 * Scrubs at most so many blocks of a VM that lies still. True when all are clean: vm->scrubbed
 * counts them, and is to be 0 again before the VM runs.
 */
bool vm_memory_scrub(struct vm *vm, u32 most);
/* Scrubbed, and given back. */
void block_give(hpa_t block);

/*
 * The guest touched gpa and stage 2 refused. 0: mapped now, enter again; -ENOENT: not RAM, a
 * device's or nobody's; -ENOMEM: no page for a table; -EACCES: the gate said no.
 */
int __must_check s2_fault(struct vm *vm, gpa_t gpa, u8 access);
