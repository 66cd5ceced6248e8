/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy's part of the configuration: parameters of agents, horizontal and vertical rules,
 * settings of ports. What the names in it stand for is not known here. Pure.
 */
#include "drivers/api/config.h"
#include "drivers/config/text.h"
#include "core/lib/string.h"

#define TIMES_MAX 1000000 /* that a rule may wait for */

const char *const severity_names[SEVERITY_COUNT] = {
	[SEVERITY_NONE] = "none",
	[SEVERITY_INFO] = "info",
	[SEVERITY_NOTICE] = "notice",
	[SEVERITY_WARNING] = "warning",
	[SEVERITY_ALERT] = "alert",
	[SEVERITY_CRITICAL] = "critical",
};

const char *const policy_mode_names[POLICY_MODES] = {
	[POLICY_ON] = "on",
	[POLICY_DETECT] = "detect",
	[POLICY_OFF] = "off",
};

static int read_version(struct config_text *t, void *to)
{
	return config_read_number(t, 0, UINT32_MAX, &((struct policy_text *)to)->version);
}

static int read_mode(struct config_text *t, void *to)
{
	return config_read_choice(
		t, policy_mode_names, POLICY_MODES, &((struct policy_text *)to)->mode);
}

static int read_param(struct config_text *t, struct policy_agent *agent)
{
	struct policy_param *param = &agent->params[agent->nparams];

	if (agent->nparams == CONFIG_PARAMS)
		return config_full(t, CONFIG_PARAMS, "parameters");
	param->line = t->token.line;
	param->column = t->token.column;
	if (config_read_name(t, param->name, "a parameter or }"))
		return -EINVAL;
	for (u32 i = 0; i < agent->nparams; i++)
		if (!strcmp(agent->params[i].name, param->name))
			return config_fail(t, param->line, param->column,
				"expected %s only once in this block", param->name);
	agent->nparams++;
	return config_read_range(t, &param->first, &param->last) ?: config_end_statement(t);
}

static int read_agent(struct config_text *t, void *to)
{
	struct policy_text *policy = to;
	struct policy_agent *agent = &policy->agents[policy->nagents];
	int error;

	if (policy->nagents == CONFIG_AGENTS)
		return config_full(t, CONFIG_AGENTS, "agents");
	agent->line = t->token.line;
	agent->column = t->token.column;
	if (config_read_name(t, agent->name, "an agent"))
		return -EINVAL;
	for (u32 i = 0; i < policy->nagents; i++)
		if (!strcmp(policy->agents[i].name, agent->name))
			return config_fail(t, agent->line, agent->column,
				"expected parameters of %s in one block only", agent->name);
	policy->nagents++;
	if (t->token.kind != TOKEN_OPEN)
		return config_expected(t, "{");
	error = config_text_next(t) ?: config_skip_stops(t);
	while (!error && t->token.kind != TOKEN_CLOSE)
		error = read_param(t, agent) ?: config_skip_stops(t);
	return error ?: config_text_next(t);
}

static int read_reaction(struct config_text *t, u8 *out)
{
	const char *s = t->token.start;
	u32 n = CONFIG_REACTIONS;

	if (t->token.kind == TOKEN_WORD && t->token.len == 3 && s[0] == 'R' && s[1] >= '0' &&
		s[1] <= '2' && s[2] >= '0' && s[2] <= '9')
		n = (s[1] - '0') * 10 + s[2] - '0';
	if (n >= CONFIG_REACTIONS)
		return config_expected(t, "a reaction from R00 to R23");
	*out = n;
	return config_text_next(t);
}

static int read_within(struct config_text *t, u64 *ns)
{
	return config_read_word(t, "within") ?: config_read_duration(t, ns);
}

static int read_severity(struct config_text *t, u8 *severity)
{
	int error = config_read_choice(
		t, &severity_names[SEVERITY_INFO], SEVERITY_COUNT - SEVERITY_INFO, severity);

	*severity += SEVERITY_INFO;
	return error;
}

/* Optional: `then R02 after 8 within 1s` */
static int read_escalation(struct config_text *t, struct policy_horizontal *rule)
{
	if (!config_text_is(t, "then"))
		return 0;
	return config_text_next(t) ?:
		read_reaction(t, &rule->then) ?:
		config_read_word(t, "after") ?:
		config_read_number(t, 1, TIMES_MAX, &rule->after) ?: read_within(t, &rule->within_ns);
}

/* `range severity warning do R01`, and perhaps an escalation. */
static int read_when(struct config_text *t, void *to)
{
	struct policy_text *policy = to;
	struct policy_horizontal *rule = &policy->horizontals[policy->nhorizontals];

	if (policy->nhorizontals == CONFIG_HORIZONTALS)
		return config_full(t, CONFIG_HORIZONTALS, "rules with when");
	policy->nhorizontals++;
	rule->line = t->token.line;
	rule->column = t->token.column;
	return config_read_name(t, rule->agent, "an agent") ?:
		config_read_word(t, "severity") ?:
		read_severity(t, &rule->severity) ?:
		config_read_word(t, "do") ?:
		read_reaction(t, &rule->reaction) ?: read_escalation(t, rule);
}

