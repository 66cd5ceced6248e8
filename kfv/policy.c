/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Has a policy's text compiled (drivers/config) into the table that is not in force, checks what
 * came of it against the agents and reactions that exist, then swaps the two.
 */
#include "kfv/policy.h"
#include "kfv/mediation.h"

#include "core/hrsc.h"
#include "core/lib/string.h"
#include "kfv/actuators.h"
#include "kfv/evidence.h"
#include "kfv/reaction.h"

static struct policy tables[2]; /* (o) */
const struct policy *policy_in_force = &tables[0];
static u32 newest;	     /* (o) highest version ever in force */
static struct config parsed; /* (o) the text being loaded, and what it may name */
static struct catalogue catalogue;

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

static u8 layers_of(const struct agent *a)
{
	u8 layers = 0;

	for (u32 i = 0; i < a->nops; i++)
		layers |= BIT(HOOK_LAYER(a->ops[i]));
	return layers;
}

static void make_catalogue(struct catalogue *c)
{
	c->nagents = agent_count();
	for (u32 i = 0; i < c->nagents; i++) {
		const struct agent *a = agent_get(i);

		c->agents[i].name = a->name;
		c->agents[i].layers = layers_of(a);
		c->agents[i].nparams = a->nparams;
		memcpy(c->agents[i].params, a->params, sizeof(a->params));
	}
	for (u32 i = 0; i < REACTIONS; i++) {
		c->reactions[i].name = reactions[i].name;
		c->reactions[i].needs = reactions[i].needs;
		c->reactions[i].layers = reactions[i].layers;
		c->reactions[i].everybody = i == R23_SAFE_STATE;
	}
}

/*
 * Whether a policy may have this reaction answer an agent of those layers, or of none: below the
 * fifth rung and inside its layer. The safe state stops everybody: no VM's doings lead to it.
 */
static bool may_answer(u8 code, u8 layers)
{
	return code < REACTIONS && reactions[code].run && code != R23_SAFE_STATE &&
	       (reactions[code].layers & layers) == layers;
}

static bool rule_is_sound(const struct rule *r)
{
	u8 layers = r->agent < agent_count() ? layers_of(agent_get(r->agent)) : 0;

	return layers && r->severity < SEVERITY_COUNT && may_answer(r->reaction, layers) &&
	       (!r->after || may_answer(r->then, layers));
}

static bool plan_is_sound(const struct plan *p)
{
	bool sound =
		p->nsources && p->nsources <= ARRAY_LEN(p->source) && may_answer(p->reaction, 0);

	for (u32 i = 0; sound && i < p->nsources; i++)
		sound = p->source[i].agent < agent_count() && p->source[i].layer <= 3;
	return sound && p->target <= TARGET_OBJECT;
}

/* What the compiler made of foreign text is as little trusted as the text. */
static bool is_sound(const struct policy_table *t)
{
	bool sound = t->mode <= POLICY_OFF && t->nrules <= ARRAY_LEN(t->rules) &&
		     t->nplans <= ARRAY_LEN(t->plans) && !(t->attached >> agent_count()) &&
		     t->nports <= ARRAY_LEN(t->ports) && !t->name[CONFIG_NAME - 1];

	for (u32 i = 0; i < agent_count(); i++)
		for (u32 n = 0; n < agent_get(i)->nparams; n++)
			sound &= t->param[i][n] >= agent_get(i)->params[n].min &&
				 t->param[i][n] <= agent_get(i)->params[n].max;
	for (u32 i = 0; sound && i < t->nrules; i++)
		sound = rule_is_sound(&t->rules[i]);
	for (u32 i = 0; sound && i < t->nports; i++)
		sound = !t->ports[i].name[CONFIG_PORT_NAME - 1];
	for (u32 i = 0; sound && i < t->nplans; i++)
		sound = plan_is_sound(&t->plans[i]);
	return sound;
}

/* For each agent and severity the rule that asks for the most, of those that are met. */
static void index_rules(struct policy *p)
{
	for (u32 i = 0; i < p->table.nrules; i++) {
		const struct rule *r = &p->table.rules[i];

		for (u32 s = r->severity; s < SEVERITY_COUNT; s++) {
			u8 *best = &p->rule_of[r->agent][s];

			if (!*best || p->table.rules[*best - 1].severity <= r->severity)
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
		d->to[d->count++] = (struct attached){ a->detect, p->table.param[agent], agent };
		p->armed |= a->ops[n] == HOOK_L1_EXIT ? a->exits : HOOK_BIT(a->ops[n]);
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
		if ((p->table.attached & BIT(i)) &&
			(p->table.mode != POLICY_OFF || (int)i == witness))
			error = attach_one(p, i);
	return error;
}

void policy_arm(u64 armed)
{
	for (u16 i = 0; i < HRSC_MAX; i++)
		if (hrsc_get(i))
			hrsc_get(i)->armed = armed;
}

/* Arms what either policy needs before the swap and disarms after it: no crossing goes unseen. */
static void swap(struct policy *next)
{
	policy_arm(policy_in_force->armed | next->armed);
	lock_take(&kfv_lock); /* nobody is in the midst of the old one then */
	policy_in_force = next;
	lock_give(&kfv_lock);
	policy_arm(next->armed);
	act_own_ports(&next->table);
	evidence_note("policy", policy_mode_names[next->table.mode], next->table.version,
		next->table.attached);
}

/* -ENOSPC: a hook would have more agents than it can have. */
static int put_in_force(struct policy *next)
{
	int err = attach(next);

	if (!err)
		swap(next);
	return err;
}

int policy_load(const char *text, size_t len, struct config_error *error)
{
	const struct policy_text *p = &parsed.policy;
	struct policy *next = spare();

	if (config_parse(&parsed, text, len, error))
		return -EINVAL;
	if (!p->line)
		return policy_refuse(error, p->line, p->column, "expected a policy block");
	memset(next, 0, sizeof(*next));
	make_catalogue(&catalogue);
	if (policy_compile(&next->table, p, &catalogue, error))
		return -EINVAL;
	if (!is_sound(&next->table))
		return policy_refuse(error, p->line, p->column,
			"the compiler made no sound table of this policy");
	if (text != policy_default && next->table.version < newest) {
		(void)policy_refuse(error, p->line, p->column,
			"version %u is older than %u, seen before", next->table.version, newest);
		return -EPERM;
	}
	next->epoch = policy_in_force->epoch + 1;
	index_rules(next);
	if (put_in_force(next))
		return policy_refuse(error, p->line, p->column,
			"expected at most %u agents at one hook", DISPATCH_WIDTH);
	newest = MAX(newest, next->table.version);
	return 0;
}

int policy_set_mode(enum policy_mode mode)
{
	struct policy *next = spare();

	*next = *policy_in_force;
	next->table.mode = (u8)mode;
	return put_in_force(next);
}

int policy_attach(u32 agent, bool on)
{
	struct policy *next = spare();

	*next = *policy_in_force;
	next->table.attached =
		on ? next->table.attached | BIT(agent) : next->table.attached & ~BIT(agent);
	return put_in_force(next);
}
