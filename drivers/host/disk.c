/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue of one request for each port, served in turn. Before the first, each unit is asked what
 * it is, and its partition table read. A device that does not answer is reset, and its request
 * ends as an error: the one who asked decides what becomes of it.
 */
#include "drivers/host/disk.h"

#define TIMEOUT_NS	 5000000000ull
#define PROBE_TIMEOUT_NS 1000000000ull
#define CALLED_NS	 1000000ull
#define SIZE_UNKNOWN	 BUS_NO_PEER

static u8 *own_data(const struct disk *d)
{
	return d->memory + DISK_OWN_WINDOW;
}

/* --- what there is ------------------------------------------------------------------------- */

static void probe_read(struct disk *d, u8 step, u64 sector, u32 count)
{
	d->step = step;
	d->own.action = DISK_IN;
	d->own.sector = sector;
	d->own.count = count;
	d->own.result = DISK_PENDING;
}

static void probe_unit(const struct disk_class *c, struct disk *d, u8 unit)
{
	d->probing = unit;
	d->step = unit < c->units ? STEP_IDENTIFY : STEP_READY;
	d->own.action = DISK_IDENTIFY;
	d->own.unit = unit;
	d->own.result = unit < c->units ? DISK_PENDING : DISK_IDLE;
}

static bool more_records(struct disk *d, struct disk_unit *u)
{
	if (d->step == STEP_MBR)
		return d->chain.count;
	return d->step == STEP_RECORD && partition_read_record(u, &d->chain, own_data(d));
}

/*
 * A step has its answer: on to the next one, or the next unit. A controller that did not come up is
 * waited for once, and not for each of its units.
 */
static void probed(const struct disk_class *c, struct disk *d, bool good)
{
	struct disk_unit *u = &d->unit[d->probing];
	const struct gpt_table *gpt = &d->gpt;
	u8 next = d->probing + 1;

	if (d->step == STEP_IDENTIFY && good && u->sectors)
		probe_read(d, STEP_MBR, 0, 1);
	else if (d->step == STEP_MBR && good && partition_read_mbr(u, &d->chain, own_data(d)))
		probe_read(d, STEP_GPT_HEADER, 1, 1);
	else if (good && more_records(d, u))
		probe_read(d, STEP_RECORD, d->chain.at[d->chain.count - 1], 1);
	else if (d->step == STEP_GPT_HEADER && good && partition_read_gpt(&d->gpt, u, own_data(d)))
		probe_read(d, STEP_GPT_ENTRIES, gpt->entries_at,
			(gpt->count * gpt->bytes + DISK_SECTOR - 1) / DISK_SECTOR);
	else {
		if (d->step == STEP_GPT_ENTRIES && good)
			partition_read_entries(u, gpt, own_data(d));
		if (d->step == STEP_IDENTIFY && !good) {
			u->sectors = 0;
			next = c->is_up && !c->is_up(d) ? c->units : next;
		}
		probe_unit(c, d, next);
	}
}

static struct disk_extent extent(const struct disk *d, u8 unit, u8 partition)
{
	if (unit >= DISK_UNITS || partition > DISK_PARTITIONS)
		return (struct disk_extent){ 0, 0 };
	if (!partition)
		return (struct disk_extent){ 0, d->unit[unit].sectors };
	return d->unit[unit].partition[partition - 1];
}

/* --- the queue ----------------------------------------------------------------------------- */

static void finish(const struct disk_class *c, struct disk *d, enum disk_result result)
{
	struct disk_request *r = d->now;
	bool dropped = r->dropped;

	d->now = NULL;
	r->dropped = false;
	r->result = dropped ? DISK_IDLE : result;
	if (r == &d->own) {
		probed(c, d, result == DISK_DONE);
		return;
	}
	d->errors += result != DISK_DONE;
	if (!dropped)
		l2_wake((u32)(r - d->port));
}

/* Where on the disk its place in the partition is; false: there is none. */
static bool place(const struct disk *d, struct disk_request *r)
{
	struct disk_extent e = extent(d, r->unit, r->partition);

	if (!e.count || r->sector > e.count || r->count > e.count - r->sector ||
		r->count > DISK_WINDOW_SECTORS || (!r->count && r->action != DISK_FLUSH))
		return false;
	r->sector += e.first;
	r->partition = 0;
	return true;
}

static struct disk_request *choose(struct disk *d)
{
	if (d->step != STEP_READY)
		return &d->own;
	for (u32 i = 0; i < BUS_PORTS; i++) {
		struct disk_request *r = &d->port[d->next_port++ % BUS_PORTS];

		if (r->result != DISK_PENDING)
			continue;
		if (place(d, r))
			return r;
		r->result = DISK_ERROR;
		d->errors++;
		l2_wake((u32)(r - d->port));
	}
	return NULL;
}

