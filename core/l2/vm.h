/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual machines and their vCPUs: what a VM owns (memory in blocks, a stage-2 table, drivers,
 * vCPUs) and where it stands in its life. Created whole from a checked configuration or not at all.
 * Beside (c) constant, (o) owner only and (a) atomic, (s) stands for "under LOCK_SCHED".
 */
#pragma once

#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "core/hrsc.h"
#include "core/l1/lock.h"
#include "core/l2/regions.h"
#include "core/l2/vlapic.h"
#include "drivers/api/config.h"
#include "drivers/api/decode.h"
#include "drivers/api/driver.h"
#include "drivers/api/load.h"
#include "core/lib/types.h"

#define VM_MAX		16
#define VM_VCPUS	16
#define VM_DRIVERS	(DEVICE_COUNT + CONFIG_FUNCTIONS)
#define VM_NAME		32
#define VM_RAM_BELOW_4G MACHINE_RAM_BELOW_4G /* RAM goes from 0 to here, devices live above */

enum vm_state { VM_EMPTY, VM_READY, VM_RUNNING, VM_PAUSED, VM_STOPPED };
enum vm_end {
	END_NONE,
	END_POWER_OFF,
	END_REBOOT,
	END_HALT,
	END_DEBUG_EXIT,
	END_TRIPLE_FAULT,
	END_FAILED,
	END_KILLED
};

/* Work to be done before the vCPU may enter again: one test answers "anything?". */
#define HAZARD_EVENT	   BIT(0) /* the local APIC or the PIC has something */
#define HAZARD_TIMER	   BIT(1) /* one of the VM's timers is due */
#define HAZARD_RESCHED	   BIT(2) /* its slice is over */
#define HAZARD_STOP	   BIT(3) /* the VM is to pause or to end */
#define HAZARD_ORCHESTRATE BIT(4) /* the VO has reports to read */
#define HAZARD_THROTTLE	   BIT(5) /* R18, R02: not before throttled_until_ns */
#define HAZARD_INIT	   BIT(6) /* an INIT or a start-up IPI has come */
#define HAZARD_MAIL	   BIT(7) /* messages for drivers of the VM: vm.mail */

#define START_PENDING BIT(8)

#define HISTOGRAM_SLOTS 8 /* < 256 ticks, < 1 K, < 4 K, ... each four times the one before */

struct exit_stats {
	u64 ticks; /* TSC spent handling */
	u64 slots[HISTOGRAM_SLOTS];
};

/* An instruction that made the vCPU exit: see core/l3/fetch.c. */
#define FETCH_SLOTS 8

struct fetch_slot {
	u64 rip, space; /* hv->code_space() */
	hpa_t hpa;	/* of its first byte; all lie on one page */
	u8 bytes[INSN_MAX_LEN];
	struct insn insn; /* len 0: the slot is empty */
};

#define PVCLOCK_MSRS 4

/* What the guest registered with core/l3/pvclock.c; all zero after a reset. */
struct pvclock {
	u64 msr[PVCLOCK_MSRS];	    /* 0: no record */
	u64 steal_from, steal_seen; /* stolen_ns at the start, and in the record */
	u32 tsc_moves;		    /* the VM's, when the clock's record was written */
	u32 version;		    /* of what was written last, even */
};

struct vm;
struct msr;

struct vcpu {
	struct hv_vcpu hv; /* first: the back end's half */
	struct hrsc hrsc;
	struct vm *vm; /* (c) */
	u32 index;     /* (c) */
	u32 hazard;    /* (a) HAZARD_ bits */
	/* From here to `stolen_ns`: what a snapshot holds of it. */
	bool halted;	    /* (s) needs no CPU until an event */
	bool asleep;	    /* (o) in HLT, which not every event ends */
	bool waiting;	    /* (s) waits for its start-up IPI */
	bool init_pending;  /* (s) an INIT has come */
	u32 start_pending;  /* (s) START_PENDING and the vector of a start-up IPI */
	bool nmi_pending;   /* (o) */
	struct vlapic apic; /* (o) */
	u64 xcr0;	    /* (o) */
	u64 mtrr_def_type, misc_enable, tsc_aux; /* (o) MSRs that we only remember */
	struct pvclock pv;			 /* (o) */
	u64 stolen_ns;				 /* (o) in all: was ready and had no CPU */
	u64 run_ns;				 /* (o) in all: had a CPU */
	bool queued, turn;			 /* (s) in the queue; taken out of it by a CPU */
	u32 cpu;				 /* (s) that has it loaded or taken, CPU_NONE */
	u32 home;				 /* (o) CPU that looks after its timers */
	u64 ready_ns, turn_ns;			 /* (s) since when it waits or runs */
	u64 longest_wait_ns, turns;		 /* (o) */
	struct exit exit;			 /* (o) the last one */
	u64 guest_ticks, handler_ticks;		 /* (o) TSC */
	u64 throttled_until_ns;			 /* (s) */
	u64 slice_end_ns;			 /* (o) */
	void *fpu; /* (c) XSAVE area, loaded while this vCPU is the CPU's current one */
	struct fetch_slot fetch[FETCH_SLOTS]; /* (o) */
	u64 stuck_rip;	/* (o) where emulation gets nowhere: core/l3/fetch.c */
	u32 stuck;	/* (o) how many times in a row */
	u32 unemulated; /* (o) how many of these ended in #UD */
	const struct region_entry *last_region[2]; /* (o) last port and address: core/l3/gate.c */
	const struct msr *last_msr;		   /* (o) core/l3/msr.c */
	u8 exits;				   /* (o) modulo 256: core/l3/run.c */
	struct exit_stats stats[EXIT_KINDS];
};

