/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: one text, in a boot module, that says which VMs to run and how the defence
 * reacts. It is read whole into the plain structs below, or refused with a place and a reason; no
 * part of a refused text has any effect.
 *
 *	# To the end of the line. A statement ends with its line or at a semicolon.
 *	vm linux {
 *		memory 256M                     # K, M, G; a multiple of 2M, 8M to 4G
 *		vcpus 1                         # 1 to 16
 *		kernel vmlinuz                  # the name of a boot module: bzImage or multiboot
 *		initrd initrd.img
 *		cmdline "console=ttyS0 quiet"   # \" and \\ inside
 *		modules a b                     # up to 4 more, for a multiboot kernel
 *		devices uart pic pit            # or none; all of them if not said
 *		confined uart virtio            # in ring 3, or none; all of them if not said
 *		weight 100                      # share of CPU time, 1 to 1000
 *		cap 50                          # at most so many percent of one CPU, 1 to 6400
 *		cpus 0 2-3                      # on these alone, 0 to 63; all of them if not said
 *		reboot restart                  # or stop: what a reboot of the guest leads to
 *		pvclock on                      # or off: it has to measure time by its devices
 *		disk root root.img cow          # virtio-blk: its name and serial number (20 bytes)
 *						# and a boot module; ro if not said, rw, or cow,
 *						# which is as new after each reset
 *		disk data ide0:1 cow 8M         # or a physical disk, or a partition of it: driver
 *						# and number (from 0), partition (from 1); memory
 *						# for what is written to cow: 8M to 32M, 8M if not
 *						# said. What is rw is nobody else's, in whole or
 *						# in part
 *		entropy on                      # virtio-rng; off if not said
 *		balloon on                      # virtio-balloon; off if not said
 *		console on                      # virtio-console beside the UART, which takes what
 *						# is typed once the guest's driver is ready; off
 *						# if not said
 *		net lan0 office mac 52:54:00:12:34:56 ip 10.0.0.2 vlan 7 rate 1000 open mirror
 *						# virtio-net: its name, its switch, and in any
 *						# order: its address (one made from the names if
 *						# not said), the one IPv4 address that it may
 *						# have (any), the VLAN of its port (0), KiB a
 *						# second that it may send (0: no limit), whether
 *						# it may send from any address, and see
 *						# everything: open and mirror, or open off
 *	}
 *	driver ide confined                     # a physical driver, for every function it fits, or
 *						# trusted; confined where a disk needs one
 *	uplink office ne0 vlan 7 rate 1000      # what is on a switch can reach the network of a
 *						# physical card: driver and number (from 0; for
 *						# e1000 with a hyphen between them, e1000-0); in
 *						# any order the VLAN of its port, KiB a second
 *						# that come in, mirror
 *	console { focus linux }                 # who has the serial line first; kfv: the hypervisor
 *	policy default {
 *		version 1
 *		mode on                         # or detect, off
 *		agent range { ports 0x20-0x3f; window_ms 100 }          # the agent's own parameters
 *		when range severity warning do R01                      # that severity or worse
 *		when rate severity alert do R02 then R18 after 8 within 1s
 *		across L1.rate and L3.range within 1000ms do R18 on vm  # or on subject, on object
 *		across L3.range count 3 within 1s do R16
 *		port linux/net1 vlan 7 mirror off       # as `ports` calls it: its settings that are
 *		port ne@00:03.0 rate 1000               # named are the policy's, whatever the VM's
 *	}                                               # or the uplink's own statement says
 *
 * Numbers are decimal or 0x; durations have a unit, us, ms or s, and last up to an hour. Names are
 * a letter and up to 30 letters, digits, - or _. A VM needs memory and a kernel, a policy a
 * version; everything else has a default. Only disk, net, driver, uplink, agent, when, across
 * and port may be repeated. A switch is there as soon as it is named.
 * Devices on PCI have different names, and the slots from 1 to 8 in their order.
 * `when` is a rule of a horizontal orchestrator: the reaction, and optionally a second one once the
 * rule has fired a number of times within a time. `across` is one of the vertical orchestrator:
 * reports from one or two agents (of a layer, or of any), `count` in all, at least one of each.
 * A port that is not there (yet) gets its settings when it comes.
 * That an agent or a boot module of some name exists is not known here: who binds the names
 * reports an unknown one with the line and column kept for it.
 */
