/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's drivers on the host, behind gates that record what passes: one instance of every driver,
 * each in a block of its own so that ASan sees any step outside, one clock, one console.
 */
#pragma once

#include "drivers/api/driver.h"

#define PC_LINES     24
#define PC_CONSOLE   4096
#define PC_MSIS	     64
#define PC_DISK	     65536
#define PC_MAC(slot) (0x525400000000 + (slot))

struct pc {
	u64 now_ns;
	bool wired; /* lines and messages go on to the PIC and the IOAPIC, as in a VM */
	bool line[PC_LINES];
	u32 edges[PC_LINES]; /* rising ones */
	bool intr;
	u32 timer_calls;
	struct {
		u64 address;
		u32 data;
	} msi[PC_MSIS];
	u32 msis;
	u8 console[PC_CONSOLE];
	u32 console_len;
	u64 console_room; /* what is left, counted down by each byte */
	u32 console_refused;
	u64 power, power_value; /* the last BUS_POWER */
	u32 powers;
	u8 *ram; /* NULL: l3_memory_ calls fail; freed by pc_stop() */
	u64 ram_len;
	u8 disk[PC_DISK];
	bool disk_writable;
	u64 random;   /* what comes next; 0: the CPU has none */
	u32 accesses; /* to RAM */
	void *kept;   /* room for the state of the function in slot 1, as a microreboot finds it */
	u32 kept_len;
	/* The device under a physical driver; NULL: nobody answers, and nothing is kept. */
	u64 (*reg_read)(u32 reg, u32 width);
	void (*reg_write)(u32 reg, u32 width, u64 value);
	bool master;
	u32 config[64]; /* its configuration space */
	/* Who answers PEER_DISK, NULL: nobody; and the window of its port. */
	u64 (*disk_call)(u32 fn, u64 a, u64 b);
	u8 window[BUS_WINDOW];
	u64 cow_bytes; /* of pc.disk, for what is written over it */
	u32 wakes;     /* of drivers that messages have come for */
};

extern struct pc pc;
extern bool pc_messages; /* physical devices may interrupt by these; stays as it is set */

/* Frees what was there, starts every driver anew at time 1 s, in a VM with `memory_bytes`. */
void pc_start(u64 memory_bytes);
void pc_stop(void);
/* Another driver, a PCI function in this slot. Its disk is pc.disk, of so many bytes. */
void pc_plug(const char *driver, u32 slot, u64 disk_bytes);
/* A physical driver, with as much memory as it asks for, in slot 1; started again if it is there.
 */
void pc_device(const char *driver);
/* RAM from 0 on: all zero, and ASan sees its end. */
void pc_ram(u64 len);
/* The state of the function in a slot, for what its guest cannot see. */
void *pc_state(u32 slot);
/* What handles of the function in a slot have in their second byte. */
u64 pc_end(u32 slot);

/* An access of the guest; all ones where no driver answers. False: `base` is nobody's. */
u64 pc_in(u16 port, u32 width);
void pc_out(u16 port, u32 width, u64 value);
u64 pc_mmio_read(u64 gpa, u32 width);
void pc_mmio_write(u64 gpa, u32 width, u64 value);

/* Calls a driver on the bus by its name. */
u64 pc_call(const char *driver, u32 fn, u64 a, u64 b);
/* What a microreboot does to the bus: grants of the function in a slot, and to it, are void; slot 0
 * is the switch. */
void pc_renew(u32 slot);
/* The deadline that a driver has armed, 0 none. */
u64 pc_deadline(const char *driver);
/* Lets time pass; timers that come due are called at their deadline, in order. */
void pc_advance(u64 ns);
/* Lets time pass in one leap: timers are called late, once. */
void pc_leap(u64 ns);
