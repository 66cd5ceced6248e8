/* SPDX-License-Identifier: BSD-2-Clause */
/* The string instructions, where one of their two ends is a port or a device. */
#pragma once

#include "core/l3/operand.h"

/*
 * Runs e->insn (MOVS to OUTS), with REP for a while: then the vCPU enters again at the same
 * instruction, so that interrupts get in. Advances RIP at the end of it, or raises what it must.
 */
void string_run(struct emulation *e);
