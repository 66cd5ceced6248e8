/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What may be configured: the VMs and the console, a table of statements for each. The policy is in
 * drivers/config/policy.c. Pure.
 */
#include "drivers/api/config.h"
#include "drivers/config/text.h"
#include "core/lib/string.h"

#define DEVICES_ALL (BIT(DEVICE_COUNT) - 1)

const char *const config_device_names[DEVICE_COUNT + 1] = {
	[DEVICE_UART] = "uart",
	[DEVICE_PIC] = "pic",
	[DEVICE_PIT] = "pit",
	[DEVICE_RTC] = "rtc",
	[DEVICE_IOAPIC] = "ioapic",
	[DEVICE_PCI] = "pci",
	[DEVICE_PMTIMER] = "pmtimer",
	[DEVICE_EXITPORT] = "exitport",
	[DEVICE_KBC] = "kbc",
	[CONFINED_VIRTIO] = "virtio",
};

/* While reading: the console may name a VM that comes later. */
struct reading {
	struct config *config;
	char focus[CONFIG_NAME];
	u32 focus_line, focus_column;
};

static int read_memory(struct config_text *t, void *to)
{
	return config_read_memory(t, &((struct config_vm *)to)->memory_bytes);
}

static int read_vcpus(struct config_text *t, void *to)
{
	return config_read_number(t, 1, 16, &((struct config_vm *)to)->vcpus);
}

static int read_module(struct config_text *t, char out[CONFIG_NAME])
{
	return config_read_string(t, out, 1, CONFIG_NAME, "the name of a boot module");
}

static int read_kernel(struct config_text *t, void *to)
{
	return read_module(t, ((struct config_vm *)to)->kernel);
}

static int read_initrd(struct config_text *t, void *to)
{
	return read_module(t, ((struct config_vm *)to)->initrd);
}

static int read_cmdline(struct config_text *t, void *to)
{
	return config_read_string(
		t, ((struct config_vm *)to)->cmdline, 0, CONFIG_CMDLINE, "a quoted string");
}

static bool statement_goes_on(const struct config_text *t)
{
	return t->token.kind == TOKEN_WORD || t->token.kind == TOKEN_STRING;
}

static int read_modules(struct config_text *t, void *to)
{
	struct config_vm *vm = to;
	int error;

	do {
		if (vm->nmodules == CONFIG_MODULES)
			return config_full(t, CONFIG_MODULES, "modules");
		error = read_module(t, vm->modules[vm->nmodules++]);
	} while (!error && statement_goes_on(t));
	return error;
}

/* Devices by name, or all, or none. */
static int read_set(struct config_text *t, u32 ndevices, u32 *set)
{
	int error;
	u8 device;

	*set = config_text_is(t, "all") ? BIT(ndevices) - 1 : 0;
	if (*set || config_text_is(t, "none"))
		return config_text_next(t);
	do {
		error = config_read_choice(t, config_device_names, ndevices, &device);
		if (!error)
			*set |= BIT(device);
	} while (!error && statement_goes_on(t));
	return error;
}

static int read_devices(struct config_text *t, void *to)
{
	return read_set(t, DEVICE_COUNT, &((struct config_vm *)to)->devices);
}

static int read_confined(struct config_text *t, void *to)
{
	return read_set(t, DEVICE_COUNT + 1, &((struct config_vm *)to)->confined);
}

static int read_weight(struct config_text *t, void *to)
{
	return config_read_number(t, 1, 1000, &((struct config_vm *)to)->weight);
}

static int read_cap(struct config_text *t, void *to)
{
	return config_read_number(t, 1, 6400, &((struct config_vm *)to)->cap);
}

/* CPUs by number, and ranges of them. */
static int read_cpus(struct config_text *t, void *to)
{
	struct config_vm *vm = to;
	int error;

	vm->cpus = 0;
	do {
		struct token at = t->token;
		u64 first, last;

		error = config_read_range(t, &first, &last);
		if (!error && last >= CONFIG_CPUS)
			error = config_fail(t, at.line, at.column,
				"expected CPUs from 0 to %u, got %lu", CONFIG_CPUS - 1, last);
		for (u64 cpu = first; !error && cpu <= last; cpu++)
			vm->cpus |= BIT(cpu);
	} while (!error && statement_goes_on(t));
	return error;
}

static int read_reboot(struct config_text *t, void *to)
{
	static const char *const names[] = { [REBOOT_RESTART] = "restart", [REBOOT_STOP] = "stop" };

	return config_read_choice(t, names, ARRAY_LEN(names), &((struct config_vm *)to)->reboot);
}

static int read_pvclock(struct config_text *t, void *to)
{
	static const char *const names[] = { [PVCLOCK_ON] = "on", [PVCLOCK_OFF] = "off" };

	return config_read_choice(t, names, ARRAY_LEN(names), &((struct config_vm *)to)->pvclock);
}

static const struct config_key vm_keys[] = {
	{ "memory", KEY_NEEDED, read_memory },
	{ "vcpus", KEY_ONCE, read_vcpus },
	{ "kernel", KEY_NEEDED, read_kernel },
	{ "initrd", KEY_ONCE, read_initrd },
	{ "cmdline", KEY_ONCE, read_cmdline },
	{ "modules", KEY_ONCE, read_modules },
	{ "devices", KEY_ONCE, read_devices },
	{ "confined", KEY_ONCE, read_confined },
	{ "weight", KEY_ONCE, read_weight },
	{ "cap", KEY_ONCE, read_cap },
	{ "cpus", KEY_ONCE, read_cpus },
	{ "reboot", KEY_ONCE, read_reboot },
	{ "pvclock", KEY_ONCE, read_pvclock },
	{ "disk", KEY_REPEATS, config_read_disk },
	{ "entropy", KEY_ONCE, config_read_entropy },
	{ "balloon", KEY_ONCE, config_read_balloon },
	{ "console", KEY_ONCE, config_read_vm_console },
	{ "net", KEY_REPEATS, config_read_net },
};

