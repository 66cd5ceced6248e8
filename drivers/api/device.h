/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drivers of physical PCI functions. Such a driver is like any other (drivers/api/driver.h), but
 * that its descriptor has a struct driver_device, which says what functions it is for. There is one
 * instance for each function that the configuration gives it; it serves no VM, but those of them
 * that are attached to its ports (BUS_PORT_SHIFT), which call it on the bus and which it wakes with
 * l2_wake(port). Its timer() is also called soon after an interrupt of its device, and in any case
 * when its deadline has passed: a driver for which no interrupt may come polls.
 *
 * It reaches its function's registers, and no others, through the calls below: the nucleus checks
 * each against what the function decodes. Asking for anything else is its end where it is confined.
 * start() is also what follows a failure: bus mastering is off then, the registers are as the
 * driver before has left them, and requests that were under way are asked for once more.
 */
#pragma once

#include "core/lib/types.h"

/*
 * Ranges 0 to 5 are the base address registers. Those of an IDE controller in compatibility mode
 * are the ports that it has by tradition; ranges 1 and 3 of any are the one port of the control
 * register (PCI IDE Controller Specification, "Compatibility Mode Addresses").
 */
#define DEVICE_RANGES	      6
#define DEVICE_REG(range, at) ((u32)(range) << 28 | (u32)(at)) /* `at` in bytes */
#define DEVICE_MATCHES	      4
#define DEVICE_MEMORY_MAX     MIB(1)

/* Functions that a driver is for: by vendor and device, or (vendor 0) by class. */
struct device_match {
	u16 vendor, device;
	u32 class, mask; /* class, subclass, interface in bits 23-0; those of them that count */
};

/*
 * What a physical driver's descriptor adds. The memory is in one piece, zeroed at the first start
 * and kept across restarts: the nucleus copies between it and the RAM of the VMs at its ports
 * (window of port n: [n * BUS_WINDOW, (n + 1) * BUS_WINDOW)), so that no driver sees both. With
 * GRANT_DMA its device may reach it as well.
 */
struct driver_device {
	struct device_match match[DEVICE_MATCHES]; /* all zero: no more */
	u32 memory_bytes;			   /* whole pages, up to DEVICE_MEMORY_MAX */
	u8 units;				   /* disks that one function may have, else 0 */
};

/* BUS_INFO of a disk's driver. */
enum disk_info {
	DISK_INFO_REQUESTS,
	DISK_INFO_ERRORS,
	DISK_INFO_TIMEOUTS,
	DISK_INFO_REFUSED, /* and up, of each unit: enum disk_refusal */
};

/* Why a unit has no sectors though there is something. */
enum disk_refusal {
	DISK_REFUSED_NOT,
	DISK_REFUSED_FORMAT,  /* it has no sectors of 512 bytes */
	DISK_REFUSED_ADDRESS, /* its controller does not reach the memory */
	DISK_REFUSALS,
};

/* BUS_INFO of a network card's driver. */
enum uplink_info {
	UPLINK_SENT, /* frames */
	UPLINK_RECEIVED,
	UPLINK_UNFIT,	 /* frames that no switch takes */
	UPLINK_RESTARTS, /* of the card, because it made no sense or stood still */
	UPLINK_OVERRUNS,
	UPLINK_DOWN,	/* 1: it has no link */
	UPLINK_ADDRESS, /* the card's, its first byte in bits 47-40; BUS_NO_PEER: not known yet */
	UPLINK_ITEMS,
};

/* What start() is told of the function. */
struct device_setup {
	u8 *memory;		      /* as the driver has it */
	u64 memory_at;		      /* as the device has it */
	u32 range_len[DEVICE_RANGES]; /* bytes; 0: there is no such range */
	bool messages; /* its interrupts come as messages: MSI, or MSI-X of which entry 0 is used */
	u32 config[64]; /* configuration space as it was at boot */
};

/* A register: width is 1, 2, 4 or, in memory, 8, and it lies at a multiple of that. */
u64 l1_reg_read(u32 reg, u32 width);
void l1_reg_write(u32 reg, u32 width, u64 value);
/* Up to 2048 words of 16 bits through one port, from or to the driver's data, stack or memory. */
void l1_reg_block(u32 reg, bool out, void *data, u32 count);
/* With GRANT_DMA: whether the device may read and write memory. */
void l1_bus_master(bool on);
