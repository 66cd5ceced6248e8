/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's devices on PCI: statements that each fill the next slot, in the order of the text. Pure.
 */
#include "drivers/config/text.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"

const char *const config_function_names[FUNCTION_KINDS] = {
	[FUNCTION_DISK] = "blk",
	[FUNCTION_ENTROPY] = "entropy",
	[FUNCTION_NET] = "net",
	[FUNCTION_BALLOON] = "balloon",
	[FUNCTION_HOST_DISK] = "hostblk",
	[FUNCTION_CONSOLE] = "console",
};

#define COW_DEFAULT   MIB(8)
#define COW_MIN	      COW_DEFAULT
#define COW_MAX	      MIB(32)
#define UNIT_MAX      255
#define PARTITION_MAX 16

/* The next slot for what is called `name`; NULL and an error: there is none, or the name is taken.
 */
static struct config_function *add(
	struct config_text *t, struct config_vm *vm, u8 kind, const char *name, struct token at)
{
	struct config_function *f = &vm->functions[vm->nfunctions];

	if (vm->nfunctions == CONFIG_FUNCTIONS) {
		config_fail(t, at.line, at.column, "expected at most %u devices on PCI",
			CONFIG_FUNCTIONS);
		return NULL;
	}
	for (u32 i = 0; i < vm->nfunctions; i++) {
		if (strcmp(vm->functions[i].name, name))
			continue;
		config_fail(t, at.line, at.column,
			"expected a name that no other device has, got \"%s\"", name);
		return NULL;
	}
	vm->nfunctions++;
	*f = (struct config_function){ .kind = kind, .line = at.line, .column = at.column };
	memcpy(f->name, name, CONFIG_NAME);
	return f;
}

static int read_cow(struct config_text *t, struct config_function *f)
{
	struct token at = t->token;
	u64 bytes;

	if (config_read_memory(t, &bytes))
		return -EINVAL;
	if (bytes < COW_MIN || bytes > COW_MAX)
		return config_fail(t, at.line, at.column,
			"expected %lu to %lu MiB for what is written", COW_MIN >> 20,
			COW_MAX >> 20);
	f->cow_bytes = (u32)bytes;
	return 0;
}

/* The drivers whose names make a source a physical disk's. */
static const char *const disk_drivers[] = { "ide", "vblk", "ahci", "nvme" };

/* A number up to `max` from *s on, which moves past it; false: there is none, or it is larger. */
static bool take_number(const char **s, u32 max, u8 *out)
{
	u32 n = 0;
	const char *p = *s;

	while (*p >= '0' && *p <= '9' && n <= max)
		n = n * 10 + (u32)(*p++ - '0');
	if (p == *s || n > max)
		return false;
	*out = (u8)n;
	*s = p;
	return true;
}

/* "ide0" or "ide0:1"; anything else is the name of a boot module. */
static void settle_source(struct config_function *f)
{
	for (u32 i = 0; i < ARRAY_LEN(disk_drivers); i++) {
		u32 len = (u32)strlen(disk_drivers[i]);
		const char *s = f->source + len, *end;
		u8 unit, partition = 0;

		if (memcmp(f->source, disk_drivers[i], len) || !take_number(&s, UNIT_MAX, &unit))
			continue;
		end = s;
		if (*s == ':' && (s++, !take_number(&s, PARTITION_MAX, &partition) || !partition))
			continue;
		if (*s)
			continue;
		memset(f->source + (end - f->source), 0, CONFIG_NAME - (size_t)(end - f->source));
		f->kind = FUNCTION_HOST_DISK;
		f->partition = partition;
		return;
	}
}

