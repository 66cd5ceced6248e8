/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for the emulator on the host: one vCPU, some RAM, a local APIC and one device that
 * remembers what is written to it. It writes down what the emulator does to it.
 */
#pragma once

#include "tests/host/machine_names.h"

#include "core/l2/vm.h"
#include "core/l3/emulate.h"
#include "core/l3/walk.h"
#include "kfv/hook.h"

#define MACHINE_RAM	 0x40000ull
#define MACHINE_DEVICE	 0xd0000000ull /* guest physical; two pages */
#define MACHINE_DEV_LEN	 0x2000
#define MACHINE_PORTS	 0x100 /* the device's ports: 64, the same bytes as at MACHINE_DEVICE */
#define MACHINE_PORT_LEN 64
#define MACHINE_TABLES	 0x10000ull /* page tables of machine_map() grow upwards from here */
#define MACHINE_CODE	 0x8000ull  /* where machine_code() puts an instruction, linear as well */

#define MAP_W  2u
#define MAP_U  4u
#define MAP_NX (1ull << 63)

struct machine {
	struct vm vm;
	struct vcpu v;
	struct hrsc device;
	u64 regs[HV_REGS];
	struct segment segs[HV_SEGMENTS];
	int cpl;
	u8 ram[MACHINE_RAM];
	u8 dev[MACHINE_DEV_LEN];
	u32 apic[0x100];
	u64 next_table;
	/* What was done. */
	bool raised, has_error;
	u8 vector;
	u32 error;
	const char *failed;
	u32 reads, writes; /* of the device */
	u32 last_offset, last_width, last_region;
	u32 stray;		   /* accesses through a window outside RAM */
	bool exchange_fails;	   /* the guest's tables change whenever they are looked at */
	enum hook_verdict verdict; /* what an armed hook says */
	u32 hooks;
	struct hook_event hook; /* the last one */
};

extern struct machine machine;

/* All as new: 64-bit mode at CPL 0 with the low 256 KiB mapped to themselves, hv set. */
void machine_reset(void);
/* Another mode of the CPU without paging: 16- or 32-bit flat segments. */
void machine_protected(bool wide);
/* Maps one page in the 4-level tables at CR3. */
void machine_map(u64 linear, u64 gpa, u64 flags);
/* Puts bytes at MACHINE_CODE and RIP there. */
void machine_code(const u8 *bytes, u32 len);
u64 machine_number(u64 gpa, u32 width);
void machine_store(u64 gpa, u32 width, u64 value);
/* Runs the emulator on an exit as the CPU would report it. */
void machine_mmio(u64 gpa, u8 access);
