/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Binds a policy's text to the agents and reactions that exist: checks everything first, compiles
 * into the table that is not in force, then swaps the two.
 */
#include "kfv/policy.h"

#include "core/hrsc.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "core/lib/text.h"
#include "kfv/evidence.h"
#include "kfv/reaction.h"

static struct policy tables[2]; /* (o) */
const struct policy *policy_in_force = &tables[0];
static u32 newest;	     /* (o) highest version ever in force */
static struct config parsed; /* (o) the text being loaded */

const char *const policy_mode_names[] = {
	[POLICY_ON] = "on",
	[POLICY_DETECT] = "detect",
	[POLICY_OFF] = "off",
};

/* Where the configuration has no policy block, this one is in force. */
static const char default_text[] =
	"policy default {\n"
	"	version 0\n"
	"	mode on\n"
	"	when range severity notice do R00\n"
	"	when range severity warning do R01 then R02 after 32 within 1s\n"
	"	when rate severity warning do R02\n"
	"	when control severity critical do R07\n"
	"	across L1.rate count 4 within 2s do R18\n"
	"	across L1.rate and L3.range count 6 within 2s do R16\n"
	"	across L1.rate count 16 within 10s do R16\n"
	"	across L2.control within 1s do R22\n"
	"	across L2.control count 4 within 60s do R16\n"
	"}\n";

static struct policy *spare(void)
{
	return &tables[policy_in_force == &tables[0]];
}

int agent_find(const char *name)
{
	for (u32 i = 0; i < agent_count(); i++)
		if (!strcmp(agent_get(i)->name, name))
			return (int)i;
	return -ENOENT;
}

static void __printf(4, 5)
	complain(struct config_error *error, u32 line, u32 column, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error->line = line;
	error->column = column;
	fmt_string_v(error->message, sizeof(error->message), fmt, args);
	va_end(args);
}

static int bind_agent(const char *name, u32 line, u32 column, u8 *out, struct config_error *error)
{
	int agent = agent_find(name);

	if (agent < 0 || agent >= AGENTS_MAX) {
		complain(error, line, column, "expected the name of an agent, not '%s'", name);
		return -EINVAL;
	}
	*out = (u8)agent;
	return 0;
}

static int bind_param(const struct agent *a, u32 *values, const struct policy_param *text,
	struct config_error *error)
{
	for (u32 i = 0; i < a->nparams; i++) {
		const struct agent_param *p = &a->params[i];

		if (strcmp(p->name, text->name))
			continue;
		if (text->first == text->last && text->first >= p->min && text->first <= p->max) {
			values[i] = (u32)text->first;
			return 0;
		}
		complain(error, text->line, text->column,
			"%s %s: expected one number from %u to %u", a->name, p->name, p->min,
			p->max);
		return -EINVAL;
	}
	complain(error, text->line, text->column, "agent %s has no parameter '%s'", a->name,
		text->name);
	return -EINVAL;
}

static int bind_params(struct policy *p, const struct policy_text *text, struct config_error *error)
{
	u8 agent;

	for (u32 i = 0; i < agent_count(); i++)
		for (u32 n = 0; n < agent_get(i)->nparams; n++)
			p->param[i][n] = agent_get(i)->params[n].initial;
	for (u32 i = 0; i < text->nagents; i++) {
		const struct policy_agent *t = &text->agents[i];

		if (bind_agent(t->name, t->line, t->column, &agent, error))
			return -EINVAL;
		p->attached |= BIT(agent);
		for (u32 n = 0; n < t->nparams; n++)
			if (bind_param(agent_get(agent), p->param[agent], &t->params[n], error))
				return -EINVAL;
	}
	return 0;
}

static u8 layers_of(const struct agent *a)
{
	u8 layers = 0;

	for (u32 i = 0; i < a->nops; i++)
		layers |= BIT(HOOK_LAYER(a->ops[i]));
	return layers;
}

/* The safe state stops everybody: no VM's doings may lead to it, so no policy may name it. */
static int bind_reaction(u8 code, u32 line, u32 column, struct config_error *error)
{
	const struct reaction *r = &reactions[code];

	if (!r->run)
		complain(error, line, column, "R%02u (%s) is not available, it needs %s", code,
			r->name, r->needs);
	else if (code == R23_SAFE_STATE)
		complain(error, line, column,
			"R%02u (%s) hits every VM: expected one against the offender", code,
			r->name);
	else
		return 0;
	return -EINVAL;
}

/* A horizontal orchestrator stays inside its layer and below the fifth rung. */
static int bind_local(
	u8 code, u8 agent, const struct policy_horizontal *t, struct config_error *error)
{
	u8 layers = layers_of(agent_get(agent));

	if (bind_reaction(code, t->line, t->column, error))
		return -EINVAL;
	if (reactions[code].rung <= RUNG_LOCAL && (reactions[code].layers & layers) == layers)
		return 0;
	complain(error, t->line, t->column,
		"R%02u (%s) is not local to the layer of agent %s: expected it after 'across'",
		code, reactions[code].name, t->agent);
	return -EINVAL;
}

