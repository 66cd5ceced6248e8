/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NVMe controllers (NVM Express Base Specification 1.4, "Controller Registers", "Controller
 * Initialization", "Data Structures", "Admin Command Set", "NVM Command Set"). Unit n is namespace
 * n + 1, of the first eight. One pair of queues beside the admin's, one command at a time, of as
 * much as the controller takes at once. Both queues' completions interrupt by message 0, where
 * there are messages; otherwise it is polled.
 *
 * What it says is input: a completion has to be of the command that was sent; of what it and its
 * namespaces are, each number is checked before it is used. When it makes no sense, is silent or
 * has failed, the controller is reset.
 */
#include "drivers/host/disk.h"

#include "core/lib/string.h"

/* Registers, in range 0. */
#define R_CAP	0x00
#define R_INTMS 0x0c /* masks interrupts, and the next one clears the mask */
#define R_INTMC 0x10
#define R_CC	0x14
#define R_CSTS	0x1c
#define R_AQA	0x24
#define R_ASQ	0x28
#define R_ACQ	0x30
#define R_BELLS 0x1000

#define CAP_QUEUE(cap)	((u32)(cap)&0xffff) /* entries at most, less one */
#define CAP_STRIDE(cap) (4u << ((cap) >> 32 & 15))
#define CAP_NVM		BIT(37)
#define CAP_PAGE(cap)	((cap) >> 48 & 15) /* the smallest is 4 KiB times two to this */
#define CC_ENABLE	1u
#define CC_ENTRIES	(6u << 16 | 4u << 20) /* of 64 and 16 bytes; pages of 4 KiB */
#define CSTS_READY	1u
#define CSTS_FATAL	2u
#define GONE		UINT32_MAX

enum { ADMIN, IO, QUEUES };
enum { ADMIN_NEW_SQ = 1, ADMIN_NEW_CQ = 5, ADMIN_IDENTIFY = 6 };
enum { NVM_FLUSH = 0, NVM_WRITE = 1, NVM_READ = 2 };
#define IDENTIFY_NAMESPACE  0u
#define IDENTIFY_CONTROLLER 1u
#define CONTIGUOUS	    1u
#define INTERRUPTS	    2u

/* What is read of the two that are identified. */
#define ID_TRANSFER	77  /* pages at once: two to this; 0: any */
#define ID_COUNT	516 /* of namespaces */
#define NS_BLOCKS	0
#define NS_FORMATS	25 /* less one */
#define NS_FORMAT	26
#define NS_FORMAT_AT	128 /* each of four bytes: of metadata, two; size of a block, two to this */
#define FORMAT_INDEX(b) (((b)&15u) | ((b) >> 1 & 48u))
#define SECTOR_SHIFT	9

#define ENTRIES	    2 /* the fewest that a queue may have: one is used at a time */
#define PAGES_MAX   (BUS_WINDOW / PAGE_SIZE)
#define PAGES_SHIFT 4
static_assert(PAGES_MAX == 1 << PAGES_SHIFT && PAGE_SIZE == KIB(4), "in pages of the controller");

struct command {
	u32 opcode; /* and above 16 bits its number */
	u32 namespace;
	u64 reserved[2];
	u64 data, more; /* the first page; the second, or where the others are listed */
	u32 argument[6];
};
ASSERT_SIZE(struct command, 64);

struct completion {
	u32 result, reserved;
	volatile u32 queue, status;
};
ASSERT_SIZE(struct completion, 16);

#define STATUS_PHASE	 BIT(16)
#define STATUS_CODE(s)	 ((s) >> 17 & 0x7ff)
#define STATUS_NUMBER(s) ((s)&0xffff)

/* What the controller reads and writes of ours beside the windows: a page each. */
struct area {
	struct {
		struct command command[ENTRIES];
		u8 rest[PAGE_SIZE - ENTRIES * sizeof(struct command)];
		struct completion completion[ENTRIES];
		u8 more[PAGE_SIZE - ENTRIES * sizeof(struct completion)];
	} queue[QUEUES];
	u64 list[PAGE_SIZE / 8];
	u8 identity[PAGE_SIZE];
};
ASSERT_SIZE(struct area, 6 * PAGE_SIZE);

enum phase {
	PHASE_ABSENT,  /* it has no registers, or not what we need */
	PHASE_DISABLE, /* waits for the controller to be off */
	PHASE_ENABLE,  /* to be on */
	PHASE_CONTROLLER,
	PHASE_NEW_CQ,
	PHASE_NEW_SQ,
	PHASE_READY,
	PHASE_NAMESPACE,
	PHASE_IO
};

struct nvme {
	struct disk disk;
	u32 stride;	  /* between doorbells, bytes */
	u32 sent[QUEUES]; /* commands: what they were, so were the completions */
	u32 namespaces;
	u32 sectors_max; /* in a command */
	u32 done, moves; /* sectors that are moved, and that the command is for */
	u16 number;	 /* of the last command */
	u8 phase;
};

static u32 get(u32 reg)
{
	return (u32)l1_reg_read(DEVICE_REG(0, reg), 4);
}

static void set(u32 reg, u64 value)
{
	l1_reg_write(DEVICE_REG(0, reg), 4, value & UINT32_MAX);
}

static struct area *area(const struct nvme *n)
{
	return (struct area *)(n->disk.memory + DISK_CLASS_AT);
}

static u64 area_at(const struct nvme *n, u64 offset)
{
	return n->disk.memory_at + DISK_CLASS_AT + offset;
}

static void barrier(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* --- commands ------------------------------------------------------------------------------ */

static void ring(const struct nvme *n, u32 queue, u32 completions)
{
	set(R_BELLS + (2 * queue + completions) * n->stride, n->sent[queue] % ENTRIES);
}

/* In the next entry, and the controller is told. */
static void send(struct nvme *n, u32 queue, const struct command *c)
{
	struct command *to = &area(n)->queue[queue].command[n->sent[queue]++ % ENTRIES];

	*to = *c;
	to->opcode |= (u32)++n->number << 16;
	barrier();
	ring(n, queue, 0);
}

/* Of the last command. DISK_IDLE: that makes no sense. */
static enum disk_result completed(struct nvme *n, u32 queue)
{
	u32 entry = n->sent[queue] - 1;
	const struct completion *c = &area(n)->queue[queue].completion[entry % ENTRIES];
	u32 status = c->status;

	/* The phase is 1 in the first round, and another one in each that follows. */
	if (!(status & STATUS_PHASE) != !!(entry / ENTRIES % 2))
		return DISK_PENDING;
	barrier();
	if (STATUS_NUMBER(status) != n->number || c->queue >> 16 != queue)
		return DISK_IDLE;
	ring(n, queue, 1);
	return STATUS_CODE(status) ? DISK_ERROR : DISK_DONE;
}

static void identify(struct nvme *n, u32 what, u32 namespace, u8 phase)
{
	struct command c = {
		.opcode = ADMIN_IDENTIFY, .namespace = namespace, .argument = { what }
	};

	c.data = area_at(n, offsetof(struct area, identity));
	send(n, ADMIN, &c);
	n->phase = phase;
}

/* The I/O queues are number 1, of contiguous memory. */
static void new_queue(struct nvme *n, u32 opcode, u64 at, u8 phase)
{
	u32 other = opcode == ADMIN_NEW_SQ ? IO << 16 : n->disk.called ? INTERRUPTS : 0;
	struct command c = { .opcode = opcode,
		.data = area_at(n, at),
		.argument = { (ENTRIES - 1) << 16 | IO, CONTIGUOUS | other } };

	send(n, ADMIN, &c);
	n->phase = phase;
}

/* --- beginning ----------------------------------------------------------------------------- */

/* Whatever it is at, it reaches no memory from now on. */
static void nvme_reset(void *state)
{
	struct nvme *n = state;

	l1_bus_master(false);
	if (n->phase == PHASE_ABSENT)
		return;
	set(R_CC, 0);
	n->phase = PHASE_DISABLE;
}

static void set_address(u32 reg, u64 at)
{
	set(reg, at);
	set(reg + 4, at >> 32);
}

/* "Controller Initialization". */
static enum disk_result enable(struct nvme *n)
{
	memset(area(n), 0, sizeof(struct area));
	memset(n->sent, 0, sizeof(n->sent));
	set(n->disk.called ? R_INTMC : R_INTMS, UINT32_MAX);
	set(R_AQA, (ENTRIES - 1) << 16 | (ENTRIES - 1));
	set_address(R_ASQ, area_at(n, offsetof(struct area, queue[ADMIN].command)));
	set_address(R_ACQ, area_at(n, offsetof(struct area, queue[ADMIN].completion)));
	l1_bus_master(true);
	set(R_CC, CC_ENTRIES | CC_ENABLE);
	n->phase = PHASE_ENABLE;
	return DISK_PENDING;
}

static void read_controller(struct nvme *n)
{
	const u8 *id = area(n)->identity;
	u8 shift = id[ID_TRANSFER];

	memcpy(&n->namespaces, id + ID_COUNT, 4);
	n->sectors_max = DISK_WINDOW_SECTORS;
	if (shift && shift < PAGES_SHIFT)
		n->sectors_max = (PAGE_SIZE << shift) / DISK_SECTOR;
}

/* One step of the beginning is done: the next. */
static void go_on(struct nvme *n)
{
	switch (n->phase) {
	case PHASE_CONTROLLER:
		read_controller(n);
		new_queue(
			n, ADMIN_NEW_CQ, offsetof(struct area, queue[IO].completion), PHASE_NEW_CQ);
		break;
	case PHASE_NEW_CQ:
		new_queue(n, ADMIN_NEW_SQ, offsetof(struct area, queue[IO].command), PHASE_NEW_SQ);
		break;
	default:
		n->phase = PHASE_READY;
		break;
	}
}

/* --- requests ------------------------------------------------------------------------------ */

/* No metadata, and blocks of 512 bytes, or it is of no use. */
static void read_namespace(const struct nvme *n, struct disk_unit *u)
{
	const u8 *id = area(n)->identity;
	u32 index = FORMAT_INDEX(id[NS_FORMAT]);
	u8 format[4];
	u64 blocks;

	memcpy(&blocks, id + NS_BLOCKS, 8);
	memcpy(format, id + NS_FORMAT_AT + index * 4, 4);
	u->sectors = 0;
	if (!blocks || blocks >= BIT(48) || index > id[NS_FORMATS])
		return;
	if (format[0] || format[1] || format[2] != SECTOR_SHIFT)
		u->refused = DISK_REFUSED_FORMAT;
	else
		u->sectors = blocks;
}

/* Where the pages of len bytes from `at` on are, which is a page's beginning. */
static void set_pages(struct nvme *n, struct command *c, u64 at, u32 len)
{
	u32 pages = (len + PAGE_SIZE - 1) / PAGE_SIZE;

	c->data = at;
	if (pages == 2)
		c->more = at + PAGE_SIZE;
	else if (pages > 2)
		c->more = area_at(n, offsetof(struct area, list));
	for (u32 i = 1; i < pages; i++)
		area(n)->list[i - 1] = at + (u64)i * PAGE_SIZE;
}

/* As much as is left of the request and goes at once. */
static void move(struct nvme *n, const struct disk_request *r)
{
	struct command c = { .opcode = r->action == DISK_IN ? NVM_READ : NVM_WRITE,
		.namespace = r->unit + 1u };
	u64 sector = r->sector + n->done;

	n->moves = MIN(r->count - n->done, n->sectors_max);
	set_pages(n, &c, n->disk.memory_at + r->at + (u64)n->done * DISK_SECTOR,
		n->moves * DISK_SECTOR);
	c.argument[0] = (u32)sector;
	c.argument[1] = (u32)(sector >> 32);
	c.argument[2] = n->moves - 1;
	send(n, IO, &c);
}

static enum disk_result begin(struct nvme *n, const struct disk_request *r)
{
	const struct command flush = { .opcode = NVM_FLUSH, .namespace = r->unit + 1u };

	n->done = n->moves = 0;
	if (r->unit >= n->namespaces)
		return DISK_ERROR;
	if (r->action == DISK_IDENTIFY) {
		identify(n, IDENTIFY_NAMESPACE, r->unit + 1u, PHASE_NAMESPACE);
		return DISK_PENDING;
	}
	n->phase = PHASE_IO;
	if (r->action == DISK_FLUSH)
		send(n, IO, &flush);
	else
		move(n, r);
	return DISK_PENDING;
}

/* The command for a request is over. */
static enum disk_result end_command(struct nvme *n, const struct disk_request *r)
{
	if (n->phase == PHASE_NAMESPACE)
		read_namespace(n, &n->disk.unit[r->unit]);
	n->done += n->moves;
	if (n->phase == PHASE_IO && n->done < r->count) {
		move(n, r);
		return DISK_PENDING;
	}
	n->phase = PHASE_READY;
	return DISK_DONE;
}

/* An error of a request's is its own; what else goes wrong is the controller's. */
static enum disk_result await_command(struct nvme *n, const struct disk_request *r)
{
	enum disk_result result = completed(n, n->phase == PHASE_IO ? IO : ADMIN);

	if (result == DISK_PENDING || result == DISK_IDLE)
		return result;
	if (n->phase < PHASE_READY) {
		go_on(n);
		return result == DISK_DONE ? DISK_PENDING : DISK_IDLE;
	}
	if (result == DISK_DONE)
		return end_command(n, r);
	n->phase = PHASE_READY;
	return DISK_ERROR;
}

/* DISK_IDLE: the controller is to be reset. */
static enum disk_result advance(struct nvme *n, const struct disk_request *r, u32 status)
{
	if (n->phase == PHASE_DISABLE)
		return status & CSTS_READY ? DISK_PENDING : enable(n);
	if (status & CSTS_FATAL)
		return DISK_IDLE;
	if (n->phase == PHASE_ENABLE) {
		if (status & CSTS_READY)
			identify(n, IDENTIFY_CONTROLLER, 0, PHASE_CONTROLLER);
		return DISK_PENDING;
	}
	if (!(status & CSTS_READY))
		return DISK_IDLE;
	return n->phase == PHASE_READY ? begin(n, r) : await_command(n, r);
}

static enum disk_result nvme_poll(void *state)
{
	struct nvme *n = state;
	enum disk_result result;
	u32 status, sent, phase;

	if (n->phase == PHASE_ABSENT)
		return DISK_ERROR;
	do {
		status = get(R_CSTS);
		if (status == GONE)
			return DISK_ERROR;
		phase = n->phase;
		sent = n->number;
		result = advance(n, n->disk.now, status);
	} while (result == DISK_PENDING && (n->phase != phase || n->number != sent));
	if (result != DISK_IDLE)
		return result;
	nvme_reset(n);
	return DISK_ERROR;
}

static bool nvme_is_up(const void *state)
{
	const struct nvme *n = state;

	return n->phase == PHASE_READY;
}

static void nvme_begin(__unused void *state)
{
}

/* Whether it has all that we need; what it has is as it is at power-on. */
static void nvme_prepare(void *state, const struct driver_setup *setup)
{
	struct nvme *n = state;
	u32 len = setup->device.range_len[0];
	u64 cap;

	if (len < R_BELLS)
		return;
	cap = get(R_CAP) | (u64)get(R_CAP + 4) << 32;
	n->stride = CAP_STRIDE(cap);
	n->disk.called = setup->device.messages;
	if ((cap & CAP_NVM) && CAP_QUEUE(cap) >= ENTRIES - 1 && !CAP_PAGE(cap) &&
		len >= R_BELLS + 2 * QUEUES * n->stride)
		n->phase = PHASE_DISABLE;
}

static const struct disk_class nvme_class = {
	.units = DISK_UNITS,
	.poll_ns = 200000,
	.probe_ns = 5000000000ull,
	.prepare = nvme_prepare,
	.reset = nvme_reset,
	.is_up = nvme_is_up,
	.begin = nvme_begin,
	.poll = nvme_poll,
};

static const struct driver_device nvme_device = {
	.match = { { .class = 0x010802, .mask = 0xffffff } },
	.memory_bytes = DISK_CLASS_AT + sizeof(struct area),
	.units = DISK_UNITS,
};

DISK_DRIVER(nvme, nvme_class, struct nvme, nvme_device, GRANT_DMA);
