/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the nucleus needs to know from the machine's ACPI tables (ACPI Specification, "ACPI Software
 * Programming Model"): CPUs, I/O APICs, interrupt overrides, the PM timer, ECAM, how to power off.
 */
#pragma once

#include "core/lib/types.h"

#define ACPI_CPUS      64
#define ACPI_IOAPICS   8
#define ACPI_OVERRIDES 16

struct acpi_ioapic {
	u32 address, gsi_base;
};

struct acpi_override {
	u8 isa_line;
	u32 gsi;
	u16 flags; /* MPS INTI flags: polarity bits 0-1, trigger bits 2-3 */
};

struct acpi_info {
	u32 ncpus, nioapics, noverrides;
	u32 apic_id[ACPI_CPUS];
	struct acpi_ioapic ioapic[ACPI_IOAPICS];
	struct acpi_override override[ACPI_OVERRIDES];
	u32 pm_timer_port, pm1a_control, pm1b_control;
	u8 reset_space, reset_value;
	u64 reset_address; /* 0: none */
	bool has_s5;
	u8 s5_a, s5_b; /* SLP_TYP values */
	u64 ecam_base;
	u8 ecam_bus_first, ecam_bus_last;
	bool has_madt, has_fadt, has_mcfg;
};

extern struct acpi_info acpi; /* (c) after acpi_init() */

/*
 * rsdp: the root pointer (the loader's copy, or EFI's), or NULL to search the BIOS area. Without
 * tables a PC is assumed. -ENOENT: it is not one; -EBADMSG: the root table is damaged. Other
 * damaged tables are left out with a warning.
 */
int __must_check acpi_init(const void *rsdp);
