/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vertical orchestrator's mind is a table: for each VM and plan of the policy, which of the
 * plan's sources have reported and how often within its window. Plans of the lower rungs act at
 * once; from RUNG_CONTAIN on they go: contain, snapshot, repair, verify, release.
 */
#include "kfv/vo.h"

#include "core/hrsc.h"
#include "core/l1/time.h"
#include "core/l2/vm.h"
#include "core/lib/string.h"
#include "kfv/actuators.h"
#include "kfv/evidence.h"
#include "kfv/mediation.h"
#include "kfv/policy.h"
#include "kfv/reaction.h"

#define SILENT_NS      1000000000ull /* a report older than this was not read: silenced */
#define HOLD_NS	       5000000000ull /* first pause that ends by itself; then twice as long, ... */
#define HOLD_DOUBLE    4	     /* ... so many times */
#define FORGIVE_NS     600000000000ull /* so long without a pause makes the next one short again */
#define LULL_NS	       10000000000ull  /* ends a series of runs, of which 1, 2, 4, ... are logged */
#define FLUSH_LINES    32	       /* at a time, and the rest so much later */
#define FLUSH_AGAIN_NS 10000000ull

struct report {
	struct hook_event event;
	const char *why;
	u32 count;
};

struct track {
	u64 start_ns, fired_ns;
	u32 count, fired; /* reports so far; times that the plan was run, while it goes on */
	u8 seen;	  /* sources, a bit for each */
};

struct hold {
	u64 since_ns, until_ns; /* 0: not held by us; ~0: until an operator resumes it */
	u32 strikes;
};

static struct report reports[VM_MAX + 1][AGENTS_MAX];	  /* (o) */
static u16 pending[VM_MAX + 1];				  /* (o) agents with a report */
static struct track tracks[VM_MAX + 1][CONFIG_VERTICALS]; /* (o) */
static struct hold holds[VM_MAX + 1];			  /* (o) */
static u32 waiting;		    /* (o) VMs with a report, a bit for each */
static u64 next_release_ns = ~0ull; /* (o) the earliest end of a hold */
static u64 busy_ns;		    /* (a) when it last could not run for a good reason */
static u32 tracks_epoch;	    /* (o) of the policy that the tracks belong to */

bool vo_report(const struct hook_event *e, u32 agent, const char *why)
{
	struct report *r = &reports[e->vm][agent];
	bool more = pending[e->vm] & BIT(agent);

	if (e->severity < SEVERITY_WARNING)
		return true;
	if (!more) {
		r->event = *e;
		r->count = 0;
	}
	if (!more || e->severity > r->event.severity) {
		u64 first_ns = r->event.time_ns;

		r->event = *e;
		r->event.time_ns = first_ns;
		r->why = why;
	}
	r->count++;
	pending[e->vm] |= BIT(agent);
	waiting |= BIT(e->vm);
	act_call_orchestrator(e->vm);
	return e->time_ns - MIN(MAX(r->event.time_ns, busy_ns), e->time_ns) < SILENT_NS;
}

static void note(const struct report *r, u32 agent, const char *why, u8 reaction, enum outcome o)
{
	struct evidence line = { .time_ns = time_now_ns(),
		.why = why,
		.count = r->count,
		.layer = EVIDENCE_VO,
		.outcome = o,
		.reaction = reaction };

	evidence_decision(&line, &r->event, agent);
}

/* Keeps a paused VM out; for a time, unless what was found does not pass with time. */
static void hold(u16 vm, bool for_good)
{
	struct hold *h = &holds[vm];
	u64 now = time_now_ns();

	if (now - h->since_ns > FORGIVE_NS)
		h->strikes = 0;
	h->since_ns = now;
	h->until_ns = for_good ? ~0ull : now + (HOLD_NS << MIN(h->strikes, HOLD_DOUBLE));
	h->strikes++;
	next_release_ns = MIN(next_release_ns, h->until_ns);
}

static enum outcome run(u8 reaction, const struct hook_event *e)
{
	return reactions[reaction].run(e) == OUTCOME_FAILED ? OUTCOME_FAILED : OUTCOME_DONE;
}

/* The VM stands still from the first line to the last but one. */
static void run_contained(const struct plan *p, const struct report *r, u32 agent)
{
	u16 vm = r->event.vm;
	bool was_running = act_vm_running(vm), intact;

	if (was_running)
		note(r, agent, "contain", R16_PAUSE, run(R16_PAUSE, &r->event));
	if (run(R22_SNAPSHOT, &r->event) == OUTCOME_FAILED)
		note(r, agent, "snapshot", R22_SNAPSHOT, OUTCOME_FAILED);
	if (p->reaction != R22_SNAPSHOT)
		note(r, agent, r->why, p->reaction, run(p->reaction, &r->event));
	else
		note(r, agent, "keep", R22_SNAPSHOT, act_keep(vm) ? OUTCOME_FAILED : OUTCOME_DONE);
	if (reactions[p->reaction].rung > reactions[R16_PAUSE].rung)
		return; /* there is nothing left to release */

	intact = act_intact(vm);
	note(r, agent, "verify", R00_LOG, intact ? OUTCOME_DONE : OUTCOME_FAILED);
	if (p->reaction == R16_PAUSE || !intact)
		hold(vm, agent_get(agent)->integrity || !intact);
	else if (was_running)
		note(r, agent, "release", R00_LOG, act_resume(vm) ? OUTCOME_FAILED : OUTCOME_DONE);
}

