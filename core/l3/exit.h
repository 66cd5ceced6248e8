/* SPDX-License-Identifier: BSD-2-Clause */
/* What to do about an exit: one table for both vendors. */
#pragma once

#include "core/l2/vm.h"

void exit_handle(struct vcpu *v, const struct exit *exit);

/* Past the instruction that exited: RIP, RF, interrupt shadow. len 0: it is decoded for its length.
 */
void vcpu_skip(struct vcpu *v, const struct exit *exit);
