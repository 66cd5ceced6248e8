/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where EFI firmware says that its ACPI tables begin, for loaders that do not pass it on (UEFI
 * Specification, "EFI System Table" and "EFI Configuration Table"). Pure: reads through `map`.
 */
#pragma once

#include "core/lib/types.h"

/* len bytes of physical memory, or NULL. */
typedef const void *(*efi_map_t)(u64 physical, u64 len);

/*
 * The ACPI root pointer, with a sound signature and checksum; the newer of two. NULL: the system
 * table, whose address may be 0, is damaged or names none.
 */
const void *efi_find_rsdp(u64 system_table, efi_map_t map);
