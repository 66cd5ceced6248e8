/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that end at a device instead of in RAM. Both advance the guest past the instruction,
 * raise an exception in it, or leave it where it is to try again.
 */
#pragma once

#include "core/l2/vm.h"

/* IN, OUT, INS and OUTS: EXIT_IO. */
void emulate_io(struct vcpu *v, const struct exit *exit);
/* Memory that is not RAM: EXIT_S2. */
void emulate_mmio(struct vcpu *v, const struct exit *exit);