int config_read_disk(struct config_text *t, void *to)
{
	static const char *const modes[] = {
		[DISK_RO] = "ro", [DISK_COW] = "cow", [DISK_RW] = "rw"
	};
	struct config_function *f;
	struct token at = t->token;
	char name[CONFIG_NAME];

	if (config_read_name(t, name, "a disk's name"))
		return -EINVAL;
	f = add(t, to, FUNCTION_DISK, name, at);
	if (!f || config_read_string(t, f->source, 1, CONFIG_NAME, "the name of a boot module"))
		return -EINVAL;
	settle_source(f);
	f->cow_bytes = COW_DEFAULT;
	if (t->token.kind != TOKEN_WORD)
		return 0;
	if (config_read_choice(t, modes, ARRAY_LEN(modes), &f->mode))
		return -EINVAL;
	if (f->kind != FUNCTION_HOST_DISK || f->mode != DISK_COW || t->token.kind != TOKEN_WORD)
		return 0;
	return read_cow(t, f);
}

/* Whether both may be the same sectors, and one of them is to write. */
static bool is_shared(const struct config_function *f, const struct config_function *g)
{
	return f != g && f->kind == FUNCTION_HOST_DISK && g->kind == FUNCTION_HOST_DISK &&
	       (f->mode == DISK_RW || g->mode == DISK_RW) && !strcmp(f->source, g->source) &&
	       (!f->partition || !g->partition || f->partition == g->partition);
}

const struct config_function *config_shared_disk(const struct config_vm *vm,
	const struct config_vm *other, const struct config_function **theirs)
{
	const struct config_function *f = vm->functions + vm->nfunctions;

	while (f-- > vm->functions)
		for (u32 i = 0; i < other->nfunctions; i++) {
			*theirs = &other->functions[i];
			if (is_shared(f, *theirs))
				return f;
		}
	return NULL;
}

int config_read_driver(struct config_text *t, struct config_driver *d)
{
	static const char *const placements[] = { "confined", "trusted" };
	u8 placement = 0;

	d->line = t->token.line;
	d->column = t->token.column;
	if (config_read_name(t, d->name, "a physical driver's name"))
		return -EINVAL;
	if (t->token.kind == TOKEN_WORD &&
		config_read_choice(t, placements, ARRAY_LEN(placements), &placement))
		return -EINVAL;
	d->trusted = placement;
	return 0;
}

/* One that is there or not. */
static int read_switch(struct config_text *t, struct config_vm *vm, u8 kind, const char *name)
{
	static const char *const names[] = { "off", "on" };
	struct token at = t->token;
	char padded[CONFIG_NAME] = { 0 };
	u8 on;

	if (config_read_choice(t, names, ARRAY_LEN(names), &on))
		return -EINVAL;
	memcpy(padded, name, strlen(name));
	return !on || add(t, vm, kind, padded, at) ? 0 : -EINVAL;
}

int config_read_entropy(struct config_text *t, void *to)
{
	return read_switch(t, to, FUNCTION_ENTROPY, "entropy");
}

int config_read_balloon(struct config_text *t, void *to)
{
	return read_switch(t, to, FUNCTION_BALLOON, "balloon");
}

int config_read_vm_console(struct config_text *t, void *to)
{
	return read_switch(t, to, FUNCTION_CONSOLE, "console");
}

#define MAC_GROUP  BIT(40)
#define MAC_LOCAL  BIT(41)
#define VLAN_MAX   4094
#define RATE_MAX   1048576 /* a GiB a second */
#define FNV_OFFSET 0xcbf29ce484222325ull
#define FNV_PRIME  0x100000001b3ull

/* An address that no vendor has given to a card, the same for the same names. */
static u64 made_up_mac(const char *vm, const char *name)
{
	u64 hash = FNV_OFFSET;

	for (; *vm; vm++)
		hash = (hash ^ (u8)*vm) * FNV_PRIME;
	hash = (hash ^ '/') * FNV_PRIME;
	for (; *name; name++)
		hash = (hash ^ (u8)*name) * FNV_PRIME;
	return ((hash & (BIT(48) - 1)) | MAC_LOCAL) & ~MAC_GROUP;
}

static int read_mac(struct config_text *t, u64 *out)
{
	const struct token *k = &t->token;

	if (k->kind != TOKEN_WORD || text_parse_mac(k->start, k->len, out) < 0)
		return config_expected(t, "an address of one card like 52:54:00:12:34:56");
	return config_text_next(t);
}

