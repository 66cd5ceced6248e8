/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver is, and all that it may call. A driver includes this header and core/lib, nothing
 * else; the same source runs trusted (ring 0, plain calls) or confined (ring 3, system calls).
 * It keeps every bit of its state in the block that it is handed and has no writable globals.
 */
#pragma once

#include "core/lib/types.h"
#include "drivers/api/device.h"
#include "drivers/api/machine.h"

enum region_space { REGION_NONE, REGION_PORT, REGION_MMIO, REGION_BAR };

/*
 * A range of guest ports or guest physical addresses that the driver answers for. Of a PCI function
 * (REGION_BAR) `base` counts from MACHINE_BAR() of its slot.
 */
struct driver_region {
	u8 space;
	u64 base;
	u32 len; /* bytes */
};

/* Functions on the communication bus. Those who serve them say so at their `call`. */
enum bus_fn {
	BUS_LINE,	   /* to an interrupt controller: a = line, b = level */
	BUS_INTACK,	   /* to the PIC: acknowledge; returns the vector */
	BUS_EOI,	   /* to the IOAPIC: a = vector whose EOI was broadcast */
	BUS_CONSOLE_WRITE, /* to the console: a = byte; returns the room left for more, in bytes */
	BUS_CONSOLE_INPUT, /* to a UART or a virtio console: a = byte; returns 1 if taken, 0 if
			      there is no room, or BUS_NO_PEER: its guest has no driver yet */
	BUS_CONSOLE_DRAINED, /* to the same: the console has room again */
	BUS_POWER,	     /* to the VM: a = enum power_request, b = value (debug exit) */
	BUS_CONFIG_READ,     /* to a PCI function: a = offset of a double word, which is returned */
	BUS_CONFIG_WRITE,    /* the same: b = value, and above it the mask of the bytes written */
	BUS_FRAME,	     /* to a switch, what is sent: a = a grant to read it, b = its length;
				returns into how many segments it was cut */
	BUS_BUFFER,	     /* to a switch: a = a grant to write, b = its length */
	BUS_BUFFERS,	     /* to a switch: a = a grant to read the port's struct bus_buffer[], b =
				how many of them there have been: those in use are read anew */
	BUS_PORT_STATE,	     /* to a switch: a = BUS_PORT_UP and more of these, or 0; b = how many
				buffers there have been: these are void */
	BUS_PORT_CONFIGURE, /* to a switch, by the nucleus: a = address and bits, b = bytes a second
			       and above 32 bits the IPv4 address; 0: none */
	BUS_FRAME_CAME,	    /* message from a switch: a = the last buffer of a frame, b = of what
			       BUS_FROM() and BUS_ALL() tell where in the frame that begins and
			       ends; what is before lies in the buffers before, which are full */
	BUS_FRAME_REFUSED,  /* message from a switch: a = enum bus_forgery, b = what was claimed */
	BUS_RENEW,	    /* message: all that you have granted may be void, and is to be anew */
	BUS_BALLOON,	    /* to a balloon: a = pages that the guest is asked for */
	BUS_DISK_SIZE,	    /* to a physical disk: its sectors; see below */
	BUS_DISK_READ,	 /* to a physical disk: a = sector, b = sectors, into the port's window */
	BUS_DISK_WRITE,	 /* the same, out of it */
	BUS_DISK_FLUSH,	 /* to a physical disk: what was written is to last */
	BUS_DISK_RESULT, /* to a physical disk: enum disk_result of the port's request */
	BUS_DISK_DROP,	 /* to a physical disk: nobody waits for it any more */
	BUS_RESET,	 /* to any driver: back to its state at power-on */
	BUS_INFO,	 /* to any driver: a = item; the driver's own numbers for the console */
};

/*
 * A switch has ports, and is told by the nucleus from which one it is called: fn has that above
 * BUS_PORT_SHIFT. Frames have virtio's header of 12 bytes before them; longer ones than
 * BUS_FRAME_MAX are TCP segments that are to be cut. Buffers are written to in their order, several
 * for a frame if the port merges them; if it does not, one of BUS_FRAME_MAX is enough.
 */
