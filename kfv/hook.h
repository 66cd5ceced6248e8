/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hooks: where every crossing of a layer is offered to the management plane. A leaf header,
 * seen by the gates in core/ and arch/; what stands behind hook_fire() is in kfv/mediation.c.
 *
 * An op names an interface (layer and direction) in its high byte. Every hRSC has one word `armed`
 * beside what its gate touches anyway: a bit for each op that an agent watches, and for VM exits
 * one for each kind, as these are many. An unarmed hook is a test and a branch not taken.
 */
#pragma once

#include "core/lib/types.h"

enum hook_iface {
	IFACE_L1_IN,  /* hardware to hRSC: interrupts, faults, VM exits */
	IFACE_L1_OUT, /* hRSC to hardware: register access, CPU state, timers */
	IFACE_L2_IN,  /* another hRSC calls this one */
	IFACE_L2_OUT, /* this hRSC changes one of its own or of another */
	IFACE_L3_IN,  /* the VM asks: ports, MMIO, CPUID, MSRs, hypercalls */
	IFACE_L3_OUT, /* the hRSC tells the VM: interrupts, exceptions */
	IFACE_COUNT,
};

/*
 * The single table of hooks: X(name, interface, what arg0..arg3 hold). The subject is the hRSC that
 * acts, the object the one acted upon.
 */
#define HOOK_TABLE(X)                                                                              \
	X(L1_IRQ, L1_IN, "line")                                                                   \
	X(L1_EXIT, L1_IN, "kind, rip, TSC ticks spent in the guest")                               \
	X(L1_TIMER, L1_IN, "deadline in ns")                                                       \
	X(L1_FAULT, L1_IN, "vector, error code, rip, address")                                     \
	X(L1_REG_READ, L1_OUT, "port or address, width, 0, words of a block")                      \
	X(L1_REG_WRITE, L1_OUT, "port or address, width, value, words of a block")                 \
	X(L1_TIMER_ARM, L1_OUT, "deadline in ns")                                                  \
	X(L1_TABLE_WRITE, L1_OUT, "address of the entry, old, new")                                \
	X(L2_CALL, L2_IN, "function, a, b")                                                        \
	X(L2_ENTER, L2_OUT, "control structure about to be used")                                  \
	X(L2_MAP, L2_OUT, "gpa, hpa, length, protection")                                          \
	X(L2_LIFE, L2_OUT, "old state, new state, reason")                                         \
	X(L3_PORT_READ, L3_IN, "port, width")                                                      \
	X(L3_PORT_WRITE, L3_IN, "port, width, value")                                              \
	X(L3_MMIO_READ, L3_IN, "gpa, width")                                                       \
	X(L3_MMIO_WRITE, L3_IN, "gpa, width, value")                                               \
	X(L3_CPUID, L3_IN, "leaf, subleaf")                                                        \
	X(L3_MSR_READ, L3_IN, "index")                                                             \
	X(L3_MSR_WRITE, L3_IN, "index, value")                                                     \
	X(L3_HYPERCALL, L3_IN, "number, three arguments")                                          \
	X(L3_CONTROL, L3_IN, "register (CR number, 0x10+n for DR, 0x20 for XCR0), value")          \
	X(L3_IRQ, L3_OUT, "line, level")                                                           \
	X(L3_INJECT, L3_OUT, "vector, error code")                                                 \
	X(L3_MEMORY, L3_OUT, "gpa, length, 1 for a write")                                         \
	X(L2_DISK, L2_OUT, "operation, place on the disk, gpa, length")                            \
	X(L1_DMA, L1_OUT, "physical address, length")                                              \
	X(L2_SEND, L2_IN, "function, a, b")                                                        \
	X(L2_GRANT, L2_OUT, "rights, pieces, address and length of the first")                     \
	X(L2_COPY, L2_OUT, "handle written to (0: own memory), handle read, BUS_LENGTHS()")        \
	X(L2_REFUSED, L2_IN, "enum bus_forgery, what was claimed")                                 \
	X(L2_FRAME, L2_IN, "function, grant, length")

#define X(name, iface, args) HOOK_PLACE_##name,
enum hook_place { HOOK_TABLE(X) HOOK_SLOTS };
#undef X
#define X(name, iface, args) HOOK_##name = (IFACE_##iface << 8) | HOOK_PLACE_##name,
enum hook_op { HOOK_TABLE(X) };
#undef X

#define HOOK_INDEX(op)	    ((op)&0xff)			/* an op's place in dense tables */
#define HOOK_LAYER(op)	    ((((op) >> 8) / 2) + 1)	/* 1, 2 or 3 */
#define HOOK_BIT(op)	    (BIT(32) << HOOK_INDEX(op)) /* of every op but L1_EXIT */
#define HOOK_EXIT_BIT(kind) BIT(kind)			/* of L1_EXIT, by enum exit_kind */
static_assert(HOOK_SLOTS <= 32, "a bit for each");

/* What the management plane answers; the gate makes it true in the way of its crossing. */
enum hook_verdict {
	HOOK_ALLOW,
	HOOK_DENY, /* read: all ones; write: dropped; MSR: #GP; hypercall: -EPERM; no entry */
};

/* The fixed record that a detection agent sees. */
struct hook_event {
	u64 time_ns;
	u64 arg[4];
	u32 sequence; /* how many of this op there have been */
	u16 op;
	u16 subject; /* hRSC ids */
	u16 object;
	u16 vm; /* 0: the host itself */
	u8 layer;
	u8 severity; /* filled in by mediation */
	u8 pad[2];
};
ASSERT_SIZE(struct hook_event, 56);

/* Runs the agents armed for `op`, then the layer's orchestrator. Bounded, no allocation. */
enum hook_verdict hook_fire(u16 op, u16 subject, u16 object, u64 a0, u64 a1, u64 a2, u64 a3);

/* The gates' only way in: `armed` is the word of the hRSC whose interface is crossed. */
#define HOOK(armed, op, subject, object, a0, a1, a2, a3)                                           \
	(unlikely((armed)&HOOK_BIT(op)) ? hook_fire(op, subject, object, a0, a1, a2, a3)           \
					: HOOK_ALLOW)

/*
 * What the core tells the management plane beside events.
 */
struct hrsc;
/* All of the VM's hRSCs are registered: forgets its predecessor and arms them as the policy says.
 */
void hook_vm_created(struct hrsc *vm);
/*
 * Reads the reports and acts on them, lets VMs go whose pause is over, writes evidence out. To be
 * called on HAZARD_ORCHESTRATE, before the offending VM runs again, and whenever another vCPU is
 * chosen. Cheap when there is nothing to do.
 */
void hook_orchestrate(void);
/*
 * Whoever holds LOCK_LIFE for long, as copying a VM's RAM takes, says now and then that he is
 * alive: until then the orchestrator could not run and was not silenced.
 */
void hook_busy(void);
/* When hook_orchestrate() has to be called again at the latest, in ns since boot; 0: no matter. */
u64 hook_deadline_ns(void);
