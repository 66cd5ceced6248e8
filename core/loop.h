/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hypervisor does once it is up: give VMs their turns, the console its bytes. */
#pragma once

#include "core/lib/types.h"

/* Never returns. */
void loop_run(void) __noreturn;
/* Called when no VM is left that runs, may be resumed or is to be restarted. */
void loop_when_all_ended(void (*done)(void));
