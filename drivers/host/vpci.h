/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the drivers of the machine's own virtio devices share, where a hypervisor is beneath (VIRTIO
 * 1.2, "Virtio Over PCI Bus", "General Initialization And Device Operation", "Split Virtqueues"):
 * the driver's side of what drivers/virtio serves to guests. Where there are messages all queues
 * interrupt by the first; else devices are polled.
 */
#pragma once

#include "drivers/api/driver.h"

enum { CFG_COMMON = 1, CFG_NOTIFY, CFG_ISR, CFG_DEVICE, CFG_KINDS };

#define VPCI_VENDOR	 0x1af4
#define VPCI_F_VERSION_1 BIT(32)

#define DESC_NEXT    1
#define DESC_WRITE   2
#define NO_INTERRUPT 1 /* of the available ring's flags */

struct vpci_desc {
	u64 address;
	u32 len;
	u16 flags, next;
};

struct vpci {
	u32 found;	    /* a bit for each kind of registers */
	u32 reg[CFG_KINDS]; /* DEVICE_REG() of their first */
	u32 notify_each;
	bool messages; /* the device is to send some */
};

/* Where a queue has its parts, as the device sees them. */
struct vpci_parts {
	u64 desc, avail, used;
};

/* Finds the registers, by the function's configuration space. */
void vpci_find(struct vpci *v, const struct device_setup *device);
/* The device forgets all; false: it does not, or is none that we know how to drive. */
bool vpci_reset(const struct vpci *v);
/* Of the features that are wanted, those that both have now; 0: it takes none of that. */
u64 vpci_agree(const struct vpci *v, u64 wanted);
/* Queue n, with `size` entries, which interrupts if there are messages. The register to notify it
 * by is put into *notify. */
bool vpci_set_queue(struct vpci *v, u32 n, u32 size, const struct vpci_parts *parts, u32 *notify);
void vpci_go(const struct vpci *v);
/* Whether it works still, as far as it says. */
bool vpci_is_well(const struct vpci *v);
/* Its own registers. */
u64 vpci_read(const struct vpci *v, u32 at, u32 width);

/* Not before what the device is to see is there. */
static inline void vpci_barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}
