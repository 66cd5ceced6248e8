/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypervisor resources (hRSCs): VMs, vCPUs, drivers and the console are all one of these. An hRSC
 * has three interfaces, one for each layer it touches, and a word of armed hooks; the gates in
 * core/l1, core/l2 and core/l3 are the only callers of the interfaces.
 */
#pragma once

#include "core/lib/types.h"

struct compartment;
struct device;
struct driver;
struct hrsc;

struct l1_if {
	void (*irq)(struct hrsc *h, u32 line);
	void (*timer)(struct hrsc *h);
};

struct l2_if {
	u64 (*call)(struct hrsc *h, u32 fn, u64 a, u64 b); /* fn: enum bus_fn, drivers/api */
	void (*mail)(struct hrsc *h); /* messages have come; NULL if none are taken */
};

struct l3_if {
	/* region: index into the driver's regions; offset and width in bytes (1, 2, 4 or 8). */
	u64 (*read)(struct hrsc *h, u32 region, u32 offset, u32 width);
	void (*write)(struct hrsc *h, u32 region, u32 offset, u32 width, u64 value);
};

enum hrsc_kind { HRSC_HOST, HRSC_VM, HRSC_VCPU, HRSC_DRIVER, HRSC_CONSOLE };
enum hrsc_state { HRSC_FREE, HRSC_LIVE, HRSC_FAILED };

struct hrsc {
	u64 armed;		/* (a) HOOK_BIT()s of the ops that an agent watches */
	u8 kind;		/* (c) */
	u8 state;		/* (o) */
	u16 id;			/* (c) index into the registry, 0 is the host */
	u16 vm_id;		/* (c) 1.. the VM it serves, 0 the host */
	u8 slot;		/* (c) of a PCI function, from 1 */
	u8 port;		/* (c) on its switch */
	bool isolated;		/* (a) from it */
	bool lost;		/* (o) its last call, as it failed at that twice */
	u32 generation;		/* (o) counts restarts, so that stale handles fail */
	u32 restarts;		/* (o) of a driver */
	const struct l1_if *l1; /* (c) NULL where the layer is not touched */
	const struct l2_if *l2;
	const struct l3_if *l3;
	const struct driver *driver;	 /* (c) HRSC_DRIVER only */
	void *data;			 /* (c) the driver's own data, as the nucleus sees it */
	struct compartment *compartment; /* (c) where it runs; NULL: trusted */
	u64 grants;			 /* (c) GRANT_ bits: what it may ask for */
	u64 revived_since_ns, revived;	 /* (o) restarts of late */
	void *owner;			 /* (c) struct vm of a driver, VM or vCPU */
	struct hrsc *net;		 /* (c) the switch of a network device */
	struct device *device;		 /* (c) of a physical driver */
	u64 deadline_ns;		 /* (o) timer asked for through the L1 gate, 0 none */
	char name[40];			 /* (c) "linux/uart" */
};

#define HRSC_MAX 256

/* Registers h under a new id. Returns -ENOSPC when the table is full. */
int __must_check hrsc_add(struct hrsc *h, enum hrsc_kind kind, u16 vm_id, const char *name);
void hrsc_remove(struct hrsc *h);
extern struct hrsc *hrsc_table[HRSC_MAX]; /* (o) for hrsc_get() alone */

/* NULL when there is no such id. */
static inline struct hrsc *hrsc_get(u16 id)
{
	return id < HRSC_MAX ? hrsc_table[id] : NULL;
}

/* The host's own hRSC (id 0): the physical machine. */
extern struct hrsc host_hrsc;
