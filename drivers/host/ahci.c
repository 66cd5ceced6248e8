/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serial ATA controllers (Serial ATA Advanced Host Controller Interface 1.3.1: "HBA Memory
 * Registers", "System Memory Structures", "Software Initialization of HBA", "Error Reporting and
 * Recovery"). Units are ports, of which the first eight count. One command at a time, in slot 0,
 * of one piece of memory; all ports have the same list and the same place for what the disks send,
 * which nobody reads. The controller interrupts where there are messages, else it is polled.
 *
 * What it says is input: that a command is over and how, how much was read, and what a disk says
 * of itself. After an error of whatever kind its port is stopped, and begun anew when it is needed
 * again, its disk reset before if it is busy ("Non-Queued Error Recovery", "Port Reset"). When it
 * does not stop, or is silent, the controller is reset.
 */
#include "drivers/host/ata.h"

#include "core/lib/string.h"

/* Registers, all in range 5. */
#define RANGE	5
#define R_CAP	0x00
#define R_GHC	0x04
#define R_IS	0x08 /* ports that interrupt, a bit for each; a message is sent when there is one */
#define R_PORTS 0x0c /* a bit for each that is there */
#define R_CAP2	0x24
#define R_BOHC	0x28
#define R_PORT	0x100 /* the first port's; offsets in these: */
#define R_EACH	0x80
#define P_LIST	0x00
#define P_FIS	0x08
#define P_IS	0x10
#define P_IE	0x14
#define P_CMD	0x18
#define P_TFD	0x20
#define P_SIG	0x24
#define P_SSTS	0x28
#define P_SCTL	0x2c
#define P_SERR	0x30
#define P_CI	0x38

#define CAP_64	  BIT(31)
#define GHC_RESET BIT(0)
#define GHC_IE	  BIT(1) /* interrupts */
#define GHC_AHCI  BIT(31)
#define CAP2_BOH  BIT(0)
#define BOHC_BIOS BIT(0)
#define BOHC_OS	  BIT(1)
#define CMD_ST	  BIT(0) /* takes commands */
#define CMD_SUD	  BIT(1)
#define CMD_POD	  BIT(2)
#define CMD_FRE	  BIT(4)	    /* takes what the disk sends */
#define CMD_CR	  BIT(15)	    /* is at the list of commands */
#define IS_ENDS	  (BIT(0) | BIT(1)) /* the disk has said how a command went, or has data */
#define IS_ERRORS (BIT(24) | BIT(27) | BIT(28) | BIT(29) | BIT(30))
#define SSTS_DET  15u
#define DET_LINK  3u
#define SCTL_DET  15u
#define DET_RESET 1u
#define SIG_DISK  0x101u
#define GONE	  UINT32_MAX
#define SLOT	  1u /* the bit of slot 0 */

/* Of a command's header: double words of its FIS, direction, pieces of memory. */
#define HEADER_LEN    5u
#define HEADER_OUT    BIT(6)
#define HEADER_PIECES BIT(16)
#define FIS_COMMAND   0x27
#define FIS_IS_ONE    0x80 /* a command, not a control */

#define MS	 1000000ull
#define CLAIM_NS (500 * MS) /* for the firmware to let go of it */
#define RESET_NS (1000 * MS)
#define LINK_NS	 (100 * MS) /* until a disk that is there has a link */
#define STOP_NS	 (500 * MS) /* for a port to end what it is at */
#define DROP_NS	 (1 * MS)   /* without a link, so that the disk is reset */

struct header {
	u32 flags;
	volatile u32 bytes; /* that were moved */
	u64 table;
	u32 reserved[4];
};

struct fis {
	u8 type, flags, command, features;
	u8 low[3], device, high[3], features_high;
	u16 count;
	u8 icc, control;
	u32 reserved;
};

/* What the controller reads and writes of ours beside the windows. */
struct area {
	struct header list[32];
	u8 received[256];
	struct fis fis;
	u8 rest[128 - sizeof(struct fis)];
	struct {
		u64 address;
		u32 reserved, last; /* bytes less one */
	} piece;
};
ASSERT_SIZE(struct header, 32);
ASSERT_SIZE(struct fis, 20);
ASSERT_OFFSET(struct area, received, 1024);
ASSERT_OFFSET(struct area, fis, 1280);
ASSERT_OFFSET(struct area, piece, 1408);

enum phase {
	PHASE_ABSENT, /* it has no registers */
	PHASE_CLAIM,
	PHASE_RESET,
	PHASE_READY, /* for a command, of a port that has begun or not */
	PHASE_DROP,
	PHASE_LINK,
	PHASE_DEVICE,
	PHASE_COMMAND,
	PHASE_STOP /* of the port whose command has failed */
};

struct ahci {
	struct disk disk;
	bool wide[DISK_UNITS]; /* 48 bits of sector number */
	u8 nports;	       /* that we have registers of */
	u8 up;		       /* a bit for each port that takes commands */
	u8 phase;
	u64 until_ns; /* the phase lasts till then */
};

static u32 get(u32 reg)
{
	return (u32)l1_reg_read(DEVICE_REG(RANGE, reg), 4);
}

static void set(u32 reg, u64 value)
{
	l1_reg_write(DEVICE_REG(RANGE, reg), 4, value & UINT32_MAX);
}

static u32 port(u8 unit, u32 reg)
{
	return R_PORT + unit * R_EACH + reg;
}

static struct area *area(const struct ahci *a)
{
	return (struct area *)(a->disk.memory + DISK_CLASS_AT);
}

static u64 area_at(const struct ahci *a, u64 offset)
{
	return a->disk.memory_at + DISK_CLASS_AT + offset;
}

static void set_address(u32 reg, u64 at)
{
	set(reg, at);
	set(reg + 4, at >> 32);
}

static void await(struct ahci *a, u8 phase, u64 ns)
{
	a->phase = phase;
	a->until_ns = l1_now_ns() + ns;
}

/* --- beginning ----------------------------------------------------------------------------- */

/* Whatever it is at, it reaches no memory from now on. The firmware is asked to let go of it. */
static void ahci_reset(void *state)
{
	struct ahci *a = state;

	l1_bus_master(false);
	a->up = 0;
	if (!a->nports)
		return;
	if (get(R_CAP2) & CAP2_BOH)
		set(R_BOHC, get(R_BOHC) | BOHC_OS);
	await(a, PHASE_CLAIM, CLAIM_NS);
}

static enum disk_result claim(struct ahci *a)
{
	if ((get(R_CAP2) & CAP2_BOH) && (get(R_BOHC) & BOHC_BIOS) && l1_now_ns() < a->until_ns)
		return DISK_PENDING;
	set(R_GHC, GHC_AHCI);
	set(R_GHC, GHC_AHCI | GHC_RESET);
	await(a, PHASE_RESET, RESET_NS);
	return DISK_PENDING;
}

static enum disk_result end_reset(struct ahci *a)
{
	if (get(R_GHC) & GHC_RESET)
		return l1_now_ns() < a->until_ns ? DISK_PENDING : DISK_ERROR;
	set(R_GHC, GHC_AHCI | (a->disk.called ? GHC_IE : 0));
	memset(area(a), 0, sizeof(struct area));
	l1_bus_master(true);
	a->phase = PHASE_READY;
	return DISK_PENDING;
}

static void set_link(u8 unit, u32 det)
{
	set(port(unit, P_SCTL), (get(port(unit, P_SCTL)) & ~SCTL_DET) | det);
}

/*
 * "Software Initialization of HBA": all but taking commands. A port that was at something before
 * may have a disk that still is, which is over when the link is lost.
 */
static enum disk_result begin_port(struct ahci *a, u8 unit)
{
	u64 end = area_at(a, sizeof(struct area));
	u32 command;

	if (unit >= a->nports || !(get(R_PORTS) & BIT(unit)))
		return DISK_ERROR;
	if (!(get(R_CAP) & CAP_64) && end > BIT(32)) {
		a->disk.unit[unit].refused = DISK_REFUSED_ADDRESS;
		return DISK_ERROR;
	}
	command = get(port(unit, P_CMD));
	if ((command & CMD_FRE) && (get(port(unit, P_TFD)) & (STATUS_BUSY | STATUS_DATA))) {
		set_link(unit, DET_RESET);
		await(a, PHASE_DROP, DROP_NS);
		return DISK_PENDING;
	}
	if (!(command & CMD_FRE)) {
		set_address(port(unit, P_LIST), area_at(a, 0));
		set_address(port(unit, P_FIS), area_at(a, offsetof(struct area, received)));
		set(port(unit, P_IE), a->disk.called ? IS_ENDS | IS_ERRORS : 0);
		set(port(unit, P_CMD), command | CMD_SUD | CMD_POD | CMD_FRE);
	}
	await(a, PHASE_LINK, LINK_NS);
	return DISK_PENDING;
}

static enum disk_result end_drop(struct ahci *a, u8 unit)
{
	if (l1_now_ns() < a->until_ns)
		return DISK_PENDING;
	set_link(unit, 0);
	await(a, PHASE_LINK, LINK_NS);
	return DISK_PENDING;
}

static enum disk_result await_link(struct ahci *a, u8 unit)
{
	if ((get(port(unit, P_SSTS)) & SSTS_DET) == DET_LINK)
		a->phase = PHASE_DEVICE;
	else if (l1_now_ns() >= a->until_ns)
		a->phase = PHASE_READY;
	return a->phase == PHASE_READY ? DISK_ERROR : DISK_PENDING;
}

/* The disk has sent its signature; what has another is none. */
static enum disk_result await_device(struct ahci *a, u8 unit)
{
	if (get(port(unit, P_TFD)) & (STATUS_BUSY | STATUS_DATA))
		return DISK_PENDING;
	a->phase = PHASE_READY;
	if (get(port(unit, P_SIG)) != SIG_DISK)
		return DISK_ERROR;
	set(port(unit, P_SERR), UINT32_MAX);
	set(port(unit, P_CMD), get(port(unit, P_CMD)) | CMD_ST);
	a->up |= BIT(unit);
	return DISK_PENDING;
}

/* --- commands ------------------------------------------------------------------------------ */

static u32 bytes(const struct disk_request *r)
{
	return r->action == DISK_FLUSH	    ? 0
	       : r->action == DISK_IDENTIFY ? DISK_SECTOR
					    : r->count * DISK_SECTOR;
}

static void fill_fis(struct fis *f, const struct disk_request *r, bool wide)
{
	static const u8 commands[][2] = {
		[DISK_IDENTIFY] = { ATA_IDENTIFY, ATA_IDENTIFY },
		[DISK_IN] = { ATA_READ_DMA, ATA_READ_DMA_EXT },
		[DISK_OUT] = { ATA_WRITE_DMA, ATA_WRITE_DMA_EXT },
		[DISK_FLUSH] = { ATA_FLUSH, ATA_FLUSH_EXT },
	};
	u64 sector = r->action == DISK_IN || r->action == DISK_OUT ? r->sector : 0;

	*f = (struct fis){ .type = FIS_COMMAND,
		.flags = FIS_IS_ONE,
		.command = commands[r->action][wide],
		.device = DEVICE_LBA };
	memcpy(f->low, &sector, 3);
	sector >>= 24;
	if (wide)
		memcpy(f->high, &sector, 3);
	else
		f->device |= sector & 15;
	if (r->action == DISK_IN || r->action == DISK_OUT)
		f->count = (u16)r->count;
}

static void send(struct ahci *a, const struct disk_request *r)
{
	struct area *m = area(a);
	u32 len = bytes(r);

	fill_fis(&m->fis, r, a->wide[r->unit]);
	m->piece.address = a->disk.memory_at + r->at;
	m->piece.last = len - 1;
	m->list[0].flags =
		HEADER_LEN | (r->action == DISK_OUT ? HEADER_OUT : 0) | (len ? HEADER_PIECES : 0);
	m->list[0].bytes = 0;
	m->list[0].table = area_at(a, offsetof(struct area, fis));
	set(port(r->unit, P_IS), UINT32_MAX);
	set(R_IS, BIT(r->unit));
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the controller is told */
	set(port(r->unit, P_CI), SLOT);
	a->phase = PHASE_COMMAND;
}

/* In this order: what is over has its errors shown. */
static enum disk_result end_command(struct ahci *a, const struct disk_request *r)
{
	u32 left = get(port(r->unit, P_CI)) & SLOT, is = get(port(r->unit, P_IS));
	u32 status = get(port(r->unit, P_TFD));

	if ((is & IS_ERRORS) || (!left && (status & (STATUS_ERROR | STATUS_FAULT))))
		return DISK_ERROR;
	if (left)
		return DISK_PENDING;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* before what it has written is looked at */
	if (r->action != DISK_OUT && area(a)->list[0].bytes != bytes(r))
		return DISK_ERROR;
	a->phase = PHASE_READY;
	if (r->action == DISK_IDENTIFY) {
		u8 unused;

		ata_read_identity(
			&a->disk.unit[r->unit], a->disk.memory + r->at, &a->wide[r->unit], &unused);
	}
	return DISK_DONE;
}

static void stop_port(struct ahci *a, u8 unit)
{
	a->up &= ~BIT(unit);
	set(port(unit, P_CMD), get(port(unit, P_CMD)) & ~CMD_ST);
	await(a, PHASE_STOP, STOP_NS);
}

/* Not before it reaches no memory for this command does anybody else get the window. */
static enum disk_result end_stop(struct ahci *a, u8 unit)
{
	if (!(get(port(unit, P_CMD)) & CMD_CR))
		a->phase = PHASE_READY;
	else if (l1_now_ns() < a->until_ns)
		return DISK_PENDING;
	else
		ahci_reset(a);
	return DISK_ERROR;
}

static enum disk_result advance(struct ahci *a, const struct disk_request *r)
{
	switch (a->phase) {
	case PHASE_CLAIM:
		return claim(a);
	case PHASE_RESET:
		return end_reset(a);
	case PHASE_READY:
		if (!(a->up & BIT(r->unit)))
			return begin_port(a, r->unit);
		send(a, r);
		return DISK_PENDING;
	case PHASE_DROP:
		return end_drop(a, r->unit);
	case PHASE_LINK:
		return await_link(a, r->unit);
	case PHASE_DEVICE:
		return await_device(a, r->unit);
	case PHASE_COMMAND:
		return end_command(a, r);
	case PHASE_STOP:
		return end_stop(a, r->unit);
	default:
		return DISK_ERROR;
	}
}

/* A request's: what the disk was is not known yet when it is asked. */
static void ahci_begin(void *state)
{
	struct ahci *a = state;
	const struct disk_request *r = a->disk.now;

	if (r->action == DISK_IDENTIFY)
		a->wide[r->unit] = false;
}

static enum disk_result ahci_poll(void *state)
{
	struct ahci *a = state;
	enum disk_result result;
	u8 phase;

	if (a->phase == PHASE_ABSENT || get(R_GHC) == GONE)
		return DISK_ERROR;
	do {
		phase = a->phase;
		result = advance(a, a->disk.now);
		if (result == DISK_ERROR && a->phase == PHASE_COMMAND) {
			stop_port(a, a->disk.now->unit);
			result = DISK_PENDING;
		}
	} while (result == DISK_PENDING && a->phase != phase);
	return result;
}

static void ahci_prepare(void *state, const struct driver_setup *setup)
{
	struct ahci *a = state;
	u32 len = setup->device.range_len[RANGE];

	a->disk.called = setup->device.messages;
	if (len > R_PORT)
		a->nports = (u8)MIN((len - R_PORT) / R_EACH, DISK_UNITS);
}

static const struct disk_class ahci_class = {
	.units = DISK_UNITS,
	.poll_ns = 200000,
	.probe_ns = 3000000000ull,
	.prepare = ahci_prepare,
	.reset = ahci_reset,
	.begin = ahci_begin,
	.poll = ahci_poll,
};

static const struct driver_device ahci_device = {
	.match = { { .class = 0x010601, .mask = 0xffffff } },
	.memory_bytes = DISK_CLASS_AT + PAGE_SIZE,
	.units = DISK_UNITS,
};

DISK_DRIVER(ahci, ahci_class, struct ahci, ahci_device, GRANT_DMA);
