/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The machine's PCI functions, which boot/pci.c finds, and what their drivers may reach of them
 * (PCI Local Bus Specification, "Configuration Space"): registers in the ranges that the function
 * decodes, each access by the L1 gate, and memory as far as the function is let at it.
 */
#pragma once

#include "core/hrsc.h"
#include "drivers/api/driver.h"

struct device_range {
	u64 base;		/* port, or physical address */
	u32 len;		/* bytes; 0: there is none */
	u8 *mapped;		/* registers in memory, where the nucleus has them; NULL: ports */
	u32 closed, closed_end; /* [closed, closed_end) of them is not for its driver */
};

struct device {
	u16 address;	/* (c) bus, device and function in bits 15-8, 7-3, 2-0 */
	u16 lines;	/* (c) ISA lines that are its own by tradition, a bit for each */
	u32 message;	/* (c) the line that its messages are for (l1_irq_attach()); 0: none come */
	u64 interrupts; /* (o) that have come */
	struct device_range range[DEVICE_RANGES]; /* (c) */
	u8 *memory;				  /* (c) that it shares with its driver, or NULL */
	u32 memory_len;				  /* (c) bytes */
	struct hrsc *driver;			  /* (c) that has it; NULL: none */
	struct device_setup setup;		  /* (c) what that is told */
	struct hrsc *port[BUS_PORTS];		  /* (l) who is attached to the driver's ports */
};

extern struct device *devices; /* (c) after boot */
extern u32 device_count;       /* (c) */

#define DEVICE_AT(reg) ((reg) & ((1u << 28) - 1))

/* The range of h's device that the register lies in, as of DEVICE_REG(); NULL: it has no such. */
const struct device_range *device_range(const struct hrsc *h, u32 reg, u32 width);
/* Whether h's device, if it has one, may reach memory. Off before all else when h has failed. */
void device_master(struct hrsc *h, bool on);
