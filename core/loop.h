/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hypervisor does once it is up: give VMs their turns, the console its bytes. */
#pragma once

#include "core/lib/types.h"

/* Never returns. */
void loop_run(void) __noreturn;
/* Once round: what there is to be done, and the turn of a vCPU or HLT. */
void loop_round(void);
/* Called when no VM is left that runs, may be resumed or is to be restarted. */
void loop_when_all_ended(void (*done)(void));
