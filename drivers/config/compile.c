/* SPDX-License-Identifier: BSD-2-Clause */
/* Binds the names in a policy's text to what the catalogue has; the first mistake ends it. */
#include "drivers/api/policy.h"

#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "core/lib/text.h"

/* One compilation on its way. */
struct binding {
	struct policy_table *out;
	const struct policy_text *text;
	const struct catalogue *c;
	struct config_error *error;
};

int policy_refuse(struct config_error *error, u32 line, u32 column, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error->line = MAX(line, 1u);
	error->column = MAX(column, 1u);
	fmt_string_v(error->message, sizeof(error->message), fmt, args);
	va_end(args);
	return -EINVAL;
}

static int bind_agent(const struct binding *b, const char *name, u32 line, u32 column, u8 *out)
{
	for (u8 i = 0; i < b->c->nagents; i++) {
		if (strcmp(b->c->agents[i].name, name))
			continue;
		b->out->attached |= BIT(i);
		*out = i;
		return 0;
	}
	return policy_refuse(
		b->error, line, column, "expected the name of an agent, not '%s'", name);
}

static int bind_param(const struct binding *b, u8 agent, const struct policy_param *text)
{
	const char *name = b->c->agents[agent].name;

	for (u32 i = 0; i < b->c->agents[agent].nparams; i++) {
		const struct agent_param *p = &b->c->agents[agent].params[i];

		if (strcmp(p->name, text->name))
			continue;
		if (text->first != text->last || text->first < p->min || text->first > p->max)
			return policy_refuse(b->error, text->line, text->column,
				"%s %s: expected one number from %u to %u", name, p->name, p->min,
				p->max);
		b->out->param[agent][i] = (u32)text->first;
		return 0;
	}
	return policy_refuse(b->error, text->line, text->column, "agent %s has no parameter '%s'",
		name, text->name);
}

static int bind_params(const struct binding *b)
{
	u8 agent;

	for (u32 i = 0; i < b->c->nagents; i++)
		for (u32 n = 0; n < b->c->agents[i].nparams; n++)
			b->out->param[i][n] = b->c->agents[i].params[n].initial;
	for (u32 i = 0; i < b->text->nagents; i++) {
		const struct policy_agent *t = &b->text->agents[i];

		if (bind_agent(b, t->name, t->line, t->column, &agent))
			return -EINVAL;
		for (u32 n = 0; n < t->nparams; n++)
			if (bind_param(b, agent, &t->params[n]))
				return -EINVAL;
	}
	return 0;
}

static int check_reaction(const struct binding *b, u8 code, u32 line, u32 column)
{
	const char *name = b->c->reactions[code].name;

	if (b->c->reactions[code].needs)
		return policy_refuse(b->error, line, column,
			"R%02u (%s) is not available, it needs %s", code, name,
			b->c->reactions[code].needs);
	if (b->c->reactions[code].everybody)
		return policy_refuse(b->error, line, column,
			"R%02u (%s) hits every VM: expected one against the offender", code, name);
	return 0;
}

/* A horizontal orchestrator stays inside its layer. */
static int check_local(
	const struct binding *b, u8 code, u8 agent, const struct policy_horizontal *t)
{
	u8 layers = b->c->agents[agent].layers;

	if (check_reaction(b, code, t->line, t->column))
		return -EINVAL;
	if ((b->c->reactions[code].layers & layers) == layers)
		return 0;
	return policy_refuse(b->error, t->line, t->column,
		"R%02u (%s) is not local to the layer of agent %s: expected it after 'across'",
		code, b->c->reactions[code].name, t->agent);
}

static int bind_rules(const struct binding *b)
{
	for (u32 i = 0; i < b->text->nhorizontals; i++) {
		const struct policy_horizontal *t = &b->text->horizontals[i];
		struct rule *r = &b->out->rules[b->out->nrules++];

		if (bind_agent(b, t->agent, t->line, t->column, &r->agent) ||
			check_local(b, t->reaction, r->agent, t) ||
			(t->after && check_local(b, t->then, r->agent, t)))
			return -EINVAL;
		r->severity = t->severity;
		r->reaction = t->reaction;
		r->then = t->then;
		r->after = t->after;
		r->within_ns = t->within_ns;
	}
	return 0;
}

static int bind_plans(const struct binding *b)
{
	for (u32 i = 0; i < b->text->nverticals; i++) {
		const struct policy_vertical *t = &b->text->verticals[i];
		struct plan *p = &b->out->plans[b->out->nplans++];

		for (u32 n = 0; n < t->nsources; n++) {
			const struct policy_source *s = &t->sources[n];

			if (bind_agent(b, s->agent, s->line, s->column, &p->source[n].agent))
				return -EINVAL;
			p->source[n].layer = s->layer;
		}
		if (check_reaction(b, t->reaction, t->sources[0].line, t->sources[0].column))
			return -EINVAL;
		p->nsources = (u8)t->nsources;
		p->reaction = t->reaction;
		p->target = t->target;
		p->count = t->count;
		p->within_ns = t->within_ns;
	}
	return 0;
}

static void bind_ports(const struct binding *b)
{
	for (u32 i = 0; i < b->text->nports; i++)
		policy_port_bind(&b->out->ports[b->out->nports++], &b->text->ports[i]);
}

int policy_compile(struct policy_table *out, const struct policy_text *text,
	const struct catalogue *c, struct config_error *error)
{
	struct binding b = { out, text, c, error };

	memset(out, 0, sizeof(*out));
	text_copy(out->name, sizeof(out->name), text->name);
	out->version = text->version;
	out->mode = text->mode;
	bind_ports(&b);
	return bind_params(&b) ?: bind_rules(&b) ?: bind_plans(&b);
}