/* What is named must belong to the VM whose finding it is; 0: the VM as a whole. */
static u16 target_of(const struct plan *p, const struct hook_event *e)
{
	u16 id = p->target == TARGET_SUBJECT  ? e->subject
		 : p->target == TARGET_OBJECT ? e->object
					      : 0;
	const struct hrsc *h = hrsc_get(id);

	return h && h->vm_id == e->vm ? id : 0;
}

static void execute(const struct policy *policy, const struct plan *p, const struct track *t,
	struct report *r, u32 agent)
{
	enum outcome outcome = OUTCOME_WITHHELD;

	r->event.subject = target_of(p, &r->event);
	r->event.object = 0;
	r->count = t->fired;
	if (policy->table.mode == POLICY_ON && reactions[p->reaction].rung >= RUNG_CONTAIN) {
		run_contained(p, r, agent);
		return;
	}
	if (policy->table.mode == POLICY_ON)
		outcome = run(p->reaction, &r->event);
	if (!(t->fired & (t->fired - 1)))
		note(r, agent, r->why, p->reaction, outcome);
}

/* Adds a report to what the plan has seen of its VM; true when the plan's time has come. */
static bool advance(struct track *t, const struct plan *p, const struct report *r, u32 agent)
{
	u64 now = r->event.time_ns;
	u8 match = 0;

	for (u32 i = 0; i < p->nsources; i++)
		if (p->source[i].agent == agent &&
			(!p->source[i].layer || p->source[i].layer == r->event.layer))
			match |= BIT(i);
	if (!match)
		return false;
	if (!t->count || now - t->start_ns > p->within_ns)
		t->start_ns = now, t->count = t->seen = 0;
	t->count += r->count;
	t->seen |= match;
	if (t->count < p->count || t->seen != BIT(p->nsources) - 1)
		return false;
	t->count = 0;
	t->fired = now - t->fired_ns > MAX(p->within_ns, LULL_NS) ? 1 : t->fired + 1;
	t->fired_ns = now;
	return true;
}

static void consider(const struct policy *policy, const struct report *report, u32 agent)
{
	u16 vm = report->event.vm;

	for (u32 i = 0; i < policy->table.nplans; i++) {
		struct report r = *report;
		struct track *t = &tracks[vm][i];

		if (advance(t, &policy->table.plans[i], &r, agent))
			execute(policy, &policy->table.plans[i], t, &r, agent);
	}
}

static void release(u16 vm)
{
	holds[vm].until_ns = 0;
	if (!act_vm_running(vm))
		evidence_note(
			"release", act_resume(vm) ? "failed" : "quiet", vm, holds[vm].strikes);
}

static void release_due(u64 now)
{
	next_release_ns = ~0ull;
	for (u16 vm = 1; vm <= VM_MAX; vm++) {
		if (holds[vm].until_ns && holds[vm].until_ns <= now)
			release(vm);
		if (holds[vm].until_ns)
			next_release_ns = MIN(next_release_ns, holds[vm].until_ns);
	}
}

/* The next report of those that wait; false: there is none. */
static bool take_report(struct report *r, u32 *agent)
{
	bool any;
	u32 vm;

	lock_take(&kfv_lock);
	any = waiting;
	if (any) {
		vm = (u32)__builtin_ctz(waiting);
		*agent = (u32)__builtin_ctz(pending[vm]);
		*r = reports[vm][*agent];
		pending[vm] &= (u16)(pending[vm] - 1);
		if (!pending[vm])
			waiting &= waiting - 1;
	}
	lock_give(&kfv_lock);
	return any;
}

/* Plans are carried out without the lock: they pause VMs, and those may wait for it. */
static void read_reports(void)
{
	const struct policy *policy = policy_active();
	struct report r;
	u32 agent;

	if (tracks_epoch != policy->epoch) {
		memset(tracks, 0, sizeof(tracks));
		tracks_epoch = policy->epoch;
	}
	while (take_report(&r, &agent))
		consider(policy, &r, agent);
}

void hook_orchestrate(void)
{
	if (waiting)
		read_reports();
	if (unlikely(next_release_ns != ~0ull) && time_now_ns() >= next_release_ns)
		release_due(time_now_ns());
	evidence_flush(FLUSH_LINES);
}

void hook_busy(void)
{
	busy_ns = time_now_ns();
}

u64 hook_deadline_ns(void)
{
	if (evidence_waits())
		return time_now_ns() + FLUSH_AGAIN_NS;
	return next_release_ns == ~0ull ? 0 : next_release_ns;
}

void vo_forget(u16 vm)
{
	pending[vm] = 0;
	waiting &= ~(u32)BIT(vm);
	memset(tracks[vm], 0, sizeof(tracks[vm]));
	memset(&holds[vm], 0, sizeof(holds[vm]));
}
