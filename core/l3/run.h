/* SPDX-License-Identifier: BSD-2-Clause */
/* The loop around one vCPU. */
#pragma once

#include "core/l2/vm.h"

/* Enters the guest again and again until its slice is over, it waits, or its VM stops. */
void vcpu_run(struct vcpu *v);
