/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of an AHCI controller under its driver: port 0 has nothing, port 1 a disk, port 2 a disc
 * drive; there are no others. It counts what a driver must not do as faults, and does what it
 * should not itself when it is told to.
 */
#pragma once

#include "tests/host/fake_gate.h"

#define HBA_DISK    1
#define HBA_SECTORS 512

struct ahci_hba {
	u32 reg[0x500 / 4];
	u8 image[HBA_SECTORS * DISK_SECTOR];
	u32 faults; /* of the driver's */
	u32 resets, flushes;
	u32 links;	   /* that were given up and made again */
	u32 busy;	   /* so many looks at a command that is not over */
	bool hangs, fails; /* commands */
	bool clings;	   /* the disk to a command that failed, until it loses its link */
	bool runs_on;	   /* a port that is to stop */
	bool stuck;	   /* it does not end a reset */
	bool gone;	   /* all ones are read */
	bool narrow;	   /* 32 bits of address */
	bool old;	   /* its disk has 28 bits of sector number */
	u32 logical;	   /* bytes in a sector, if not 512 */
	u32 cut;	   /* bytes less than asked for are moved, and that is said */
	s64 lie;	   /* what the next register read says, -1: no lie */
};

extern struct ahci_hba hba;
/* Whether the disk's port and the controller interrupt. */
bool ahci_hba_interrupts(void);

/* As it is after power-on, and no driver yet. */
void ahci_hba_plug(void);
/* A driver starts over it and finds what there is. */
void ahci_hba_start(void);
