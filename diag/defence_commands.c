/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a person can ask of the framework: hooks, agents, policy, events. Nothing is wider than 80
 * columns.
 */
#include "core/hrsc.h"
#include "core/l1/command.h"
#include "core/l1/log.h"
#include "core/l2/modules.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"
#include "kfv/actuators.h"
#include "kfv/evidence.h"
#include "kfv/mediation.h"
#include "kfv/policy.h"
#include "kfv/reaction.h"

#define NS_PER_MS     1000000ul
#define EVENTS_SHOWN  10
#define EVIDENCE_KEYS 16 /* bytes */

#define X(name, iface, args) HOOK_##name,
static const u16 all_ops[] = { HOOK_TABLE(X) };
#undef X

static void print_agents_of(u16 op)
{
	const struct dispatch *d = &policy_active()->ops[HOOK_INDEX(op)];

	for (u32 i = 0; i < d->count; i++)
		out("%s%s", i ? ", " : "", agent_get(d->to[i].agent)->name);
	out("%s\n", d->count ? "" : "-");
}

static int run_hooks(int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "arm") || !strcmp(argv[1], "disarm"))) {
		if (hook_arm_all(argv[1][0] == 'a'))
			out("a hook has no room for another agent\n");
		return 0;
	}
	if (argc != 1)
		return -EINVAL;
	out("%-16s %-6s %20s  %s\n", "hook", "layer", "fired", "agents");
	for (u32 i = 0; i < ARRAY_LEN(all_ops); i++) {
		u16 op = all_ops[i];

		out("%-16s L%u %-3s %20lu  ", hook_name(op), HOOK_LAYER(op),
			(op >> 8) % 2 ? "out" : "in", (unsigned long)hook_fired(op));
		print_agents_of(op);
	}
	return 0;
}

static const struct command hooks = {
	.name = "hooks",
	.usage = "hooks [arm | disarm]",
	.help = "every hook, how often it fired, who watches; the witness",
	.run = run_hooks,
};
COMMAND_REGISTER(hooks);

static int run_agents(int argc, char **argv)
{
	const struct policy *p = policy_active();

	(void)argv;
	if (argc != 1)
		return -EINVAL;
	out("%-10s %-8s %10s  %s\n", "agent", "", "findings", "what it looks at");
	for (u32 i = 0; i < agent_count(); i++) {
		const struct agent *a = agent_get(i);

		out("%-10s %-8s %10lu  %s\n", a->name,
			p->table.attached & BIT(i) ? "attached" : "idle",
			(unsigned long)mediation_findings(i), a->help);
		for (u32 n = 0; n < a->nparams; n++)
			out("%s%s %u%s", n ? ", " : "           with ", a->params[n].name,
				p->table.param[i][n], n + 1 < a->nparams ? "" : "\n");
	}
	return 0;
}

static const struct command agents = {
	.name = "agents",
	.usage = "agents",
	.help = "detection agents, their parameters and findings",
	.run = run_agents,
};
COMMAND_REGISTER(agents);

static unsigned long to_ms(u64 ns)
{
	return ns / NS_PER_MS;
}

/* As the configuration has it, in the largest unit that fits. */
static void print_duration(u64 ns)
{
	static const struct {
		u64 ns;
		const char *name;
	} units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" } };
	u32 i = 0;

	while (i < ARRAY_LEN(units) - 1 && ns % units[i].ns)
		i++;
	out(" within %lu%s", (unsigned long)(ns / units[i].ns), units[i].name);
}

static void print_rule(const struct rule *r)
{
	out("when %s severity %s do R%02u", agent_get(r->agent)->name, severity_names[r->severity],
		r->reaction);
	if (r->after) {
		out(" then R%02u after %u", r->then, r->after);
		print_duration(r->within_ns);
	}
	out("\n");
}

static void print_plan(const struct plan *p)
{
	static const char *const targets[] = {
		[TARGET_VM] = "vm", [TARGET_SUBJECT] = "subject", [TARGET_OBJECT] = "object"
	};

	out("across ");
	for (u32 i = 0; i < p->nsources; i++) {
		out(i ? " and " : "");
		if (p->source[i].layer)
			out("L%u.", p->source[i].layer);
		out("%s", agent_get(p->source[i].agent)->name);
	}
	out(" count %u", p->count);
	print_duration(p->within_ns);
	out(" do R%02u on %s\n", p->reaction, targets[p->target]);
}

