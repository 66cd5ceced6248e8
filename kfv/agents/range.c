/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L3: a signature of the guest's machine. Ports and MMIO registers exist where the table says and
 *take the widths it says; an index register takes the indices its device has. What falls outside is
 *counted for each VM in windows of time:
 *
 *	width, straddle   a device touched in a way no driver for it would: a few are noticed, many
 *			  are an attempt
 *	index		  an index beyond the device's registers: always an attempt
 *	absent-ports	  many different places where nothing is. Firmware tables and drivers probe
 *for absent devices, so only their number within a window tells a sweep from a boot
 */
#include "kfv/agent.h"

#include "core/l2/vm.h"
#include "core/lib/string.h"
#include "drivers/api/machine.h"

enum param { ABSENT, WIDTHS, WINDOW_MS };

#define W1   BIT(1)
#define W2   BIT(2)
#define W4   BIT(4)
#define W124 (W1 | W2 | W4)

struct range {
	u32 first, last;
	u32 widths;	/* BIT(width) of each legal width */
	u32 select_max; /* highest index that may be written to `first`; 0: not an index register */
};

/* X(name, first, last, widths, select_max) */
#define RANGES(X)                                                                                  \
	X(NOTHING, 1, 0, 0, 0)                                                                     \
	X(PIC_MASTER, 0x20, 0x21, W1, 0)                                                           \
	X(PIT, 0x40, 0x43, W1, 0)                                                                  \
	X(SPEAKER, 0x60, 0x64, W1, 0) /* and the keyboard, which everybody looks for */            \
	X(RTC, 0x70, 0x71, W1, 0)                                                                  \
	X(DELAY, 0x80, 0x80, W1, 0)                                                                \
	X(PIC_SLAVE, 0xa0, 0xa1, W1, 0)                                                            \
	X(EXIT_PORT, 0xf4, 0xf7, W124, 0)                                                          \
	X(UART, 0x3f8, 0x3ff, W1, 0)                                                               \
	X(PIC_ELCR, 0x4d0, 0x4d1, W1, 0)                                                           \
	X(ACPI_PM1, MACHINE_PM1_EVENT, MACHINE_PM1_CONTROL + 1, W124, 0)                           \
	X(ACPI_TIMER, MACHINE_PM_TIMER, MACHINE_PM_TIMER + 3, W4, 0)                               \
	X(PCI_ADDRESS, 0xcf8, 0xcfb, W1 | W4, 0) /* its second byte resets */                      \
	X(PCI_DATA, 0xcfc, 0xcff, W124, 0)                                                         \
	X(IOAPIC_INDEX, MACHINE_IOAPIC, MACHINE_IOAPIC + 0xf, W4, 0x3f) /* 24 pins */              \
	X(IOAPIC, MACHINE_IOAPIC + 0x10, MACHINE_IOAPIC + 0xfff, W4, 0)                            \
	X(LOCAL_APIC, MACHINE_LAPIC, MACHINE_LAPIC + 0xfff, W4, 0)

#define X(name, ...) name,
enum { RANGES(X) };
#undef X
#define X(name, ...) [name] = { __VA_ARGS__ },
static const struct range ranges[] = { RANGES(X) };
#undef X

/* Ports by fours: found in one step, as every access of every guest is looked up. */
static const u8 range_of_port[0xd00 / 4] = {
	[0x20 / 4] = PIC_MASTER,
	[0x40 / 4] = PIT,
	[0x60 / 4] = SPEAKER,
	[0x64 / 4] = SPEAKER,
	[0x70 / 4] = RTC,
	[0x80 / 4] = DELAY,
	[0xa0 / 4] = PIC_SLAVE,
	[0xf4 / 4] = EXIT_PORT,
	[0x3f8 / 4] = UART,
	[0x3fc / 4] = UART,
	[0x4d0 / 4] = PIC_ELCR,
	[MACHINE_PM1_EVENT / 4] = ACPI_PM1,
	[MACHINE_PM1_CONTROL / 4] = ACPI_PM1,
	[MACHINE_PM_TIMER / 4] = ACPI_TIMER,
	[0xcf8 / 4] = PCI_ADDRESS,
	[0xcfc / 4] = PCI_DATA,
};