/* Its index, or -1. */
static s32 find_vm(const struct config *config, const char *name)
{
	for (u32 i = 0; i < config->nvms; i++)
		if (!strcmp(config->vms[i].name, name))
			return i;
	return -1;
}

/* Among the VMs so far, of which the last is to be checked. */
static int check_disks(struct config_text *t, const struct config *config)
{
	const struct config_vm *vm = &config->vms[config->nvms - 1];

	for (const struct config_vm *other = config->vms; other <= vm; other++) {
		const struct config_function *g, *f = config_shared_disk(vm, other, &g);

		if (f)
			return config_fail(t, f->line, f->column,
				"expected nobody beside disk %s on %s, as one of them writes, got "
				"disk %s of vm %s (line %u)",
				f->name, f->source, g->name, other->name, g->line);
	}
	return 0;
}

static int read_vm(struct config_text *t, void *to)
{
	struct config *config = ((struct reading *)to)->config;
	struct config_vm *vm = &config->vms[config->nvms];
	struct token at = t->token;

	if (config->nvms == CONFIG_VMS)
		return config_full(t, CONFIG_VMS, "VMs");
	*vm = (struct config_vm){
		.vcpus = 1,
		.weight = 100,
		.cpus = ~0ull,
		.devices = DEVICES_ALL,
		.confined = BIT(DEVICE_COUNT + 1) - 1,
	};
	vm->line = at.line;
	vm->column = at.column;
	if (config_read_name(t, vm->name, "a VM's name"))
		return -EINVAL;
	if (find_vm(config, vm->name) >= 0 || !strcmp(vm->name, "kfv"))
		return config_fail(t, at.line, at.column,
			"expected a name that is not taken, got \"%s\"", vm->name);
	config->nvms++;
	if (config_read_block(t, vm_keys, ARRAY_LEN(vm_keys), vm))
		return -EINVAL;
	if (vm->nfunctions && !(vm->devices & BIT(DEVICE_PCI)))
		return config_fail(t, vm->functions[0].line, vm->functions[0].column,
			"expected pci among the devices: %s is one on PCI", vm->functions[0].name);
	return check_disks(t, config);
}

static int read_driver(struct config_text *t, void *to)
{
	struct config *config = ((struct reading *)to)->config;

	if (config->ndrivers == CONFIG_DRIVERS)
		return config_full(t, CONFIG_DRIVERS, "drivers");
	return config_read_driver(t, &config->drivers[config->ndrivers++]);
}

static int read_uplink(struct config_text *t, void *to)
{
	struct config *config = ((struct reading *)to)->config;
	struct config_function *f = &config->uplinks[config->nuplinks];

	if (config->nuplinks++ == CONFIG_UPLINKS)
		return config_full(t, CONFIG_UPLINKS, "uplinks");
	if (config_read_uplink(t, f))
		return -EINVAL;
	for (const struct config_function *g = config->uplinks; g < f; g++)
		if (!strcmp(g->name, f->name))
			return config_fail(t, f->line, f->column,
				"expected a card that is no uplink yet, got \"%s\"", f->name);
	return 0;
}

static int read_focus(struct config_text *t, void *to)
{
	struct reading *r = to;

	r->focus_line = t->token.line;
	r->focus_column = t->token.column;
	return config_read_name(t, r->focus, "a VM's name or kfv");
}

static int read_console(struct config_text *t, void *to)
{
	static const struct config_key keys[] = { { "focus", KEY_ONCE, read_focus } };

	return config_read_block(t, keys, ARRAY_LEN(keys), to);
}

static int read_policy(struct config_text *t, void *to)
{
	return config_read_policy(t, &((struct reading *)to)->config->policy);
}

/* The first VM unless the text says otherwise. */
static int settle_focus(struct config_text *t, struct reading *r)
{
	struct config *config = r->config;

	config->focus = config->nvms ? 0 : -1;
	if (!r->focus_line)
		return 0;
	config->focus = find_vm(config, r->focus);
	if (config->focus < 0 && strcmp(r->focus, "kfv"))
		return config_fail(t, r->focus_line, r->focus_column,
			"expected the name of a VM in this text or kfv, got \"%s\"", r->focus);
	return 0;
}

int config_parse(struct config *out, const char *text, size_t len, struct config_error *error)
{
	static const struct config_key keys[] = {
		{ "vm", KEY_REPEATS, read_vm },
		{ "driver", KEY_REPEATS, read_driver },
		{ "uplink", KEY_REPEATS, read_uplink },
		{ "console", KEY_ONCE, read_console },
		{ "policy", KEY_ONCE, read_policy },
	};
	struct reading reading = { .config = out };
	struct config_text t;

	memset(out, 0, sizeof(*out));
	if (!config_text_open(&t, text, len, error) &&
		!config_read_statements(&t, keys, ARRAY_LEN(keys), TOKEN_END, &reading) &&
		!settle_focus(&t, &reading))
		return 0;
	memset(out, 0, sizeof(*out));
	return -EINVAL;
}
