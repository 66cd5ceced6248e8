/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's own interrupt controllers: local APIC (xAPIC or x2APIC), I/O APICs, and the PIC,
 * which is masked for good (SDM volume 3, "Advanced Programmable Interrupt Controller").
 */
#pragma once

#include "core/lib/types.h"

/* Enables this CPU's local APIC. -ENODEV when there is none. */
int __must_check apic_init(void);
/* Its registers, by their offsets in the page of the xAPIC; NULL: there are MSRs instead. */
extern volatile u32 *apic_page; /* (c) */
u32 apic_read(u32 reg);
void apic_write(u32 reg, u32 value);
void apic_eoi(void);
/* One-shot timer at VECTOR_TIMER after `ticks` of the undivided APIC clock; 0 stops it. */
void apic_timer_start(u32 ticks);
/* The timer's interrupt at once, as if it had run out. */
void apic_timer_now(void);
/* Interprocessor interrupt: a vector or one of these. Returns when the APIC has sent it. */
void apic_send(u32 apic_id, u32 what);
#define IPI_NMI		  (4u << 8)
#define IPI_INIT	  (5u << 8)
#define IPI_STARTUP(page) (6u << 8 | (page)) /* in real mode, at a page below 1 MiB */
/* Masks the PIC, maps the I/O APICs of the MADT and masks their pins. */
int __must_check ioapic_init(void);
/* Sends the ISA line to `vector` on the boot CPU. -ENOENT when no I/O APIC has that pin. */
int __must_check ioapic_route_isa(u8 line, u8 vector);
