/* SPDX-License-Identifier: BSD-2-Clause */
/* The ACPI tables that describe a guest's machine to its operating system. */
#pragma once

#include "drivers/api/load.h"

#define ACPI_VCPUS_MAX 16

/*
 * Writes all tables from LOAD_ACPI on and returns where the RSDP lies. -EINVAL unless vcpus is 1 to
 * ACPI_VCPUS_MAX, or what memory->write() returned.
 */
int __must_check guest_acpi_build(struct guest_memory *memory, u32 vcpus, u64 *rsdp_gpa);
