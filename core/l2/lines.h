/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt lines of a VM, from whoever drives one to the controllers that see it. */
#pragma once

#include "core/l2/vm.h"

/* Sets a line: ISA lines reach the PIC and the I/O APIC (0 at pin 2), others the I/O APIC alone. */
void line_set(struct hrsc *from, u32 gsi, bool level);
/* The PIC's vector for an ExtINT, acknowledged. */
u8 line_acknowledge(struct vcpu *v);