#define BUS_PORTS	   8
#define BUS_PORT_SHIFT	   16
#define BUS_FRAME_MIN	   (12 + 14)
#define BUS_FRAME_MAX	   (12 + 1514)
#define BUS_FRAME_LONG	   (12 + 14 + 65535)
#define BUS_PORT_UP	   1 /* the guest's driver is there */
#define BUS_PORT_CHECKSUMS 2 /* and does without checksums between VMs */
#define BUS_PORT_MERGES	   4 /* and takes a frame in many buffers */
#define BUS_PORT_TCPV4	   8 /* and such long ones uncut */
#define BUS_PORT_TCPV6	   16
#define BUS_PORT_VLAN	   48 /* of BUS_PORT_CONFIGURE: shift, and bits */
#define BUS_PORT_VLAN_BITS (0xfffull << BUS_PORT_VLAN)
#define BUS_PORT_OPEN	   BIT(60)
#define BUS_PORT_MIRROR	   BIT(61)
#define BUS_PORT_USED	   BIT(62)
/* What a port that is not open sent in another's name: its address, or that in ARP, or its IP. */
enum bus_forgery { FORGED_NOTHING, FORGED_MAC, FORGED_ARP, FORGED_IP };

/*
 * A physical disk's driver has ports too, each with one request at a time and a window for its
 * data. The nucleus adds to b, above 32 bits, which disk and partition the port is for: the target.
 * Of a request the bus tells whether it was taken (DISK_PENDING) or why not; the port is woken when
 * there is a result, unless the driver failed meanwhile. BUS_DISK_SIZE: 0 if there is no such disk
 * or partition, BUS_NO_PEER as long as that is not known.
 */
#define BUS_WINDOW		     KIB(64)
#define DISK_SECTOR		     512u
#define DISK_TARGET(unit, partition) ((u32)(unit) << 8 | (u32)(partition)) /* 0: all of it */
enum disk_result {
	DISK_DONE,
	DISK_PENDING,
	DISK_IDLE,  /* there was no request: it is to be asked for once more */
	DISK_ERROR, /* what was asked for is not there, or the device said no, or nothing at all */
};

enum power_request { POWER_OFF = 1, POWER_REBOOT, POWER_DEBUG_EXIT };

/* Whom a driver may call on the bus. */
enum bus_peer {
	PEER_VM,      /* the VM that the driver serves: BUS_POWER */
	PEER_CONSOLE, /* its serial line's other end: BUS_CONSOLE_WRITE */
	PEER_PIC,
	PEER_IOAPIC,
	PEER_PIT,
	PEER_UART,
	PEER_SWITCH,   /* of a network device: BUS_FRAME_... */
	PEER_DISK,     /* of a disk that is a physical one: BUS_DISK_... */
	PEER_FUNCTION, /* and up: the PCI functions by slot, of which 0 is the bridge's */
	PEER_COUNT = PEER_FUNCTION + MACHINE_SLOTS,
	PEER_PORT = 64, /* and up, of a switch: what is at its ports */
};

/* What a driver is told when it starts. */
struct driver_setup {
	u64 memory_bytes; /* RAM of its VM */
	u32 vcpus;
	s64 wall_clock_s; /* seconds since 1970, UTC, at the moment l1_now_ns() was wall_clock_at */
	u64 wall_clock_at_ns;
	u32 slot;	    /* of a PCI function, from 1 */
	bool disk_writable; /* what l2_disk() reaches */
	u64 disk_bytes;	    /* whole sectors of 512 bytes */
	u64 cow_bytes;	    /* of memory for what is written over a physical disk, 0: it is not */
	u64 mac;	    /* of a network device, its first byte in bits 47-40 */
	char label[20];	    /* what the configuration calls it, padded with zeros */
	struct device_setup device; /* of a physical driver */
};

