/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A horizontal orchestrator counts findings by VM, agent and rule. While they come more often than
 * the rule allows, its second reaction is used; that ends after a whole window of quiet. The log
 * gets a line when something changes, at the first of each kind and at 1, 2, 4, 8... findings, so
 * that no flood can fill it.
 */
#include "kfv/ho.h"

#include "core/l2/vm.h"
#include "core/lib/string.h"
#include "kfv/evidence.h"
#include "kfv/reaction.h"
#include "kfv/vo.h"

#define WINDOW_DEFAULT_NS 1000000000ull

struct ladder {
	u64 start_ns, last_ns;
	u64 kinds; /* what was found so far, a bit for each by hash */
	u32 count;
	bool escalated;
	u8 outcome; /* of the last one */
};

static struct ladder ladders[VM_MAX + 1][AGENTS_MAX][SEVERITY_COUNT]; /* (o) */

static const struct rule no_rule = { .reaction = R00_LOG };

/* By address, as a reason is a constant: this is paid for by each finding. */
static u64 kind_bit(const char *why)
{
	return BIT((u64)why * 0x9e3779b97f4a7c15ull >> 58);
}

/* Counts one more finding. Returns whether that is news. */
static bool climb(struct ladder *l, const struct rule *r, u64 now, u64 kind)
{
	u64 window = r->after ? r->within_ns : WINDOW_DEFAULT_NS;
	bool before = l->escalated, fresh;

	if (!l->count || now - l->last_ns > window || (!before && now - l->start_ns > window)) {
		l->start_ns = now;
		l->count = 0;
		l->kinds = 0;
		l->escalated = false;
	}
	fresh = !(l->kinds & kind);
	l->last_ns = now;
	l->count++;
	l->kinds |= kind;
	l->escalated |= r->after && l->count > r->after;
	return fresh || l->escalated != before || !(l->count & (l->count - 1));
}

/* The first reaction's denial stays in force while the second one is used. */
static enum outcome react(const struct hook_event *e, const struct rule *r, u8 reaction)
{
	enum outcome o = reactions[reaction].run(e);

	return o == OUTCOME_ALLOW && reaction != r->reaction && r->reaction == R01_DENY
		       ? OUTCOME_DENY
		       : o;
}

static void record(const struct hook_event *e, u32 agent, const char *why, u32 count, u8 reaction,
	enum outcome outcome)
{
	struct evidence r = { .time_ns = e->time_ns,
		.why = why,
		.count = count,
		.layer = e->layer,
		.outcome = outcome,
		.reaction = reaction };

	evidence_decision(&r, e, agent);
}

enum hook_verdict ho_decide(
	const struct policy *p, const struct hook_event *e, u32 agent, const char *why)
{
	u8 index = p->rule_of[agent][e->severity];
	const struct rule *r = index ? &p->table.rules[index - 1] : &no_rule;
	struct ladder *l = &ladders[e->vm][agent][r->severity];
	bool news = climb(l, r, e->time_ns, kind_bit(why));
	u8 reaction = l->escalated ? r->then : r->reaction;
	enum outcome outcome = OUTCOME_WITHHELD;

	if (!vo_report(e, agent, why) && e->severity >= SEVERITY_ALERT)
		reaction = R23_SAFE_STATE;
	if (p->table.mode == POLICY_ON)
		outcome = react(e, r, reaction);
	if (news || outcome != l->outcome)
		record(e, agent, why, l->count, reaction, outcome);
	l->outcome = outcome;
	return outcome == OUTCOME_DENY ? HOOK_DENY : HOOK_ALLOW;
}

void ho_forget(u16 vm)
{
	memset(ladders[vm], 0, sizeof(ladders[vm]));
}