#define SEEN_BITS 2048

struct watch {
	u64 start_ns;
	u32 absent; /* different ones */
	u32 widths;
	u64 seen[SEEN_BITS / 64]; /* hashed: a collision counts one too few */
};

static struct watch watches[VM_MAX + 1]; /* (o) */

static u32 find(u16 op, u64 address)
{
	if (op < HOOK_L3_MMIO_READ)
		return address < 0xd00 ? range_of_port[address / 4] : NOTHING;
	switch (address & PAGE_MASK) {
	case MACHINE_IOAPIC:
		return address < MACHINE_IOAPIC + 0x10 ? IOAPIC_INDEX : IOAPIC;
	case MACHINE_LAPIC:
		return LOCAL_APIC;
	}
	return NOTHING;
}

static struct watch *watch_now(const u32 *param, const struct hook_event *e)
{
	struct watch *w = &watches[e->vm];

	if (e->time_ns - w->start_ns > param[WINDOW_MS] * 1000000ull) {
		memset(w, 0, sizeof(*w));
		w->start_ns = e->time_ns;
	}
	return w;
}

static enum severity judge_absent(const u32 *param, const struct hook_event *e, const char **why)
{
	struct watch *w = watch_now(param, e);
	u64 place = e->op >= HOOK_L3_MMIO_READ ? e->arg[0] >> PAGE_SHIFT | 1u << 31 : e->arg[0];
	u32 bit = (u32)(place * 0x9e3779b97f4a7c15ull >> 32) % SEEN_BITS;

	if (!(w->seen[bit / 64] & BIT(bit % 64))) {
		w->seen[bit / 64] |= BIT(bit % 64);
		w->absent++;
	}
	*why = "absent-ports";
	if (w->absent >= param[ABSENT] * 2)
		return SEVERITY_ALERT;
	return w->absent >= param[ABSENT] ? SEVERITY_WARNING : SEVERITY_NONE;
}

static enum severity judge_width(const u32 *param, const struct hook_event *e)
{
	struct watch *w = watch_now(param, e);

	if (++w->widths >= param[WIDTHS] * 4)
		return SEVERITY_ALERT;
	return w->widths >= param[WIDTHS] ? SEVERITY_WARNING : SEVERITY_NOTICE;
}

static enum severity detect(const u32 *param, const struct hook_event *e, const char **why)
{
	const struct range *r = &ranges[find(e->op, e->arg[0])];
	u64 last = e->arg[0] + e->arg[1] - 1;

	if (unlikely(e->arg[0] > r->last || e->arg[0] < r->first))
		return judge_absent(param, e, why);
	if (unlikely(e->arg[1] > 8 || !(r->widths & BIT(e->arg[1])))) {
		*why = "width";
		return judge_width(param, e);
	}
	if (unlikely(last > r->last)) {
		*why = "straddle";
		return judge_width(param, e);
	}
	if (unlikely(r->select_max) && e->op == HOOK_L3_MMIO_WRITE && e->arg[2] > r->select_max) {
		*why = "index";
		return SEVERITY_WARNING;
	}
	return SEVERITY_NONE;
}

static void forget(u16 vm)
{
	memset(&watches[vm], 0, sizeof(watches[vm]));
}

static const struct agent range = {
	.name = "range",
	.help = "ports and MMIO: place, width, index; sweeps",
	AGENT_OPS(HOOK_L3_PORT_READ, HOOK_L3_PORT_WRITE, HOOK_L3_MMIO_READ, HOOK_L3_MMIO_WRITE),
	.nparams = 3,
	.params = {
		[ABSENT] = { "absent", 256, 16, 1024 },
		[WIDTHS] = { "widths", 16, 1, 100000 },
		[WINDOW_MS] = { "window_ms", 8000, 1, 3600000 },
	},
	.detect = detect,
	.forget = forget,
};
AGENT_REGISTER(range);
