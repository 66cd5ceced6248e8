/* SPDX-License-Identifier: BSD-2-Clause */
/* One virtual CPU: made, reset, set to a boot state, freed. */
#pragma once

#include "drivers/api/load.h"
#include "core/l2/vm.h"

/* A new vCPU of vm, reset. -ENOMEM, -ENOSPC. */
int __must_check vcpu_create(struct vm *vm, u32 index);
void vcpu_destroy(struct vcpu *v);
/* The state after INIT, statistics kept. */
void vcpu_reset(struct vcpu *v);
/* Real mode at vector * 4 KiB, as after a start-up IPI. */
void vcpu_set_start(struct vcpu *v, u8 sipi_vector);
/* Where the loader wants the boot vCPU to start. */
void vcpu_set_boot_state(struct vcpu *v, const struct boot_state *boot);