/* What a driver may ask for, beside its slot's line. Asking for anything else is its end where it
 * is confined. */
#define GRANT_LINES	 32
#define GRANT_LINE(gsi)	 BIT(gsi)	  /* l3_raise_irq() of this line, below GRANT_LINES */
#define GRANT_PEER(peer) BIT(32 + (peer)) /* l2_call() to this peer */
#define GRANT_DMA	 BIT(55)	  /* l1_bus_master() */
#define GRANT_TIMER	 BIT(56)
#define GRANT_MSI	 BIT(57)
#define GRANT_INTR	 BIT(58)
#define GRANT_RANDOM	 BIT(59)
#define GRANT_DISK	 BIT(60)
#define GRANT_WAKE	 BIT(62) /* l2_wake(), and l2_send() to PEER_PORT and up */
#define GRANT_MEMORY	 BIT(61) /* l3_memory_read() and _write() */

#define DRIVER_REGIONS 4

struct driver {
	const char *name;
	u8 role;	/* enum bus_peer under which its VM's other drivers find it, or PEER_COUNT;
			   PEER_FUNCTION: one instance for each slot that the configuration fills */
	u32 state_size; /* bytes, zeroed before start() */
	u64 grants;	/* GRANT_ bits */
	struct driver_region regions[DRIVER_REGIONS];
	const struct driver_device *device; /* of a physical driver: drivers/api/device.h */
	void (*start)(void *state, const struct driver_setup *setup);
	/*
	 * L3: one access of the VM. `offset` + `width` lies inside the region; `width` is 1, 2, 4
	 * or 8. Reads return the value in the low bits.
	 */
	u64 (*read)(void *state, u32 region, u32 offset, u32 width);
	void (*write)(void *state, u32 region, u32 offset, u32 width, u64 value);
	u64 (*call)(void *state, u32 fn, u64 a, u64 b); /* L2: another hRSC calls; NULL if none */
	void (*mail)(void *state); /* L2: messages have come, see l2_receive(); NULL: takes none */
	/* L1: the deadline of l1_timer_arm() passed, or its device has interrupted. */
	void (*timer)(void *state);
};

/* Registers a driver: place this at file scope after the definition of its struct. */
#define DRIVER_REGISTER(drv)                                                                       \
	static const struct driver *const drv##_entry __used __section("kfv_drivers") = &(drv)

/*
 * The gate calls. Each acts for the driver instance that is running; none blocks.
 */

/* L1: nanoseconds since boot as the VM's devices count them; never goes back. */
u64 l1_now_ns(void);
/* L1: calls timer() once when l1_now_ns() >= deadline_ns; 0 cancels. One for each instance. */
void l1_timer_arm(u64 deadline_ns);

/* L1: a random number from the CPU's own source; false where it has none to give. */
bool __must_check l1_random(u64 *out);

/* L2: calls a peer of the same VM. Returns its answer, or BUS_NO_PEER when the VM has none. */
u64 l2_call(enum bus_peer peer, enum bus_fn fn, u64 a, u64 b);
#define BUS_NO_PEER (~0ull)
/*
 * L2: copies between the instance's disk, from byte `at` on, and guest RAM. -ERANGE: it goes beyond
 * the disk; -EPERM: the disk is read-only; -EFAULT: it is not all RAM, some of it may be copied.
 * Where the disk is a physical one, `at` is a place in its blocks of memory (DISK_COW), or in the
 * window of its port (the last two).
 */
enum disk_op { DISK_READ, DISK_WRITE, DISK_ZERO, DISK_FROM_WINDOW, DISK_TO_WINDOW };
int __must_check l2_disk(enum disk_op op, u64 at, u64 gpa, u32 len);

/* L2, of a physical driver: calls timer() of the device at a port, soon. */
void l2_wake(u32 port);

/*
 * L2: a message to a peer, which takes it when it comes to it. -ENOENT: there is none, or it takes
 * no messages; -EAGAIN: it has too many already; -EPERM.
 */
