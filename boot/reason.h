/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a boot stopped: one table of numbered reasons, each with its text and what the person at the
 * machine can do about it. Numbers are never reused: they are what people search for. Usable from
 * assembly, which gets REASON_ symbols and may expand the table for the texts it needs.
 */
#pragma once

/* X(number, name, text, what to do about it) */
#define BOOT_REASONS(X)                                                                            \
	X(1, NOT_MULTIBOOT2, "not started by a multiboot2 loader",                                 \
		"start this image from GRUB with the multiboot2 command")                          \
	X(2, NO_LONG_MODE, "this CPU has no 64-bit mode", "use a 64-bit x86 CPU")                  \
	X(3, NO_VIRTUALISATION, "this CPU offers neither AMD-V (SVM) nor VT-x (VMX)",              \
		"use a CPU that has one; in an emulator choose another CPU model")                 \
	X(4, SVM_LOCKED, "AMD-V is switched off and locked by the firmware",                       \
		"enable SVM in the firmware's set-up")                                             \
	X(5, NO_NESTED_PAGING, "nested paging (NPT) is missing from this CPU's AMD-V",             \
		"use a CPU with nested paging; in an emulator choose another CPU model")           \
	X(6, VMX_LOCKED, "VT-x is switched off and locked by the firmware (FEATURE_CONTROL)",      \
		"enable VT-x in the firmware's set-up, then switch off and on again")              \
	X(7, NO_EPT, "extended page tables (EPT) are missing from this CPU's VT-x",                \
		"use a CPU with EPT; in an emulator choose another CPU model")                     \
	X(8, LITTLE_MEMORY, "too little memory", "give the machine more, or the VMs less")         \
	X(9, NO_MEMORY_MAP, "the loader handed over no memory map",                                \
		"start this image from GRUB 2 on BIOS or UEFI")                                    \
	X(10, NO_CONFIG, "the configuration module is missing",                                    \
		"add a line \"module2 /kfv/kfv.conf config\" to the GRUB menu entry")              \
	X(11, BAD_CONFIG, "the configuration is damaged",                                          \
		"correct the line named above and start again")                                    \
	X(12, BAD_MODULE, "a module is missing or damaged",                                        \
		"check the module2 lines of the GRUB menu entry and the files they name")          \
	X(13, NO_ACPI, "no usable ACPI tables (RSDP, MADT)",                                       \
		"enable ACPI in the firmware's set-up")                                            \
	X(14, NO_TIMER, "no timer that could be calibrated",                                       \
		"enable the HPET or the ACPI timer in the firmware's set-up")                      \
	X(15, NO_NX, "this CPU cannot mark memory as not executable (NX)",                         \
		"enable NX (\"execute disable\") in the firmware's set-up")                        \
	X(16, BAD_BOOT_INFO, "the loader's boot information is damaged",                           \
		"start this image from GRUB 2 on BIOS or UEFI")                                    \
	X(17, NO_LOCAL_APIC, "no local APIC", "enable the APIC in the firmware's set-up")          \
	X(18, NO_UNRESTRICTED_GUEST, "this CPU's VT-x cannot run guests in real mode",             \
		"use a CPU with unrestricted guest; in an emulator choose another model")          \
	X(19, NOT_ENABLED, "the CPU refused to switch virtualisation on",                          \
		"leave other hypervisors out, and report the text above")                          \
	X(20, NOT_SEALED, "the hypervisor's own memory could not be protected",                    \
		"report the text above")

#ifdef __ASSEMBLER__

#define X(number, name, text, hint) .set REASON_##name, number;
BOOT_REASONS(X)
#undef X

#else

#include "core/lib/types.h"

#define X(number, name, text, hint) REASON_##name = number,
enum boot_reason { REASON_NONE, BOOT_REASONS(X) REASON_COUNT };
#undef X

/*
 * Stops the boot: number, text, the details in fmt and the advice go to the first serial port and
 * to the screen; then the machine halts, or leaves the emulator if it is known to be one.
 */
void boot_fail(enum boot_reason reason, const char *fmt, ...) __printf(2, 3) __noreturn;

#endif
