/* SPDX-License-Identifier: BSD-2-Clause */
/* Events on their way into the guest: exceptions that an emulation raised, NMIs, interrupts. */
#pragma once

#include "core/l2/vm.h"

/*
 * Raises an exception instead of going on. With another one already on its way it becomes a double
 * fault or a shutdown (SDM volume 3, "Interrupt 8: Double Fault Exception").
 */
void vcpu_inject_exception(struct vcpu *v, u8 vector, bool has_error, u32 error);
/* #PF: CR2 is set, too. */
void vcpu_inject_page_fault(struct vcpu *v, u64 address, u32 error);
void vcpu_inject_gp(struct vcpu *v);
void vcpu_inject_ud(struct vcpu *v);
/* Before an entry: gives the back end what is due, or asks for a window. */
void inject_events(struct vcpu *v);
/* Is anything pending that ends a HLT of v? */
bool vcpu_wakes(const struct vcpu *v);
