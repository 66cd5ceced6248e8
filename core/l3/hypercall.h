/* SPDX-License-Identifier: BSD-2-Clause */
/* Hypercalls: the ABI is in hypercall_abi.h. */
#pragma once

#include "core/l2/vm.h"

void hypercall_handle(struct vcpu *v, const struct exit *exit);