static int bind_rules(struct policy *p, const struct policy_text *text, struct config_error *error)
{
	for (u32 i = 0; i < text->nhorizontals; i++) {
		const struct policy_horizontal *t = &text->horizontals[i];
		struct rule *r = &p->rules[p->nrules++];

		if (bind_agent(t->agent, t->line, t->column, &r->agent, error) ||
			bind_local(t->reaction, r->agent, t, error) ||
			(t->after && bind_local(t->then, r->agent, t, error)))
			return -EINVAL;
		r->severity = t->severity;
		r->reaction = t->reaction;
		r->then = t->then;
		r->after = t->after;
		r->within_ns = t->within_ns;
		p->attached |= BIT(r->agent);
	}
	return 0;
}

static int bind_plans(struct policy *p, const struct policy_text *text, struct config_error *error)
{
	for (u32 i = 0; i < text->nverticals; i++) {
		const struct policy_vertical *t = &text->verticals[i];
		struct plan *plan = &p->plans[p->nplans++];

		for (u32 n = 0; n < t->nsources; n++) {
			const struct policy_source *s = &t->sources[n];

			if (bind_agent(s->agent, s->line, s->column, &plan->source[n].agent, error))
				return -EINVAL;
			plan->source[n].layer = s->layer;
			p->attached |= BIT(plan->source[n].agent);
		}
		if (bind_reaction(t->reaction, t->sources[0].line, t->sources[0].column, error))
			return -EINVAL;
		plan->nsources = (u8)t->nsources;
		plan->reaction = t->reaction;
		plan->target = t->target;
		plan->count = t->count;
		plan->within_ns = t->within_ns;
	}
	return 0;
}

/* For each agent and severity the rule that asks for the most, of those that are met. */
static void index_rules(struct policy *p)
{
	for (u32 i = 0; i < p->nrules; i++) {
		const struct rule *r = &p->rules[i];

		for (u32 s = r->severity; s < SEVERITY_COUNT; s++) {
			u8 *best = &p->rule_of[r->agent][s];

			if (!*best || p->rules[*best - 1].severity <= r->severity)
				*best = (u8)(i + 1);
		}
	}
}

/* -ENOSPC when an op has as many agents as it can have. */
static int attach_one(struct policy *p, u32 agent)
{
	const struct agent *a = agent_get(agent);

	for (u32 n = 0; n < a->nops; n++) {
		struct dispatch *d = &p->ops[HOOK_INDEX(a->ops[n])];

		if (d->count == DISPATCH_WIDTH)
			return -ENOSPC;
		d->to[d->count++] = (struct attached){ a->detect, p->param[agent], agent };
		p->armed |= HOOK_BIT(a->ops[n]);
	}
	return 0;
}

/* Fills the dispatch tables from `attached` and `mode`; in mode off only the witness still sees. */
static int attach(struct policy *p)
{
	int witness = agent_find("witness"), error = 0;

	memset(p->ops, 0, sizeof(p->ops));
	p->armed = 0;
	for (u32 i = 0; i < agent_count() && !error; i++)
		if ((p->attached & BIT(i)) && (p->mode != POLICY_OFF || (int)i == witness))
			error = attach_one(p, i);
	return error;
}

static void arm_all(u8 armed)
{
	for (u16 i = 0; i < HRSC_MAX; i++)
		if (hrsc_get(i))
			hrsc_get(i)->armed = armed;
}

/* Arms what either policy needs before the swap and disarms after it: no crossing goes unseen. */
static void swap(struct policy *next)
{
	arm_all(policy_in_force->armed | next->armed);
	__atomic_store_n(&policy_in_force, next, __ATOMIC_RELEASE);
	arm_all(next->armed);
	evidence_note("policy", policy_mode_names[next->mode], next->version, next->attached);
}

int policy_load(const struct policy_text *text, struct config_error *error)
{
	struct policy *next = spare();
	bool built_in = !text;

	memset(error, 0, sizeof(*error));
	if (built_in) {
		if (config_parse(&parsed, default_text, sizeof(default_text) - 1, error))
			return -EINVAL;
		text = &parsed.policy;
	}
	memset(next, 0, sizeof(*next));
	if (bind_params(next, text, error) || bind_rules(next, text, error) ||
		bind_plans(next, text, error))
		return -EINVAL;
	if (!built_in && text->version < newest) {
		complain(error, text->line, text->column,
			"version %u is older than %u, seen before", text->version, newest);
		return -EPERM;
	}
	text_copy(next->name, sizeof(next->name), text->name);
	next->version = text->version;
	next->mode = text->mode;
	next->epoch = policy_in_force->epoch + 1;
	index_rules(next);
	if (attach(next)) {
		complain(error, text->line, text->column, "expected at most %u agents at one hook",
			DISPATCH_WIDTH);
		return -EINVAL;
	}
	newest = MAX(newest, next->version);
	swap(next);
	return 0;
}

int policy_load_text(const char *text, size_t len, struct config_error *error)
{
	if (config_parse(&parsed, text, len, error))
		return -EINVAL;
	if (!parsed.policy.line) {
		complain(error, 1, 1, "expected a policy block");
		return -EINVAL;
	}
	return policy_load(&parsed.policy, error);
}

int policy_set_mode(enum policy_mode mode)
{
	struct policy *next = spare();

	*next = *policy_in_force;
	next->mode = (u8)mode;
	if (attach(next))
		return -ENOSPC;
	swap(next);
	return 0;
}

int policy_attach(u32 agent, bool on)
{
	struct policy *next = spare();

	*next = *policy_in_force;
	next->attached = on ? next->attached | BIT(agent) : next->attached & ~BIT(agent);
	if (attach(next))
		return -ENOSPC;
	swap(next);
	return 0;
}
