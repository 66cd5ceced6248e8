/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalogue of reactions. A reaction that needs a mechanism which is not built yet has no
 * function but says what it waits for: a policy that names it is refused, with the line.
 */
#include "kfv/reaction.h"

#include "core/l1/time.h"
#include "kfv/actuators.h"
#include "kfv/evidence.h"

#define MS	      1000000ull
#define RATE_LIMIT_NS (20 * MS)
#define THROTTLE_NS   (200 * MS)

#define LAYER(n) (1u << (n))
#define ANY	 (LAYER(1) | LAYER(2) | LAYER(3))

static enum outcome done(int error)
{
	return error ? OUTCOME_FAILED : OUTCOME_ALLOW;
}

static enum outcome log_only(const struct hook_event *e)
{
	(void)e;
	return OUTCOME_ALLOW;
}

static enum outcome deny(const struct hook_event *e)
{
	(void)e;
	return OUTCOME_DENY;
}

/* The vCPU that acts, or the one that the host acts upon; failing both, the whole VM. */
static int slow_down(const struct hook_event *e, u64 ns)
{
	return act_throttle(e->vm, e->subject ? e->subject : e->object, time_now_ns() + ns);
}

/* A frame too many is dropped, and who sends it runs on. */
static enum outcome rate_limit(const struct hook_event *e)
{
	if (e->op == HOOK_L2_FRAME)
		return OUTCOME_DENY;
	return done(slow_down(e, RATE_LIMIT_NS));
}

static enum outcome throttle(const struct hook_event *e)
{
	return done(slow_down(e, THROTTLE_NS));
}

/* Not entered with a structure that could not be repaired. */
static enum outcome restore(const struct hook_event *e)
{
	return act_restore(e->vm) ? OUTCOME_DENY : OUTCOME_ALLOW;
}

static enum outcome microreboot(const struct hook_event *e)
{
	return done(act_microreboot(e->vm, e->subject));
}

static enum outcome isolate(const struct hook_event *e)
{
	return done(act_isolate(e->vm, e->subject));
}

static enum outcome snapshot(const struct hook_event *e)
{
	u8 digest[SHA256_SIZE];
	int error = act_measure(e->vm, digest);

	if (!error)
		evidence_snapshot(e, digest);
	return done(error);
}

#define ON_VM(name)                                                                                \
	static enum outcome name(const struct hook_event *e)                                       \
	{                                                                                          \
		return done(act_##name(e->vm));                                                    \
	}
ON_VM(pause)
ON_VM(kill)
ON_VM(restart)

static enum outcome safe_state(const struct hook_event *e)
{
	(void)e;
	return done(act_safe_state());
}

const struct reaction reactions[REACTIONS] = {
	[0] = { "log", 0, ANY, log_only, NULL },
	[1] = { "deny", 1, ANY, deny, NULL },
	[2] = { "rate-limit", 2, ANY, rate_limit, NULL },
	[3] = { "sanitise", 1, 0, NULL, "a ring device to clamp requests of" },
	[4] = { "reset device", 4, 0, NULL, "replay of a device model's state" },
	[5] = { "cancel timers", 3, 0, NULL, "hot-unplug of devices" },
	[6] = { "roll back object", 4, 0, NULL, "copies of drivers' objects" },
	[7] = { "restore field", 4, LAYER(2), restore, NULL },
	[8] = { "cleanse code", 4, 0, NULL, "text of each driver's own" },
	[9] = { "none", 0, 0, NULL, "a meaning in the catalogue" },
	[10] = { "microreboot", 4, LAYER(1), microreboot, NULL },
	[11] = { "fallback driver", 5, 0, NULL, "a second driver of the kind" },
	[12] = { "revoke mapping", 3, 0, NULL, "owner checks of stage-2 leaves" },
	[13] = { "isolate port", 3, LAYER(2), isolate, NULL },
	[14] = { "block DMA", 3, 0, NULL, "the IOMMU driver" },
	[15] = { "mask interrupt", 3, 0, NULL, "interrupts of assigned devices" },
	[16] = { "pause VM", 6, 0, pause, NULL },
	[17] = { "none", 0, 0, NULL, "a meaning in the catalogue" },
	[18] = { "throttle vCPU", 2, LAYER(1) | LAYER(2), throttle, NULL },
	[19] = { "kill VM", 7, 0, kill, NULL },
	[20] = { "restart VM", 7, 0, restart, NULL },
	[21] = { "single-step", 2, 0, NULL, "an agent that reads single steps" },
	[22] = { "snapshot", 4, 0, snapshot, NULL },
	[23] = { "safe state", 8, 0, safe_state, NULL },
};
