/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration under any bytes. A refused text leaves nothing behind and points into itself;
 * an accepted one holds the ranges that config.h promises, and written out again in full it reads
 * as the same; its policy becomes a table whose numbers stand for what there is.
 */
#include "drivers/api/driver.h"
#include "drivers/api/policy.h"
#include "core/lib/fmt.h"
#include "tests/fuzz/holds.h"

#include <string.h>

static bool is_terminated(const char *s, size_t size)
{
	return memchr(s, 0, size);
}

static void check_name(const char name[CONFIG_NAME])
{
	HOLDS(is_terminated(name, CONFIG_NAME) && name[0]);
	HOLDS(strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
		strlen(name));
}

static void check_vm(const struct config_vm *vm)
{
	check_name(vm->name);
	HOLDS(vm->memory_bytes >= MIB(8) && vm->memory_bytes <= GIB(4) &&
		!(vm->memory_bytes % MIB(2)));
	HOLDS(vm->vcpus >= 1 && vm->vcpus <= 16 && vm->weight >= 1 && vm->weight <= 1000);
	HOLDS(vm->cap <= 6400 && vm->cpus);
	HOLDS(vm->devices < BIT(DEVICE_COUNT) && vm->confined < BIT(DEVICE_COUNT + 1) &&
		vm->reboot <= REBOOT_STOP);
	HOLDS(is_terminated(vm->kernel, CONFIG_NAME) && vm->kernel[0]);
	HOLDS(is_terminated(vm->initrd, CONFIG_NAME) && is_terminated(vm->cmdline, CONFIG_CMDLINE));
	HOLDS(vm->nmodules <= CONFIG_MODULES && vm->line && vm->column);
	for (u32 i = 0; i < vm->nmodules; i++)
		HOLDS(is_terminated(vm->modules[i], CONFIG_NAME) && vm->modules[i][0]);
	HOLDS(vm->nfunctions <= CONFIG_FUNCTIONS);
	HOLDS(!vm->nfunctions || vm->devices & BIT(DEVICE_PCI));
	for (u32 i = 0; i < vm->nfunctions; i++) {
		check_name(vm->functions[i].name);
		HOLDS(vm->functions[i].kind < FUNCTION_KINDS && vm->functions[i].mode <= DISK_RW);
		HOLDS(is_terminated(vm->functions[i].source, CONFIG_NAME));
		HOLDS(vm->functions[i].port.mac < BIT(48) &&
			!(vm->functions[i].port.mac & BIT(40)));
		HOLDS(vm->functions[i].port.vlan < 4095);
		HOLDS(vm->functions[i].port.ip >> 24 < 224);
		for (u32 n = 0; n < i; n++)
			HOLDS(strcmp(vm->functions[i].name, vm->functions[n].name));
	}
}

static void check_agent(const struct policy_agent *a)
{
	check_name(a->name);
	HOLDS(a->nparams <= CONFIG_PARAMS);
	for (u32 i = 0; i < a->nparams; i++) {
		check_name(a->params[i].name);
		HOLDS(a->params[i].first <= a->params[i].last);
	}
}

static void check_time(u64 ns)
{
	HOLDS(ns >= 1000 && ns <= 3600 * 1000000000ull);
}

static void check_policy(const struct policy_text *p)
{
	HOLDS(p->mode <= POLICY_OFF && p->nagents <= CONFIG_AGENTS);
	HOLDS(p->nhorizontals <= CONFIG_HORIZONTALS && p->nverticals <= CONFIG_VERTICALS);
	for (u32 i = 0; i < p->nagents; i++)
		check_agent(&p->agents[i]);
	HOLDS(p->nports <= CONFIG_PORTS);
	for (u32 i = 0; i < p->nports; i++) {
		const struct policy_port_text *t = &p->ports[i];

		HOLDS(is_terminated(t->name, sizeof(t->name)) && strpbrk(t->name, "/@"));
		HOLDS(t->owned && t->owned < BIT(PORT_SETTINGS) && t->line && t->column);
		HOLDS(t->port.vlan < 4095 && t->port.mac < BIT(48) && t->port.open <= 1);
		for (u32 n = 0; n < i; n++)
			HOLDS(strcmp(t->name, p->ports[n].name));
	}
	for (u32 i = 0; i < p->nhorizontals; i++) {
		const struct policy_horizontal *h = &p->horizontals[i];

		check_name(h->agent);
		HOLDS(h->severity > SEVERITY_NONE && h->severity < SEVERITY_COUNT);
		HOLDS(h->reaction < CONFIG_REACTIONS && h->then < CONFIG_REACTIONS);
		if (h->after)
			check_time(h->within_ns);
	}
	for (u32 i = 0; i < p->nverticals; i++) {
		const struct policy_vertical *v = &p->verticals[i];

		HOLDS(v->nsources >= 1 && v->nsources <= 2 && v->count >= v->nsources);
		HOLDS(v->reaction < CONFIG_REACTIONS && v->target <= TARGET_OBJECT);
		check_time(v->within_ns);
		for (u32 n = 0; n < v->nsources; n++) {
			check_name(v->sources[n].agent);
			HOLDS(v->sources[n].layer <= 3);
		}
	}
}

