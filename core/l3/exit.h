/* SPDX-License-Identifier: BSD-2-Clause */
/* What to do about an exit: one table for both vendors. */
#pragma once

#include "core/l2/vm.h"
#include "core/l3/fetch.h"

void exit_handle(struct vcpu *v, const struct exit *exit);

/*
 * The handler of a physical interrupt runs in this window; what it changed is seen before re-entry,
 * and an event that waits for the guest's window is looked at: it may be open, and save an exit.
 */
void exit_take_interrupt(struct vcpu *v, const struct exit *exit);

/* Without a length from the CPU: a failed fetch has raised its exception already. */
void vcpu_skip_unknown(struct vcpu *v);

/* Past the instruction that exited: RIP, RF, interrupt shadow. */
static inline void vcpu_skip(struct vcpu *v, const struct exit *exit)
{
	if (likely(exit->insn_len))
		vcpu_advance(v, exit->insn_len);
	else
		vcpu_skip_unknown(v);
}