#pragma once

#include "core/lib/types.h"

#define CONFIG_VMS	   16
#define CONFIG_CPUS	   64
#define CONFIG_NAME	   32
#define CONFIG_CMDLINE	   1024
#define CONFIG_MODULES	   4
#define CONFIG_FUNCTIONS   8
#define CONFIG_AGENTS	   16
#define CONFIG_PARAMS	   8
#define CONFIG_HORIZONTALS 32
#define CONFIG_VERTICALS   16
#define CONFIG_DRIVERS	   8
#define CONFIG_UPLINKS	   4
#define CONFIG_PORTS	   32 /* of all switches */
#define CONFIG_PORT_NAME   40 /* "linux/net1" */
#define CONFIG_REACTIONS   24 /* R00 to R23 */
#define CONFIG_TEXT_MAX	   KIB(64)

/* The guest's devices, in the order of config_device_names. */
enum config_device {
	DEVICE_UART,
	DEVICE_PIC,
	DEVICE_PIT,
	DEVICE_RTC,
	DEVICE_IOAPIC,
	DEVICE_PCI,
	DEVICE_PMTIMER,
	DEVICE_EXITPORT,
	DEVICE_KBC,
	DEVICE_COUNT,
	CONFINED_VIRTIO = DEVICE_COUNT,
};

enum config_reboot { REBOOT_RESTART, REBOOT_STOP };
enum config_pvclock { PVCLOCK_ON, PVCLOCK_OFF };

/* Devices on PCI, in the order of config_function_names. */
enum config_function_kind {
	FUNCTION_DISK,
	FUNCTION_ENTROPY,
	FUNCTION_NET,
	FUNCTION_BALLOON,
	FUNCTION_HOST_DISK, /* a physical one, or a partition of it */
	FUNCTION_CONSOLE,
	FUNCTION_KINDS
};
enum config_disk_mode { DISK_RO, DISK_COW, DISK_RW };

/* How a switch treats the port of a network device. */
struct config_port {
	u64 mac;      /* the first byte in bits 47-40 */
	u32 ip;	      /* IPv4, the first byte in bits 31-24; 0: any */
	u32 vlan;     /* 0 to 4094: only ports of the same hear each other */
	u32 rate_kib; /* it may send so many KiB a second, 0: no limit */
	u8 open;      /* it may send from other addresses than its own, of both kinds */
	u8 mirror;    /* it is shown what all others send */
};

enum port_setting {
	PORT_VLAN,
	PORT_RATE,
	PORT_MIRROR,
	PORT_MAC,
	PORT_OPEN,
	PORT_IP,
	PORT_SETTINGS
};

struct config_function {
	u8 kind;		  /* enum config_function_kind */
	u8 mode;		  /* enum config_disk_mode */
	char name[CONFIG_NAME];	  /* of its own, unless there can be but one */
	char source[CONFIG_NAME]; /* a disk's boot module or name, a network device's switch */
	u8 partition;		  /* FUNCTION_HOST_DISK; 0: all of it */
	u32 cow_bytes;		  /* FUNCTION_HOST_DISK and DISK_COW */
	struct config_port port;  /* FUNCTION_NET only */
	u32 line, column;
};

struct config_vm {
	char name[CONFIG_NAME];
	u64 memory_bytes;
	u32 vcpus;
	u32 weight;
	u32 cap;	       /* percent of one CPU for all its vCPUs together; 0: no limit */
	u64 cpus;	       /* BIT(number of a CPU) */
	u32 devices, confined; /* BIT(enum config_device); confined: BIT(CONFINED_VIRTIO) as well */
	u8 reboot;	       /* enum config_reboot */
	u8 pvclock;	       /* enum config_pvclock */
	u8 nmodules;
	u8 nfunctions;
	struct config_function functions[CONFIG_FUNCTIONS]; /* [i] is in slot i + 1 */
	char kernel[CONFIG_NAME];			    /* names of boot modules */
	char initrd[CONFIG_NAME];			    /* empty: none */
	char modules[CONFIG_MODULES][CONFIG_NAME];
	char cmdline[CONFIG_CMDLINE];
	u32 line, column; /* of its name */
};

