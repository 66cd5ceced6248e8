/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fixed places of a guest's machine: its ACPI tables promise them (drivers/firmware/acpi.c) and
 * its drivers serve them. ACPI specification, "ACPI Hardware Specification".
 */
#pragma once

#define MACHINE_PM1_EVENT    0x600 /* status and enable, 16 bits each */
#define MACHINE_PM1_CONTROL  0x604 /* 16 bits; SCI_EN reads as one: there is no legacy mode */
#define MACHINE_PM_TIMER     0x608 /* 24 bits at 3579545 Hz */
#define MACHINE_SLP_TYP_S5   5	   /* with SLP_EN: power off */
#define MACHINE_RESET_PORT   0xcf9
#define MACHINE_RESET_VALUE  6
#define MACHINE_SCI	     9
#define MACHINE_IOAPIC	     0xfec00000
#define MACHINE_LAPIC	     0xfee00000
#define MACHINE_CENTURY	     0x32	   /* CMOS register */
#define MACHINE_RAM_BELOW_4G 0xc0000000ull /* the rest goes on at 4 GiB */

/*
 * PCI: bus 0, functions in slots from 1 on, each with a range of addresses that its base address
 * register names, and an interrupt line of its own for guests that use no messages.
 */
#define MACHINE_SLOTS	       9
#define MACHINE_BARS	       0xfe000000
#define MACHINE_BAR_LEN	       0x4000
#define MACHINE_BAR(slot)      (MACHINE_BARS + (slot)*MACHINE_BAR_LEN)
#define MACHINE_SLOT_GSI(slot) (15 + (slot))
