/* SPDX-License-Identifier: BSD-2-Clause */
/* Control registers that exit: CR0, CR4 (where the back end traps them), CR8, and XCR0. */
#pragma once

#include "core/l2/vm.h"

void control_handle_cr(struct vcpu *v, const struct exit *exit);
void control_handle_xsetbv(struct vcpu *v, const struct exit *exit);