int __must_check l2_send(enum bus_peer peer, enum bus_fn fn, u64 a, u64 b);
struct bus_message {
	u32 fn;
	u32 from; /* says apart who sent it, and no more */
	u64 a, b;
};
/* L2: the oldest message. How many there were, with this one; 0: none. */
u32 __must_check l2_receive(struct bus_message *out);

/*
 * L2: shared memory. A grant lets a peer use up to BUS_PIECES pieces of the VM's RAM, or with
 * BUS_OWN of the driver's own data, as one row of bytes, until it is revoked, either end begins
 * anew, or it was written to: that can be done once. One grant of a driver at a time may have up to
 * BUS_PIECES_MOST. Returns a handle, of which the lowest byte is less than BUS_GRANTS and different
 * from those of all other grants of the driver; or -EFAULT: that is no RAM; -ENOSPC: there are too
 * many; -ENOENT, -EPERM.
 */
#define BUS_READ	       1
#define BUS_WRITE	       2
#define BUS_OWN		       4
#define BUS_PIECES	       4
#define BUS_GRANTS	       80
#define BUS_HANDLE_END(handle) ((handle) >> 8 & 0xff) /* says apart who has granted it */

#define BUS_PIECES_MOST 20
struct bus_piece {
	u64 at;
	u32 len, unused;
};
struct bus_buffer {
	u64 grant;
	u32 len, port; /* the latter is the port's own */
};
#define BUS_BUFFERS_MOST 64 /* they lie in a ring of so many */
s64 __must_check l2_grant(enum bus_peer peer, const struct bus_piece *piece, u32 n, u32 rights);
/* L2: one of the driver's own. -ESTALE: it is void already. */
int l2_revoke(u64 handle);
/*
 * L2: fills the memory granted as `to` with [at, all) of a row of bytes: first those at `own`, and
 * behind these what lies as far from the beginning of what was granted as `from`. With BUS_TELL who
 * granted it is told, by BUS_FRAME_CAME; -EAGAIN: it has too many messages. With 0 as `to` it goes
 * the other way: fills `own` with [at, all) of `from`. -ESTALE: no such grant to write to; -EINVAL:
 * none to read; -ERANGE: too much for one of them; -EPERM. Nothing is written then.
 */
#define BUS_LENGTHS(own, at, all) ((u64)(at) << 40 | (u64)(own) << 20 | (all))
#define BUS_LENGTHS_OWN(lengths)  ((u32)((lengths) >> 20) & 0xfffff)
#define BUS_FROM(lengths)	  ((u32)((lengths) >> 40) & 0xfffff)
#define BUS_ALL(lengths)	  ((u32)(lengths)&0xfffff)
#define BUS_TELL		  BIT(63)
#define BUS_COPY_MAX		  BUS_FRAME_LONG
int __must_check l2_copy(u64 to, u64 from, void *own, u64 lengths);
static inline int __must_check l2_peek(u64 from, u32 at, void *to, u32 len)
{
	return l2_copy(0, from, to, BUS_LENGTHS(len, at, at + len));
}

/* L3: sets an interrupt line of the VM (GSI; ISA lines 0-15 reach the PIC as well). */
void l3_raise_irq(u32 gsi, bool level);
/* L3: an interrupt message (MSI address and data, SDM "Message Signalled Interrupts"). */
void l3_msi(u64 address, u32 data);
/* L3: the PIC's INTR output, wired to LINT0 of the boot vCPU. */
void l3_intr(bool level);
/* L3: copies between the driver's data or stack and the VM's RAM. -EFAULT, and nothing is copied:
 * it is not all RAM. */
int __must_check l3_memory_read(u64 gpa, void *to, u32 len);
int __must_check l3_memory_write(u64 gpa, const void *from, u32 len);
/*
 * The same, of what tells the guest that something is done: should this call of the driver fail
 * after it, a microreboot goes back to its data as they are here, and repeats the call.
 */
int __must_check l3_memory_publish(u64 gpa, const void *from, u32 len);
