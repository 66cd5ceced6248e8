/* SPDX-License-Identifier: BSD-2-Clause */
/* RDMSR and WRMSR as guests see them: a table; what is not in it is a #GP. */
#pragma once

#include "core/l2/vm.h"

void msr_handle(struct vcpu *v, const struct exit *exit);
