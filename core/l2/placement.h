/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Placing drivers: from a driver's constant descriptor to a live hRSC of a VM, either trusted, in
 * ring 0 by plain calls, or confined, in a compartment (arch/x86/compartment.h).
 */
#pragma once

#include "core/l2/vm.h"

/* The registered driver of this name, or NULL. */
const struct driver *driver_find(const char *name);
/* An instance under this name, running: of a VM's, or of none's. */
int __must_check driver_create(
	struct hrsc *h, const struct driver *driver, u16 vm_id, const char *name, bool is_confined);
/*
 * Gives the VM an instance: its data, its regions, its place among the peers. Not started yet.
 * slot: of a PCI function, else 0.
 */
int __must_check driver_place(
	struct vm *vm, const struct driver *driver, u8 slot, bool is_confined);
/* Back to power-on: data zeroed, start() called. */
void driver_start(struct hrsc *h);
/* Its data were written by others: they are what a microreboot goes back to. */
void driver_keep(struct hrsc *h);
/* In a call of h outwards: what it has done so far is not to be done again. */
void driver_commit(struct hrsc *h);
/* It is to fail at its next call, and be rebooted as after any failure. -EINVAL: not confined. */
int __must_check driver_doom(struct hrsc *h);
/* For the L1 orchestrator, at a failure of h: it is to go on. -EAGAIN: too often of late. */
int __must_check driver_revive(struct hrsc *h);
void driver_remove(struct hrsc *h);