static u64 limit_ns(const struct disk_class *c, const struct disk *d)
{
	if (d->now != &d->own)
		return TIMEOUT_NS;
	return c->probe_ns ? c->probe_ns : PROBE_TIMEOUT_NS;
}

static u64 look_ns(const struct disk_class *c, const struct disk *d)
{
	if (d->soon)
		return 0;
	return d->called ? CALLED_NS : c->poll_ns;
}

/* Begins requests as long as they are over at once. */
static void serve(const struct disk_class *c, struct disk *d)
{
	enum disk_result result = DISK_PENDING;

	while (d->now || (d->now = choose(d))) {
		if (!d->deadline_ns) {
			d->deadline_ns = l1_now_ns() + limit_ns(c, d);
			c->begin(d);
		}
		result = c->poll(d);
		if (result == DISK_PENDING && l1_now_ns() > d->deadline_ns) {
			d->timeouts++;
			c->reset(d);
			result = DISK_ERROR;
		}
		if (result == DISK_PENDING) {
			l1_timer_arm(l1_now_ns() + look_ns(c, d));
			return;
		}
		d->deadline_ns = 0;
		finish(c, d, result);
	}
}

void disk_timer(const struct disk_class *c, void *state)
{
	serve(c, state);
}

/* --- the bus ------------------------------------------------------------------------------- */

static u64 ask(const struct disk_class *c, struct disk *d, u32 port, struct disk_request *request)
{
	struct disk_request *r = &d->port[port];

	if (r->result == DISK_PENDING)
		return DISK_IDLE; /* for somebody who was there before */
	request->at = port * (u32)BUS_WINDOW;
	request->result = DISK_PENDING;
	*r = *request;
	d->requests++;
	serve(c, d);
	return DISK_PENDING;
}

static u64 drop(struct disk *d, struct disk_request *r)
{
	if (r == d->now)
		r->dropped = true;
	else
		r->result = DISK_IDLE;
	return 0;
}

/* The result is told once. */
static u64 tell(struct disk_request *r)
{
	u64 result = r->result;

	if (result != DISK_PENDING)
		r->result = DISK_IDLE;
	return result;
}

static u64 info(const struct disk *d, u64 item)
{
	const u64 items[DISK_INFO_REFUSED] = {
		[DISK_INFO_REQUESTS] = d->requests,
		[DISK_INFO_ERRORS] = d->errors,
		[DISK_INFO_TIMEOUTS] = d->timeouts,
	};

	if (item < DISK_INFO_REFUSED)
		return items[item];
	return item - DISK_INFO_REFUSED < DISK_UNITS ? d->unit[item - DISK_INFO_REFUSED].refused
						     : BUS_NO_PEER;
}

u64 disk_bus_call(const struct disk_class *c, void *state, u32 fn, u64 a, u64 b)
{
	struct disk *d = state;
	u32 port = fn >> BUS_PORT_SHIFT, target = b >> 32;
	struct disk_request r = {
		.unit = (u8)(target >> 8), .partition = (u8)target, .sector = a, .count = (u32)b
	};

	if (port >= BUS_PORTS || target >> 16)
		return BUS_NO_PEER;
	switch (fn & (BIT(BUS_PORT_SHIFT) - 1)) {
	case BUS_DISK_SIZE:
		return d->step == STEP_READY ? extent(d, r.unit, r.partition).count : SIZE_UNKNOWN;
	case BUS_DISK_READ:
		r.action = DISK_IN;
		return ask(c, d, port, &r);
	case BUS_DISK_WRITE:
		r.action = DISK_OUT;
		return ask(c, d, port, &r);
	case BUS_DISK_FLUSH:
		r.action = DISK_FLUSH;
		r.sector = r.count = 0;
		return ask(c, d, port, &r);
	case BUS_DISK_RESULT:
		return tell(&d->port[port]);
	case BUS_DISK_DROP:
		return drop(d, &d->port[port]);
	case BUS_INFO:
		return info(d, a);
	default:
		return BUS_NO_PEER;
	}
}

void disk_start(const struct disk_class *c, void *state, const struct driver_setup *setup)
{
	struct disk *d = state;

	d->memory = setup->device.memory;
	d->memory_at = setup->device.memory_at;
	for (u32 i = 0; i < BUS_PORTS; i++)
		d->port[i].result = DISK_IDLE;
	d->own.at = DISK_OWN_WINDOW;
	if (c->prepare)
		c->prepare(state, setup);
	c->reset(state);
	probe_unit(c, d, 0);
	l1_timer_arm(l1_now_ns() + c->poll_ns);
}