static void print_port(const struct policy_port *p)
{
	char text[POLICY_PORT_TEXT];
	bool there = false;

	for (u16 id = 1; id < HRSC_MAX; id++)
		there |= hrsc_get(id) && hrsc_get(id)->net && !strcmp(hrsc_get(id)->name, p->name);
	policy_port_print(text, sizeof(text), p);
	out("port %s%s\n", text, there ? "" : " # not there");
}

static bool uses(const struct policy *p, u32 reaction)
{
	for (u32 i = 0; i < p->table.nrules; i++)
		if (p->table.rules[i].reaction == reaction ||
			(p->table.rules[i].after && p->table.rules[i].then == reaction))
			return true;
	for (u32 i = 0; i < p->table.nplans; i++)
		if (p->table.plans[i].reaction == reaction)
			return true;
	return false;
}

static void print_policy(void)
{
	const struct policy *p = policy_active();

	out("policy %s, version %u, mode %s\n", p->table.name, p->table.version,
		policy_mode_names[p->table.mode]);
	for (u32 i = 0; i < p->table.nrules; i++)
		print_rule(&p->table.rules[i]);
	for (u32 i = 0; i < p->table.nplans; i++)
		print_plan(&p->table.plans[i]);
	for (u32 i = 0; i < p->table.nports; i++)
		print_port(&p->table.ports[i]);
	for (u32 i = 0; i < REACTIONS; i++)
		if (uses(p, i))
			out("# R%02u %s\n", i, reactions[i].name);
}

static int set_mode(const char *name)
{
	for (u32 mode = POLICY_ON; mode <= POLICY_OFF; mode++)
		if (!strcmp(name, policy_mode_names[mode])) {
			return policy_set_mode(mode);
		}
	return -EINVAL;
}

static int load_policy(const char *name)
{
	const struct load_source *module = module_find(name);
	struct config_error error;

	if (!module)
		out("there is no boot module %s\n", name);
	else if (policy_load((const char *)module->data, module->len, &error))
		out("%s:%u:%u: %s\n", name, error.line, error.column, error.message);
	return 0;
}

static int run_policy(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "mode"))
		return set_mode(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "load"))
		return load_policy(argv[2]);
	if (argc != 1)
		return -EINVAL;
	print_policy();
	return 0;
}

static const struct command policy = {
	.name = "policy",
	.usage = "policy [mode on|detect|off | load MODULE]",
	.help = "the rules in force; another mode; others from a module",
	.run = run_policy,
};
COMMAND_REGISTER(policy);

static const char *outcome_text(const struct evidence *r)
{
	static const char *const texts[OUTCOMES] = {
		[OUTCOME_ALLOW] = "let pass, answered by",
		[OUTCOME_DENY] = "denied, answered by",
		[OUTCOME_DONE] = "done:",
		[OUTCOME_FAILED] = "did not work:",
		[OUTCOME_WITHHELD] = "mode detect withheld",
	};

	return texts[r->outcome];
}

static void print_event(const struct evidence *r)
{
	out("%6u %6lu.%03lus %s%s %s: %s", r->sequence, to_ms(r->time_ns) / 1000,
		to_ms(r->time_ns) % 1000, r->layer == EVIDENCE_VO ? "VO " : "", act_vm_name(r->vm),
		r->agent, r->why);
	if (r->op != HOOK_NONE)
		out(" at %s(0x%lx, 0x%lx)", hook_name(r->op), (unsigned long)r->arg[0],
			(unsigned long)r->arg[1]);
	out("\n%21s%s", "", severity_names[r->severity]);
	if (r->count > 1)
		out(", %u times", r->count);
	out("; %s R%02u %s\n", outcome_text(r), r->reaction, reactions[r->reaction].name);
}

static int run_events(int argc, char **argv)
{
	u64 n = EVENTS_SHOWN;

	if (argc == 2 && !strcmp(argv[1], "key")) {
		for (u32 i = 0; i < EVIDENCE_KEYS; i++)
			out("%02x", evidence_key()[i]);
		out("\n");
		return 0;
	}
	if (argc > 2 || (argc == 2 && text_parse_u64(argv[1], strlen(argv[1]), &n)))
		return -EINVAL;
	while (n && !evidence_recent((u32)MIN(n, 0x10000ul) - 1))
		n = MIN(n, 0x10000ul) - 1;
	while (n--)
		print_event(evidence_recent((u32)n));
	return 0;
}

static const struct command events = {
	.name = "events",
	.usage = "events [N | key]",
	.help = "the last decisions, explained; the key of their log",
	.run = run_events,
};
COMMAND_REGISTER(events);
