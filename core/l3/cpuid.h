/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID as guests see it: nothing is offered that does not work. */
#pragma once

#include "core/l2/vm.h"

/* Answers for EAX and ECX in the guest's registers, through the L3 gate. */
void cpuid_handle(struct vcpu *v, const struct exit *exit);
