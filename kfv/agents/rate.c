/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * L1: how often a vCPU leaves guest mode on purpose. Exits are counted in windows of 2^20 ns (about
 * a millisecond) and smoothed by an exponential moving average, s += (x - s) / 2^k in 1/256ths.
 * Only kinds that a guest can cause at will and that no ordinary kernel causes in floods are
 * counted: hypercalls, and exceptions with virtualisation instructions. Port and MMIO exits come in
 * bursts of tens of thousands a second from a booting kernel and are left to the agents that look
 * at what is accessed. Until a vCPU has been watched for `warm` windows its limit is four times as
 * high.
 *
 * L2: how much a network device sends to its switch, in frames and in bytes, whoever they say is
 * their sender, and whatever becomes of them: nothing that others do counts. What is too much is
 * found frame by frame, beyond an eighth of the limit, until a second has passed without. The
 * limits are meant for a machine of today, where a VM that copies files may well send 8 Gbit/s: of
 * one that is much slower they are to be set lower.
 */
#include "kfv/agent.h"

#include "core/l2/vm.h"
#include "core/lib/string.h"

#define WINDOW_SHIFT 20
#define SCALE	     8
#define COUNT_MAX    (1u << 23) /* keeps x << SCALE inside 32 bits */
#define IDLE_MAX     8		/* so many times 2^k windows of nothing leave nothing */
#define GRACE	     4

#define HOLD	    1000 /* windows that a network device is held to less */
#define STILL_SHIFT 3	 /* of the limit, what may be sent beyond it */

enum class { CALLS, TRAPS, FRAMES = 0, BYTES, CLASSES };
enum param { LIMITS, SHIFT = CLASSES, WARM };

static const char *const exit_why[CLASSES] = { "hypercall-rate", "exception-rate" };
static const char *const frame_why[CLASSES] = { "frame-rate", "byte-rate" };

/* 1 + enum class, 0: not counted. */
static const u8 class_of[EXIT_KINDS] = {
	[EXIT_HYPERCALL] = 1 + CALLS,
	[EXIT_EXCEPTION] = 1 + TRAPS,
	[EXIT_VIRT_INSN] = 1 + TRAPS,
};

struct meter {
	u64 window;
	u32 windows; /* watched so far */
	u16 vm;
	u8 over; /* enum severity, of a network device that sends too much */
	u64 over_until;
	const char *why;
	u32 count[CLASSES];
	u32 average[CLASSES]; /* << SCALE */
};

static struct meter meters[HRSC_MAX]; /* (o) by vCPU or network device */

/* What `idle` empty windows leave, as 1 / (1 + x) for e^-x: one step, and never too little. */
static u32 decay(u32 average, u64 idle, u32 shift)
{
	if (idle >= (u64)IDLE_MAX << shift)
		return 0;
	return (u32)(((u64)average << shift) / ((1u << shift) + idle));
}

static u32 smooth(u32 average, u32 count, u32 shift)
{
	s64 s = average;

	return (u32)(s + (((s64)MIN(count, COUNT_MAX) * (1 << SCALE) - s) >> shift));
}

static enum severity grade(u32 average, u64 limit)
{
	if (average > limit * 4)
		return SEVERITY_ALERT;
	return average > limit ? SEVERITY_WARNING : SEVERITY_NONE;
}

/* Closes the window that has passed; the worst class speaks for all. */
static enum severity close_window(
	struct meter *m, const u32 *param, u64 now, const char *const *class_why, const char **why)
{
	u64 grace = m->windows < param[WARM] ? GRACE : 1;
	enum severity worst = SEVERITY_NONE;

	for (u32 c = 0; c < CLASSES; c++) {
		u32 peak = smooth(m->average[c], m->count[c], param[SHIFT]);
		enum severity s = grade(peak, (param[LIMITS + c] * grace << SCALE));

		if (s > worst)
			worst = s, *why = class_why[c];
		m->average[c] = decay(peak, now - m->window - 1, param[SHIFT]);
		m->count[c] = 0;
	}
	m->window = now;
	m->windows++;
	return worst;
}

static enum severity detect(const u32 *param, const struct hook_event *e, const char **why)
{
	struct meter *m = &meters[e->object % HRSC_MAX];
	u32 class = e->arg[0] < EXIT_KINDS ? class_of[e->arg[0]] : 0;
	u64 now = e->time_ns >> WINDOW_SHIFT;
	enum severity s = SEVERITY_NONE;

	if (likely(!class))
		return s;
	if (m->window != now) {
		m->vm = e->vm;
		s = close_window(m, param, now, exit_why, why);
	}
	m->count[class - 1]++;
	return s;
}

static enum severity detect_frame(const u32 *param, const struct hook_event *e, const char **why)
{
	struct meter *m = &meters[e->subject % HRSC_MAX];
	u64 now = e->time_ns >> WINDOW_SHIFT, last = m->window;
	enum severity s;

	if (last != now) {
		m->vm = e->vm;
		s = close_window(m, param, now, frame_why, &m->why);
		if (s != SEVERITY_NONE)
			m->over = (u8)s, m->over_until = last + HOLD;
	}
	m->count[FRAMES]++;
	m->count[BYTES] += (u32)MIN(e->arg[2], COUNT_MAX);
	*why = m->why;
	return e->vm && now < m->over_until &&
			       (m->count[FRAMES] > param[LIMITS + FRAMES] >> STILL_SHIFT ||
				       m->count[BYTES] > param[LIMITS + BYTES] >> STILL_SHIFT)
		       ? m->over
		       : SEVERITY_NONE;
}

static void forget(u16 vm)
{
	for (u32 i = 0; i < HRSC_MAX; i++)
		if (meters[i].vm == vm)
			memset(&meters[i], 0, sizeof(meters[i]));
}

static const struct agent rate = {
	.name = "rate",
	.help = "hypercalls and exceptions per ms, smoothed",
	AGENT_OPS(HOOK_L1_EXIT),
	.exits = HOOK_EXIT_BIT(EXIT_HYPERCALL) | HOOK_EXIT_BIT(EXIT_EXCEPTION) |
		 HOOK_EXIT_BIT(EXIT_VIRT_INSN),
	.nparams = 4,
	.params = {
		[LIMITS + CALLS] = { "calls", 3, 1, 100000 },
		[LIMITS + TRAPS] = { "traps", 400, 1, 100000 },
		[SHIFT] = { "shift", 6, 1, 8 },
		[WARM] = { "warm", 64, 0, 100000 },
	},
	.detect = detect,
	.forget = forget,
};
AGENT_REGISTER(rate);

static const struct agent flood = {
	.name = "flood",
	.help = "frames and bytes sent per ms, smoothed",
	AGENT_OPS(HOOK_L2_FRAME),
	.nparams = 4,
	.params = {
		[LIMITS + FRAMES] = { "frames", 256, 1, 100000 },
		[LIMITS + BYTES] = { "bytes", 1000000, 1, COUNT_MAX },
		[SHIFT] = { "shift", 5, 1, 8 },
		[WARM] = { "warm", 16, 0, 100000 },
	},
	.detect = detect_frame,
	.forget = forget,
};
AGENT_REGISTER(flood);
