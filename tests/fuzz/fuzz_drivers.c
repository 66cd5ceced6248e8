/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every driver of a guest's machine under random accesses, bus calls and times. The sanitizers
 * watch each state block; what has to hold besides is written below.
 */
#include "tests/host/fake_gate.h"
#include "tests/fuzz/holds.h"

extern const struct driver *const __start_kfv_drivers[];
extern const struct driver *const __stop_kfv_drivers[];

#define NS_PER_TIMER 30000 /* no guest makes timers come faster than this, on average */

/* One step as the fuzzer writes it. */
struct step {
	u8 op, driver, region, width, offset, shift;
	u16 value;
};
ASSERT_SIZE(struct step, 8);

static const struct driver *driver_at(u8 index)
{
	return __start_kfv_drivers[index % (__stop_kfv_drivers - __start_kfv_drivers)];
}

/* A place inside one of the driver's regions, with a width that fits. */
static bool place(const struct step *s, u64 *address, u32 *width, u8 *space)
{
	const struct driver_region *r = &driver_at(s->driver)->regions[s->region % DRIVER_REGIONS];

	*width = 1u << s->width % 4;
	*space = r->space;
	if (r->space == REGION_NONE || r->space == REGION_BAR || *width > r->len ||
		(r->space == REGION_PORT && *width == 8))
		return false;
	*address = r->base + s->offset % (r->len - *width + 1);
	return true;
}

static u64 value_of(const struct step *s)
{
	return (u64)s->value << s->shift % 56 | s->value;
}

static void guest_access(const struct step *s, bool write)
{
	u64 address;
	u32 width;
	u8 space;

	if (!place(s, &address, &width, &space))
		return;
	if (space == REGION_PORT && write)
		pc_out(address, width, value_of(s));
	else if (space == REGION_PORT)
		pc_in(address, width);
	else if (write)
		pc_mmio_write(address, width, value_of(s));
	else
		pc_mmio_read(address, width);
}

/* A peer's call. What the console does, it does by its rules: it says when it has room again. */
static void bus_call(const struct step *s)
{
	u32 fn = s->offset % (BUS_INFO + 2);

	if (fn == BUS_CONSOLE_DRAINED)
		pc.console_room += s->value % 32 + 1;
	pc_call(driver_at(s->driver)->name, fn, s->shift & 1 ? s->value % 32 : value_of(s),
		s->value >> 8);
}

static void time_passes(const struct step *s)
{
	u64 ns = (u64)s->value << s->shift % 13;
	u32 before = pc.timer_calls;

	if (s->region & 1)
		pc_leap(ns << s->shift % 32);
	else
		pc_advance(ns);
	HOLDS(pc.timer_calls - before <= ns / NS_PER_TIMER + 64);
}

/* INTR promises a vector; without it the acknowledge cycle is spurious. */
static void acknowledge(void)
{
	u64 spurious = pc_call("pic", BUS_INFO, 1, 0);
	bool intr = pc.intr;
	u64 vector = pc_call("pic", BUS_INTACK, 0, 0);

	HOLDS(vector < 256);
	HOLDS(pc_call("pic", BUS_INFO, 1, 0) - spurious == !intr);
}

static void check_messages(void)
{
	for (u32 i = 0; i < MIN(pc.msis, PC_MSIS); i++) {
		HOLDS(pc.msi[i].address >> 20 == 0xfee);
		HOLDS(!(pc.msi[i].data & ~0xc7ffu));
	}
}

/* Whatever was done to it, a reset machine is quiet and stays so. */
static void check_reset(void)
{
	u32 before;

	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++)
		pc_call((*d)->name, BUS_RESET, 0, 0);
	for (const struct driver *const *d = __start_kfv_drivers; d < __stop_kfv_drivers; d++)
		HOLDS(!pc_deadline((*d)->name));
	for (u32 line = 0; line < PC_LINES; line++)
		HOLDS(!pc.line[line]);
	HOLDS(!pc.intr);
	before = pc.timer_calls;
	pc_advance(10000000000);
	HOLDS(pc.timer_calls == before);
}

static void run(const struct step *s)
{
	switch (s->op % 8) {
	case 0:
	case 1:
	case 2:
		guest_access(s, true);
		break;
	case 3:
	case 4:
		guest_access(s, false);
		break;
	case 5:
		bus_call(s);
		break;
	case 6:
		time_passes(s);
		break;
	case 7:
		acknowledge();
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	pc_start(MIB(256));
	pc.wired = true;
	pc.console_room = 8;
	for (; size >= sizeof(struct step);
		data += sizeof(struct step), size -= sizeof(struct step)) {
		struct step s;

		__builtin_memcpy(&s, data, sizeof(s));
		run(&s);
		HOLDS(!pc.console_refused);
	}
	check_messages();
	check_reset();
	pc_stop();
	return 0;
}