struct vm {
	struct hrsc hrsc;
	struct lock lock; /* LOCK_VM: drivers, local APICs, stage 2 */
	char name[VM_NAME];
	u16 id;	       /* (c) 1.. */
	u8 state;      /* (s) enum vm_state */
	u8 ended;      /* enum vm_end: why it stopped last */
	u32 room;      /* (l) life_lock: bytes used of its pages: vm_room_take(); 0: host_vm */
	u64 end_value; /* debug-exit value, or the guest's RIP at a triple fault */
	u64 memory_bytes;
	u32 nblocks, all_blocks; /* those it has, and is to have */
	u32 scrubbed;		 /* (l) life_lock: of its RAM, on the way to a restart */
	hpa_t *blocks; /* (c) [nblocks] block i backs RAM [i*2M, (i+1)*2M); behind RAM: disks */
	struct guest_disk disk[MACHINE_SLOTS]; /* (c) by slot */
	struct pagetable s2;		       /* (o) */
	u32 nvcpus, ndrivers;
	struct vcpu *vcpu[VM_VCPUS];
	struct hrsc driver_hrsc[VM_DRIVERS];
	struct hrsc *driver[VM_DRIVERS]; /* those placed: pointers into driver_hrsc */
	struct hrsc *peer[PEER_COUNT];	 /* by role; NULL: the VM has none */
	u32 mail;			 /* (a) of driver_hrsc[], a bit for each: see bus.c */
	u32 tsc_moves;			 /* (a) how often a vCPU has set its TSC */
	bool pic_intr;			 /* the PIC's INTR line, ExtINT for vCPU 0 */
	struct region_map ports, mmio;	 /* (c) whose are the ports and the addresses outside RAM */
	const struct config_vm *config;
	u32 timer_cpu;	/* (o) that looks after its drivers' timers */
	u32 weight;	/* (c) of its vCPUs; WEIGHT_DEFAULT is one share */
	u32 cap;	/* (c) percent of one CPU for all of them, 0: no limit */
	u64 cpus;	/* (c) on which they may run, a bit for each */
	u64 virtual_ns; /* (s) CPU time by weight */
	u64 cap_period_end_ns, cap_used_ns, cap_budget_ns; /* (s) */
	u64 beats;					   /* heartbeat hypercalls seen */
	u64 restarts;
	u64 clock_behind_ns;  /* (l) its devices' time is the host's less this: see snapshot.h */
	hpa_t *snapshot;      /* (o) [nblocks + 1] RAM, then all else; NULL: none was taken */
	struct config_vm own; /* (c) what config points to */
};

extern struct vm *vms[VM_MAX + 1]; /* by id; [0] is never used */
extern struct lock life_lock;	   /* LOCK_LIFE: to be held for what changes vms[] or a VM's life */

/* Hazards are set by other CPUs, too. */
static inline void vcpu_hazard(struct vcpu *v, u32 bits)
{
	__atomic_fetch_or(&v->hazard, bits, __ATOMIC_RELEASE);
}

static inline void vcpu_hazard_done(struct vcpu *v, u32 bits)
{
	__atomic_fetch_and(&v->hazard, ~bits, __ATOMIC_ACQUIRE);
}

struct vm *vm_find(const char *name);
const char *vm_end_name(enum vm_end how);
/*
 * Takes memory, loads the kernel and builds the machine. On an error (also logged, with the place
 * and what was expected) everything is given back. -ENOMEM, -EINVAL, -ENOENT.
 */
int __must_check vm_create(const struct config_vm *config, struct vm **out);
void vm_start(struct vm *vm);
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);
/* Ends the VM: it will not run again until reset. `value` as in end_value. */
void vm_end(struct vm *vm, enum vm_end how, u64 value);
/* The guest did what no guest may: ends it and says why. Never panics. */
void vm_fail(struct vm *vm, const char *why);
/* Memory scrubbed and reloaded, devices and vCPUs back to power-on; started again. */
int __must_check vm_restart(struct vm *vm);
/*
 * Does a piece of that before it, for a VM that has ended: LOCK_LIFE is free between the pieces.
 * True when there is nothing more to do.
 */
bool vm_restart_early(struct vm *vm);
void vm_destroy(struct vm *vm);

/* Host address of a guest physical one, good to the end of its 2 MiB block; -EFAULT: no RAM. */
int __must_check vm_ram(const struct vm *vm, gpa_t gpa, hpa_t *out);
/* All of it is RAM. */
bool vm_is_ram(const struct vm *vm, gpa_t gpa, u64 len);
/* The byte at an offset in its blocks; at a guest physical address that is RAM. */
static inline hpa_t vm_block_at(const struct vm *vm, u64 offset)
{
	return HPA(vm->blocks[offset / BLOCK_SIZE].v + (offset & (BLOCK_SIZE - 1)));
}
static inline hpa_t vm_ram_at(const struct vm *vm, u64 gpa)
{
	return vm_block_at(vm, gpa < GIB(4) ? gpa : gpa - GIB(4) + VM_RAM_BELOW_4G);
}
/*
 * Zeroed memory that is kept as long as the VM: of what is left of the pages of its struct, or of
 * pages of its own where that is too little, or vm is NULL or the host's. To be given back with the
 * same length.
 */
void *vm_room_take(struct vm *vm, u64 bytes);
void vm_room_give(struct vm *vm, void *room, u64 bytes);
/* Copies between guest physical memory and the nucleus; -EFAULT and no copy outside RAM. */
int __must_check vm_read(struct vm *vm, gpa_t gpa, void *to, u64 len);
int __must_check vm_write(struct vm *vm, gpa_t gpa, const void *from, u64 len);
int __must_check vm_zero(struct vm *vm, gpa_t gpa, u64 len);
