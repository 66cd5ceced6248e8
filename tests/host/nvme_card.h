/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A model of an NVMe controller under its driver: namespace 2 of three is a disk, 1 is empty and 3
 * has blocks of 4096 bytes. It counts what a driver must not do as faults, and does what it should
 * not itself when it is told to.
 */
#pragma once

#include "tests/host/fake_gate.h"

#define NVME_DISK    1 /* the unit */
#define NVME_SECTORS 512

struct nvme_card {
	u32 reg[0x40 / 4];
	u64 queue[2][2]; /* admin's and I/O: where commands and completions are */
	u32 head[2], tail[2], done[2];
	u8 image[NVME_SECTORS * DISK_SECTOR];
	u32 faults; /* of the driver's */
	u32 resets, flushes, commands;
	u8 transfer;	   /* MDTS */
	bool hangs, fails; /* commands of I/O */
	bool refuses;	   /* the admin's */
	bool stuck;	   /* it does not go off, or on */
	bool gone;	   /* all ones are read */
	u8 format;	   /* index of the disk's */
	u16 metadata;	   /* bytes */
	u64 blocks;	   /* of the disk */
	u32 wrong;	   /* is changed in the next completion's last word */
	s64 lie;	   /* what the next register read says, -1: no lie */
};

extern struct nvme_card nvme;

/* As it is after power-on, and no driver yet. */
void nvme_card_plug(void);
/* A driver starts over it and finds what there is. */
void nvme_card_start(void);