static int read_ip(struct config_text *t, u32 *out)
{
	const struct token *k = &t->token;

	*out = 0;
	if (config_text_is(t, "any"))
		return config_text_next(t);
	if (k->kind != TOKEN_WORD || text_parse_ipv4(k->start, k->len, out) < 0)
		return config_expected(t, "an IPv4 address of one machine like 10.0.0.2, or any");
	return config_text_next(t);
}

/* Said, or said with on or off. */
static int read_flag(struct config_text *t, u8 *flag)
{
	static const char *const names[] = { "off", "on" };

	*flag = true;
	if (!config_text_is(t, "on") && !config_text_is(t, "off"))
		return 0;
	return config_read_choice(t, names, ARRAY_LEN(names), flag);
}

/* One of the first n settings of a port, each at most once. */
static int read_setting(struct config_text *t, struct config_port *port, u32 n, u32 *seen)
{
	static const char *const names[PORT_SETTINGS] = {
		[PORT_VLAN] = "vlan",
		[PORT_RATE] = "rate",
		[PORT_MIRROR] = "mirror",
		[PORT_MAC] = "mac",
		[PORT_OPEN] = "open",
		[PORT_IP] = "ip",
	};
	struct token at = t->token;
	u8 setting;

	if (config_read_choice(t, names, n, &setting))
		return -EINVAL;
	if (*seen & BIT(setting))
		return config_fail(t, at.line, at.column, "expected %s only once", names[setting]);
	*seen |= BIT(setting);
	switch (setting) {
	case PORT_VLAN:
		return config_read_number(t, 0, VLAN_MAX, &port->vlan);
	case PORT_RATE:
		return config_read_number(t, 0, RATE_MAX, &port->rate_kib);
	case PORT_MIRROR:
		return read_flag(t, &port->mirror);
	case PORT_MAC:
		return read_mac(t, &port->mac);
	case PORT_IP:
		return read_ip(t, &port->ip);
	default:
		return read_flag(t, &port->open);
	}
}

int config_read_port(struct config_text *t, struct config_port *port, u32 n, bool needed, u32 *seen)
{
	int err = needed ? read_setting(t, port, n, seen) : 0;

	while (!err && t->token.kind == TOKEN_WORD)
		err = read_setting(t, port, n, seen);
	return err;
}

int config_read_net(struct config_text *t, void *to)
{
	struct config_vm *vm = to;
	struct config_function *f;
	struct token at = t->token;
	char name[CONFIG_NAME];
	u32 seen = 0;

	if (config_read_name(t, name, "a network device's name"))
		return -EINVAL;
	f = add(t, vm, FUNCTION_NET, name, at);
	if (!f || config_read_name(t, f->source, "a switch's name"))
		return -EINVAL;
	f->port.mac = made_up_mac(vm->name, name);
	return config_read_port(t, &f->port, PORT_SETTINGS, false, &seen);
}

/* What cards' names have before their number: a driver's name, as boot/drivers.c finds it there. */
static const char *const card_names[] = { "ne", "e1000-", "vnet" };

static bool is_card(const char *name)
{
	for (u32 i = 0; i < ARRAY_LEN(card_names); i++) {
		const char *s = name + strlen(card_names[i]);
		u8 unit;

		if (!memcmp(name, card_names[i], (size_t)(s - name)) &&
			take_number(&s, UNIT_MAX, &unit) && !*s)
			return true;
	}
	return false;
}

/* Whoever is out there has addresses of his own. */
int config_read_uplink(struct config_text *t, struct config_function *f)
{
	u32 seen = 0;

	f->kind = FUNCTION_NET;
	f->port.open = true;
	if (config_read_name(t, f->source, "a switch's name"))
		return -EINVAL;
	f->line = t->token.line;
	f->column = t->token.column;
	if (config_read_name(t, f->name, "a physical card's name"))
		return -EINVAL;
	if (!is_card(f->name))
		return config_fail(t, f->line, f->column,
			"expected a physical card's name, driver and number like ne0 or e1000-0, "
			"got \"%s\"",
			f->name);
	return config_read_port(t, &f->port, UPLINK_SETTINGS, false, &seen);
}
