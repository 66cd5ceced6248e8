/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the drivers of physical disks share: the bus's side (BUS_DISK_... of drivers/api/driver.h),
 * one request after the other for all ports in turn, time-outs, and the partition tables. A driver
 * is a class, which is constant, and a state that begins with a struct disk.
 */
#pragma once

#include "drivers/api/driver.h"

#define DISK_UNITS	8  /* that one function may have */
#define DISK_PARTITIONS 16 /* of each that can be named */

/* The memory: a window for each port, then one for ourselves, then what the class needs. */
#define DISK_OWN_WINDOW	    (BUS_PORTS * BUS_WINDOW)
#define DISK_CLASS_AT	    (DISK_OWN_WINDOW + BUS_WINDOW)
#define DISK_WINDOW_SECTORS (BUS_WINDOW / DISK_SECTOR)

struct disk_extent {
	u64 first, count; /* sectors; count 0: there is none */
};

struct disk_unit {
	u64 sectors; /* 0: it is not there */
	u8 refused;  /* enum disk_refusal */
	struct disk_extent partition[DISK_PARTITIONS];
};

enum disk_action { DISK_IDENTIFY, DISK_IN, DISK_OUT, DISK_FLUSH };

struct disk_request {
	u8 action; /* enum disk_action */
	u8 unit;
	u8 partition; /* 0: all of it */
	u8 result;    /* enum disk_result */
	bool dropped; /* nobody waits for the result */
	u64 sector;   /* of the whole disk once it has begun */
	u32 count;    /* sectors */
	u32 at;	      /* of its data in the memory, bytes */
};

/* What is known of the disks so far: one is asked after the other what it is and holds. */
enum disk_step {
	STEP_IDENTIFY,
	STEP_MBR,
	STEP_RECORD,
	STEP_GPT_HEADER,
	STEP_GPT_ENTRIES,
	STEP_READY
};

/* Records of logical partitions in an extended one, of which the last is to be read. */
#define DISK_RECORDS 24
struct record_chain {
	struct disk_extent all; /* the extended partition */
	u64 at[DISK_RECORDS];	/* sectors */
	u8 count, next;		/* of them; the index of the next logical partition */
};

struct gpt_table {
	u64 entries_at, first, last; /* sectors; those that partitions may have */
	u32 count, bytes, crc;	     /* of the entries: how many, each so long */
};

struct disk {
	struct disk_unit unit[DISK_UNITS];
	struct disk_request port[BUS_PORTS], own;
	struct disk_request *now; /* what the device is at; NULL: nothing */
	struct gpt_table gpt;
	struct record_chain chain;
	u8 step, probing; /* enum disk_step; which unit */
	u8 next_port;
	bool soon;   /* poll() is to be called again at once, by the timer */
	bool called; /* the device interrupts when a request is over: looking is for lost ones */
	u8 *memory;
	u64 memory_at;
	u64 deadline_ns;
	u64 requests, errors, timeouts;
};

struct disk_class {
	u8 units;
	u64 poll_ns;  /* to look again after so long, if no interrupt comes */
	u64 probe_ns; /* for a unit to answer at the start; 0: a second */
	/* At the start, before the reset; NULL: nothing to do. */
	void (*prepare)(void *state, const struct driver_setup *setup);
	/* Makes the device forget what it was at. Also the start. */
	void (*reset)(void *state);
	/* Whether it could be asked for another unit than the one that failed; NULL: always. */
	bool (*is_up)(const void *state);
	/* Begins s->now. DISK_IDENTIFY: its unit's `sectors` is to be set. */
	void (*begin)(void *state);
	/* How it stands. */
	enum disk_result (*poll)(void *state);
};

void disk_start(const struct disk_class *c, void *state, const struct driver_setup *setup);
u64 disk_bus_call(const struct disk_class *c, void *state, u32 fn, u64 a, u64 b);
void disk_timer(const struct disk_class *c, void *state);

/*
 * partition.c, pure: what a table says, none of which is believed. Partitions outside the disk or
 * over others are left out.
 */
/* From sector 0. True: the table is a GPT. chain->count: there is an extended partition. */
bool partition_read_mbr(struct disk_unit *u, struct record_chain *chain, const u8 *sector);
/* From the last record's sector of the chain. True: there is one more. */
bool partition_read_record(struct disk_unit *u, struct record_chain *chain, const u8 *sector);
/* From sector 1. False: there is none that could be used. */
bool partition_read_gpt(struct gpt_table *gpt, const struct disk_unit *u, const u8 *sector);
void partition_read_entries(struct disk_unit *u, const struct gpt_table *gpt, const u8 *entries);

/* A driver for a class: `id` is its name, `type` of its state; more_grants beside the usual. */
#define DISK_DRIVER(id, class_, type, device_, more_grants)                                        \
	static void id##_start(void *state, const struct driver_setup *setup)                      \
	{                                                                                          \
		disk_start(&(class_), state, setup);                                               \
	}                                                                                          \
	static u64 id##_call(void *state, u32 fn, u64 a, u64 b)                                    \
	{                                                                                          \
		return disk_bus_call(&(class_), state, fn, a, b);                                  \
	}                                                                                          \
	static void id##_timer(void *state)                                                        \
	{                                                                                          \
		disk_timer(&(class_), state);                                                      \
	}                                                                                          \
	static const struct driver id##_driver = {                                                 \
		.name = #id,                                                                       \
		.role = PEER_COUNT,                                                                \
		.state_size = sizeof(type),                                                        \
		.grants = GRANT_TIMER | GRANT_WAKE | (more_grants),                                \
		.device = &(device_),                                                              \
		.start = id##_start,                                                               \
		.call = id##_call,                                                                 \
		.timer = id##_timer,                                                               \
	};                                                                                         \
	DRIVER_REGISTER(id##_driver)