/* The text written out, and how far. */
static char written[CONFIG_TEXT_MAX];
static size_t written_len;

static void __printf(1, 2) write_out(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	written_len +=
		fmt_string_v(written + written_len, sizeof(written) - written_len, fmt, args);
	va_end(args);
	HOLDS(written_len < sizeof(written));
}

static void write_quoted(const char *key, const char *s)
{
	write_out("%s \"", key);
	for (; *s; s++)
		write_out(*s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	write_out("\"\n");
}

static void write_function(const struct config_function *f)
{
	static const char *const modes[] = { "ro", "cow", "rw" };

	if (f->kind == FUNCTION_ENTROPY || f->kind == FUNCTION_BALLOON ||
		f->kind == FUNCTION_CONSOLE) {
		write_out("%s on\n", f->name);
		return;
	}
	if (f->kind == FUNCTION_NET) {
		write_out("net %s %s mac", f->name, f->source);
		for (u32 i = 0; i < 6; i++)
			write_out(
				"%c%02x", i ? ':' : ' ', (u32)(f->port.mac >> (40 - 8 * i)) & 0xff);
		if (f->port.ip)
			write_out(" ip %u.%u.%u.%u", f->port.ip >> 24, f->port.ip >> 16 & 0xff,
				f->port.ip >> 8 & 0xff, f->port.ip & 0xff);
		write_out(" vlan %u%s%s", f->port.vlan, f->port.open ? " open" : "",
			f->port.mirror ? " mirror" : "");
		write_out(f->port.rate_kib ? " rate %u\n" : "\n", f->port.rate_kib);
		return;
	}
	write_out("disk %s ", f->name);
	if (f->partition)
		write_out("%s:%u\n", f->source, f->partition);
	else
		write_quoted("", f->source);
	written_len--; /* the newline */
	write_out(" %s", modes[f->mode]);
	if (f->kind == FUNCTION_HOST_DISK && f->mode == DISK_COW)
		write_out(" %uK", f->cow_bytes / 1024);
	write_out("\n");
}

static void write_host(const struct config *c)
{
	for (u32 i = 0; i < c->ndrivers; i++)
		write_out("driver %s %s\n", c->drivers[i].name,
			c->drivers[i].trusted ? "trusted" : "confined");
	for (u32 i = 0; i < c->nuplinks; i++) {
		const struct config_function *f = &c->uplinks[i];

		write_out("uplink %s %s vlan %u%s", f->source, f->name, f->port.vlan,
			f->port.mirror ? " mirror" : "");
		write_out(f->port.rate_kib ? " rate %u\n" : "\n", f->port.rate_kib);
	}
}

static void write_set(const char *key, u32 set)
{
	write_out("%s%s", key, set ? "" : " none");
	for (u32 i = 0; i <= DEVICE_COUNT; i++)
		if (set & BIT(i))
			write_out(" %s", config_device_names[i]);
	write_out("\n");
}

static void write_vm(const struct config_vm *vm)
{
	write_out("vm %s {\nmemory %luK\nvcpus %u\nweight %#x\nreboot %s\n", vm->name,
		vm->memory_bytes / 1024, vm->vcpus, vm->weight,
		vm->reboot == REBOOT_STOP ? "stop" : "restart");
	write_quoted("kernel", vm->kernel);
	write_quoted("cmdline", vm->cmdline);
	if (vm->initrd[0])
		write_quoted("initrd", vm->initrd);
	if (vm->cap)
		write_out("cap %u\n", vm->cap);
	write_out("pvclock %s\ncpus", vm->pvclock == PVCLOCK_OFF ? "off" : "on");
	for (u32 i = 0; i < CONFIG_CPUS; i++)
		if (vm->cpus != ~0ull && (vm->cpus & BIT(i)))
			write_out(" %u", i);
	write_out("%s", vm->cpus == ~0ull ? " 0-63\n" : "\n");
	write_set("devices", vm->devices);
	write_set("confined", vm->confined);
	write_out("%s", vm->nmodules ? "modules" : "");
	for (u32 i = 0; i < vm->nmodules; i++) {
		write_out(" ");
		write_quoted("", vm->modules[i]);
		written_len--; /* the newline */
	}
	write_out("\n");
	for (u32 i = 0; i < vm->nfunctions; i++)
		write_function(&vm->functions[i]);
	write_out("}\n");
}

static void write_port(const struct policy_port_text *t)
{
	struct policy_port port = { 0 };
	char text[POLICY_PORT_TEXT];

	policy_port_bind(&port, t);
	policy_port_print(text, sizeof(text), &port);
	HOLDS(strlen(text) + 1 < sizeof(text));
	write_out("port %s\n", text);
}

static void write_policy(const struct policy_text *p)
{
	static const char *const modes[] = { "on", "detect", "off" };
	static const char *const targets[] = { "vm", "subject", "object" };

	write_out("policy %s { version %u; mode %s\n", p->name, p->version, modes[p->mode]);
	for (u32 i = 0; i < p->nagents; i++) {
		const struct policy_agent *a = &p->agents[i];

		write_out("agent %s {", a->name);
		for (u32 n = 0; n < a->nparams; n++)
			write_out(" %s %lu-%#lx;", a->params[n].name, a->params[n].first,
				a->params[n].last);
		write_out("}\n");
	}
	for (u32 i = 0; i < p->nhorizontals; i++) {
		const struct policy_horizontal *h = &p->horizontals[i];

		write_out("when %s severity %s do R%02u", h->agent, severity_names[h->severity],
			h->reaction);
		if (h->after)
			write_out(" then R%02u after %u within %luus", h->then, h->after,
				h->within_ns / 1000);
		write_out("\n");
	}
	for (u32 i = 0; i < p->nverticals; i++) {
		const struct policy_vertical *v = &p->verticals[i];

		for (u32 n = 0; n < v->nsources; n++) {
			write_out(n ? " and " : "across ");
			if (v->sources[n].layer)
				write_out("L%u.", v->sources[n].layer);
			write_out("%s", v->sources[n].agent);
		}
		write_out(" count %u within %luus do R%02u on %s\n", v->count, v->within_ns / 1000,
			v->reaction, targets[v->target]);
	}
	for (u32 i = 0; i < p->nports; i++)
		write_port(&p->ports[i]);
	write_out("}\n");
}

static void write_config(const struct config *c)
{
	written_len = 0;
	write_host(c);
	for (u32 i = 0; i < c->nvms; i++)
		write_vm(&c->vms[i]);
	write_out("console { focus %s }\n", c->focus < 0 ? "kfv" : c->vms[c->focus].name);
	if (c->policy.line)
		write_policy(&c->policy);
}

static void forget_vm(struct config_vm *vm)
{
	vm->line = vm->column = 0;
	for (u32 i = 0; i < CONFIG_FUNCTIONS; i++)
		vm->functions[i].line = vm->functions[i].column = 0;
}

/* Places differ between a text and the one written out. */
static void forget_places(struct config *c)
{
	struct policy_text *p = &c->policy;

	for (u32 i = 0; i < CONFIG_VMS; i++)
		forget_vm(&c->vms[i]);
	for (u32 i = 0; i < CONFIG_DRIVERS; i++)
		c->drivers[i].line = c->drivers[i].column = 0;
	for (u32 i = 0; i < CONFIG_UPLINKS; i++)
		c->uplinks[i].line = c->uplinks[i].column = 0;
	p->line = p->column = 0;
	for (u32 i = 0; i < CONFIG_AGENTS; i++) {
		p->agents[i].line = p->agents[i].column = 0;
		for (u32 n = 0; n < CONFIG_PARAMS; n++)
			p->agents[i].params[n].line = p->agents[i].params[n].column = 0;
	}
	for (u32 i = 0; i < CONFIG_PORTS; i++)
		p->ports[i].line = p->ports[i].column = 0;
	for (u32 i = 0; i < CONFIG_HORIZONTALS; i++)
		p->horizontals[i].line = p->horizontals[i].column = 0;
	for (u32 i = 0; i < CONFIG_VERTICALS; i++)
		for (u32 n = 0; n < 2; n++)
			p->verticals[i].sources[n].line = p->verticals[i].sources[n].column = 0;
}

static void check_refused(
	const struct config *c, const struct config_error *e, const char *text, size_t len)
{
	static const struct config zero;
	u32 lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	HOLDS(!memcmp(c, &zero, sizeof(zero)));
	HOLDS(e->line >= 1 && e->line <= lines && e->column >= 1 && e->column <= len + 1);
	HOLDS(is_terminated(e->message, sizeof(e->message)) &&
		!strncmp(e->message, "expected ", 9));
	for (const char *s = e->message; *s; s++)
		HOLDS(*s >= ' ' && *s <= '~');
}

static const struct catalogue catalogue = {
	.nagents = 2,
	.agents = { { "range", 1 << 3, 1, { { "window_ms", 8, 1, 100 } } }, { "rate", 6, 0, {} } },
	.reactions = { [0 ... 8] = { "local", NULL, 14, false },
		[9 ... 15] = { "far", NULL, 0, false },
		[16 ... 22] = { "missing", "a mechanism", 14, false },
		[23] = { "all", NULL, 0, true } },
};

static bool is_available(u8 reaction)
{
	return reaction < CONFIG_REACTIONS && !catalogue.reactions[reaction].needs &&
	       !catalogue.reactions[reaction].everybody;
}

static void check_table(const struct policy_table *t)
{
	HOLDS(t->nrules <= CONFIG_HORIZONTALS && t->nplans <= CONFIG_VERTICALS);
	HOLDS(t->nports <= CONFIG_PORTS);
	HOLDS(t->attached < BIT(catalogue.nagents));
	for (u32 i = 0; i < t->nports; i++) {
		const struct policy_port *p = &t->ports[i];

		HOLDS(is_terminated(p->name, sizeof(p->name)) && (p->mask[0] || p->mask[1]));
		HOLDS(!(p->mask[0] & BUS_PORT_USED));
		HOLDS(policy_port_find(t, p->name) == p);
	}
	HOLDS(t->param[0][0] >= 1 && t->param[0][0] <= 100);
	for (u32 i = 0; i < t->nrules; i++)
		HOLDS(t->rules[i].agent < catalogue.nagents && t->rules[i].reaction < 9 &&
			(!t->rules[i].after || t->rules[i].then < 9));
	for (u32 i = 0; i < t->nplans; i++) {
		const struct plan *p = &t->plans[i];

		HOLDS(p->nsources >= 1 && p->nsources <= 2 && is_available(p->reaction));
		for (u32 n = 0; n < p->nsources; n++)
			HOLDS(p->source[n].agent < catalogue.nagents && p->source[n].layer <= 3);
	}
}

static void check_compiled(const struct policy_text *text)
{
	static struct policy_table table;
	struct config_error error = { 0 };

	if (!policy_compile(&table, text, &catalogue, &error))
		check_table(&table);
	else
		HOLDS(error.line && error.column && error.message[0] &&
			is_terminated(error.message, sizeof(error.message)));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static struct config first, second;
	struct config_error error;

	memset(&first, 0xa5, sizeof(first));
	if (config_parse(&first, (const char *)data, len, &error)) {
		check_refused(&first, &error, (const char *)data, len);
		return 0;
	}
	HOLDS(first.nvms <= CONFIG_VMS && first.focus >= -1 && first.focus < (s32)first.nvms);
	for (u32 i = 0; i < first.nvms; i++)
		check_vm(&first.vms[i]);
	check_policy(&first.policy);
	check_compiled(&first.policy);
	write_config(&first);
	HOLDS(!config_parse(&second, written, written_len, &error));
	forget_places(&first);
	forget_places(&second);
	HOLDS(!memcmp(&first, &second, sizeof(first)));
	return 0;
}