/* `rate`, or `L1.rate` for reports of one layer only. */
static int read_source(struct config_text *t, struct policy_vertical *rule)
{
	struct policy_source *source = &rule->sources[rule->nsources++];
	struct token *k = &t->token;

	source->line = k->line;
	source->column = k->column;
	if (k->kind == TOKEN_WORD && k->len > 3 && k->start[0] == 'L' && k->start[1] >= '1' &&
		k->start[1] <= '3' && k->start[2] == '.') {
		source->layer = k->start[1] - '0';
		k->start += 3;
		k->len -= 3;
		k->column += 3;
	}
	return config_read_name(t, source->agent, "an agent");
}

static int read_sources(struct config_text *t, struct policy_vertical *rule)
{
	int error = read_source(t, rule);

	if (!error && config_text_is(t, "and"))
		error = config_text_next(t) ?: read_source(t, rule);
	return error;
}

static int read_count(struct config_text *t, struct policy_vertical *rule)
{
	rule->count = rule->nsources;
	if (!config_text_is(t, "count"))
		return 0;
	return config_text_next(t)
		       ?: config_read_number(t, rule->nsources, TIMES_MAX, &rule->count);
}

static int read_target(struct config_text *t, struct policy_vertical *rule)
{
	static const char *const names[] = {
		[TARGET_VM] = "vm", [TARGET_SUBJECT] = "subject", [TARGET_OBJECT] = "object"
	};

	if (!config_text_is(t, "on"))
		return 0;
	return config_text_next(t) ?: config_read_choice(t, names, ARRAY_LEN(names), &rule->target);
}

/* `L1.rate and L3.range count 3 within 1s do R18 on vm` */
static int read_across(struct config_text *t, void *to)
{
	struct policy_text *policy = to;
	struct policy_vertical *rule = &policy->verticals[policy->nverticals];

	if (policy->nverticals == CONFIG_VERTICALS)
		return config_full(t, CONFIG_VERTICALS, "rules with across");
	policy->nverticals++;
	return read_sources(t, rule) ?:
		read_count(t, rule) ?:
		read_within(t, &rule->within_ns) ?:
		config_read_word(t, "do") ?:
		read_reaction(t, &rule->reaction) ?: read_target(t, rule);
}

/*
 * "linux/net1": a VM and a slot; "ne@00:03.0": an uplink's driver and where its card is, which has
 * as many settings as the statement uplink. 0: neither.
 */
static u32 settings_of(const struct token *k)
{
	const char *end = k->start + k->len;

	if (k->kind != TOKEN_WORD || k->len >= CONFIG_PORT_NAME)
		return 0;
	if (k->len > 5 && !memcmp(end - 5, "/net", 4) && end[-1] > '0' && end[-1] <= '8')
		return PORT_SETTINGS;
	for (const char *s = k->start + 1; s + 1 < end; s++)
		if (*s == '@')
			return UPLINK_SETTINGS;
	return 0;
}

/* `linux/net1 vlan 7 rate 1000 mirror off` */
static int read_port(struct config_text *t, void *to)
{
	struct policy_text *policy = to;
	struct policy_port_text *p = &policy->ports[policy->nports];
	u32 settings = settings_of(&t->token);

	if (policy->nports == CONFIG_PORTS)
		return config_full(t, CONFIG_PORTS, "ports");
	if (!settings)
		return config_expected(
			t, "a port as the command ports calls it, like linux/net1 or ne@00:03.0");
	p->line = t->token.line;
	p->column = t->token.column;
	memcpy(p->name, t->token.start, t->token.len);
	for (u32 i = 0; i < policy->nports; i++)
		if (!strcmp(policy->ports[i].name, p->name))
			return config_fail(t, p->line, p->column,
				"expected settings of %s in one statement only", p->name);
	policy->nports++;
	return config_text_next(t) ?: config_read_port(t, &p->port, settings, true, &p->owned);
}

int config_read_policy(struct config_text *t, struct policy_text *policy)
{
	static const struct config_key keys[] = {
		{ "version", KEY_NEEDED, read_version },
		{ "mode", KEY_ONCE, read_mode },
		{ "agent", KEY_REPEATS, read_agent },
		{ "when", KEY_REPEATS, read_when },
		{ "across", KEY_REPEATS, read_across },
		{ "port", KEY_REPEATS, read_port },
	};

	policy->line = t->token.line;
	policy->column = t->token.column;
	return config_read_name(t, policy->name, "the policy's name")
		       ?: config_read_block(t, keys, ARRAY_LEN(keys), policy);
}
