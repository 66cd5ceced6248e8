/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the two files of the virtual local APIC. */
#pragma once

#include "core/l2/vlapic.h"

#define APIC_BASE_BOOT_CPU BIT(8)
#define APIC_BASE_ENABLED  BIT(11)
#define APIC_SVR_ENABLED   BIT(8)
#define APIC_FIRST_VECTOR  16

/* Bits of the error status register. */
#define APIC_ERROR_SENT_VECTOR	   BIT(5)
#define APIC_ERROR_RECEIVED_VECTOR BIT(6)
#define APIC_ERROR_REGISTER	   BIT(7)

u32 vlapic_ppr(const struct vlapic *a);
void vlapic_error(struct vcpu *v, u32 error);
void vlapic_nmi(struct vcpu *v);
/* The low half of v's interrupt command register is written: an IPI goes out. */
void vlapic_send(struct vcpu *v, u32 icr_low);