/* What a detection agent can say of an event, and rules ask for. */
enum severity {
	SEVERITY_NONE,
	SEVERITY_INFO,
	SEVERITY_NOTICE,
	SEVERITY_WARNING,
	SEVERITY_ALERT,
	SEVERITY_CRITICAL,
	SEVERITY_COUNT,
};

enum policy_mode { POLICY_ON, POLICY_DETECT, POLICY_OFF, POLICY_MODES };
/* Whom a vertical rule's reaction hits: the event's VM, or the hRSC that acts or is acted upon. */
enum policy_target { TARGET_VM, TARGET_SUBJECT, TARGET_OBJECT };

struct policy_param {
	char name[CONFIG_NAME];
	u64 first, last; /* the same unless a range was given; first <= last */
	u32 line, column;
};

struct policy_agent {
	char name[CONFIG_NAME];
	u32 nparams;
	struct policy_param params[CONFIG_PARAMS];
	u32 line, column;
};

struct policy_horizontal {
	char agent[CONFIG_NAME];
	u8 severity; /* enum severity: this one or worse */
	u8 reaction; /* n of Rnn */
	u8 then;     /* the second one, when after > 0 */
	u32 after;
	u64 within_ns;
	u32 line, column; /* of the agent's name */
};

struct policy_source {
	char agent[CONFIG_NAME];
	u8 layer; /* 1, 2 or 3; 0: any */
	u32 line, column;
};

struct policy_vertical {
	u32 nsources;
	struct policy_source sources[2];
	u32 count; /* at least nsources */
	u64 within_ns;
	u8 reaction;
	u8 target; /* enum policy_target */
};

/* What of a port the policy owns. */
struct policy_port_text {
	char name[CONFIG_PORT_NAME];
	u32 owned; /* BIT(enum port_setting) */
	struct config_port port;
	u32 line, column;
};

struct policy_text {
	char name[CONFIG_NAME];
	u32 version;
	u8 mode; /* enum policy_mode */
	u32 nagents, nhorizontals, nverticals, nports;
	struct policy_agent agents[CONFIG_AGENTS];
	struct policy_horizontal horizontals[CONFIG_HORIZONTALS];
	struct policy_vertical verticals[CONFIG_VERTICALS];
	struct policy_port_text ports[CONFIG_PORTS];
	u32 line, column; /* of its name; 0: the text holds no policy */
};

/* A physical driver. */
struct config_driver {
	char name[CONFIG_NAME];
	bool trusted;
	u32 line, column;
};

struct config {
	u32 ndrivers;
	struct config_driver drivers[CONFIG_DRIVERS];
	u32 nuplinks;
	struct config_function uplinks[CONFIG_UPLINKS]; /* by name ("ne0"), source and port */
	u32 nvms;
	s32 focus; /* index of the VM that has the console first; -1: the hypervisor */
	struct config_vm vms[CONFIG_VMS];
	struct policy_text policy;
};

struct config_error {
	u32 line, column; /* from 1 */
	char message[192];
};

/*
 * Reads `len` bytes of text. Returns 0, or -EINVAL with *error set and *out all zero. A text
 * without VMs or without a policy is fine: whoever needs them looks. Without a console block the
 * first VM has the focus.
 */
int __must_check config_parse(
	struct config *out, const char *text, size_t len, struct config_error *error);

/*
 * The last disk of vm that is a physical one and may have sectors that *theirs, a disk of the other
 * VM or an earlier one of the same, has as well, where one of the two is DISK_RW; NULL: there is
 * none. Different partitions of a disk never overlap (drivers/host/partition.c).
 */
const struct config_function *config_shared_disk(const struct config_vm *vm,
	const struct config_vm *other, const struct config_function **theirs);

/* And CONFINED_VIRTIO: what `disk` and `entropy` add. */
extern const char *const config_device_names[DEVICE_COUNT + 1];
extern const char *const config_function_names[FUNCTION_KINDS]; /* of the drivers */
extern const char *const severity_names[SEVERITY_COUNT];
extern const char *const policy_mode_names[POLICY_MODES];
