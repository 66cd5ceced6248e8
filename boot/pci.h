/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's PCI functions, and the drivers that are given some of them. */
#pragma once

#include "core/l1/device.h"
#include "drivers/api/config.h"

/* Configuration space; `at` a multiple of 4. For the boot alone: the ports are one CPU's then. */
u32 pci_read(u16 address, u32 at);
void pci_write(u16 address, u32 at, u32 value);
/* Whether range i of d is registers in memory, by its base address register. */
bool pci_is_memory(const struct device *d, u32 i);

/*
 * boot/msi.c: has the function interrupt by a message with this vector to this CPU. False: it
 * cannot. Its registers are mapped and decoded; where the message is set up in these (MSI-X), that
 * part of them is closed to its driver.
 */
bool msi_enable(struct device *d, u8 vector);

/* Finds all functions: devices[] of core/l1/device.h. -ENOMEM. */
int __must_check pci_find(void);
/*
 * Starts the physical drivers that the configuration names or its VMs' disks need, one for each
 * function that they fit, and waits until they know what they have, for some seconds at most.
 * -ENOENT: there is no such driver, *which says. -ENOMEM.
 */
int __must_check drivers_start(const struct config *config, struct config_driver *which);
