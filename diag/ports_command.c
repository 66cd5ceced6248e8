/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command ports: what is at the switches, what went through there, and what a port may do. What
 * is changed holds until the VM is destroyed, unless it is the policy's.
 */
#include "core/l1/command.h"

#include "core/l1/log.h"
#include "core/l2/host.h"
#include "core/l2/net.h"
#include "core/l2/sched.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"
#include "kfv/policy.h"

enum { SENT, RECEIVED, REFUSED, LOST }; /* BUS_INFO of a port: drivers/vswitch/vswitch.c */

static u64 ask(struct hrsc *h, u64 item)
{
	return net_call(h, BUS_INFO, item, 0);
}

#define VLAN_BITS BUS_PORT_VLAN_BITS
#define MAC_BITS  (BIT(48) - 1)
#define RATE_BITS ((u64)UINT32_MAX)
#define VLAN_MAX  4094
#define RATE_MAX  1048576 /* KiB a second */

static const struct policy_port *owner(const struct hrsc *h)
{
	return policy_port_find(&policy_active()->table, h->name);
}

/* What is not as it is by default. */
static void print_settings(struct hrsc *h)
{
	u64 bits = policy_port_word(owner(h), 0, net_set(h, 0, 0, 0));
	u64 limits = policy_port_word(owner(h), 1, net_set(h, 1, 0, 0));
	u32 vlan = bits >> BUS_PORT_VLAN & 0xfff, ip = (u32)(limits >> 32);

	if (vlan)
		out(" vlan %u", vlan);
	if (ip)
		out(" ip %u.%u.%u.%u", ip >> 24, ip >> 16 & 0xff, ip >> 8 & 0xff, ip & 0xff);
	if (limits & RATE_BITS)
		out(" rate %lu", (limits & RATE_BITS) >> 10);
	out("%s%s%s%s\n", bits & BUS_PORT_OPEN ? " open" : "",
		bits & BUS_PORT_MIRROR ? " mirror" : "", h->isolated ? " down" : "",
		owner(h) ? " (policy)" : "");
}

static void print_port(struct hrsc *h)
{
	out("%-12.12s %4u %-22.22s %8lu %8lu %8lu %8lu", h->net->name, h->port, h->name,
		ask(h, SENT), ask(h, RECEIVED), ask(h, REFUSED), ask(h, LOST));
	print_settings(h);
}

/* Of all that are at a switch, those of this name, or all; the last of them. */
static struct hrsc *each_port(const char *name, void (*fn)(struct hrsc *h))
{
	struct hrsc *last = NULL;

	for (u32 id = 0; id <= VM_MAX; id++) {
		struct vm *vm = id < VM_MAX ? vms[id + 1] : &host_vm;

		for (u32 i = 0; vm && i < vm->ndrivers; i++) {
			struct hrsc *h = vm->driver[i];

			if (!h->net || (name && strcmp(name, h->name)))
				continue;
			last = h;
			if (fn)
				fn(h);
		}
	}
	return last;
}

static void print_card(struct device *d)
{
	u64 item[UPLINK_ITEMS];

	for (u32 i = 0; i < UPLINK_ITEMS; i++)
		item[i] = host_call(d, &host_hrsc, 0, BUS_INFO, i, 0);
	out("%s: card %012lx, %lu frames sent, %lu received, %lu unfit, %lu overruns, "
	    "%lu restarts%s%s\n",
		d->driver->name, item[UPLINK_ADDRESS] & 0xffffffffffff, item[UPLINK_SENT],
		item[UPLINK_RECEIVED], item[UPLINK_UNFIT], item[UPLINK_OVERRUNS],
		item[UPLINK_RESTARTS], item[UPLINK_DOWN] == 1 ? ", no link" : "",
		d->driver->state == HRSC_FAILED ? ", failed" : "");
}

enum value_kind { VALUE_SWITCH, VALUE_NUMBER, VALUE_MAC, VALUE_IP };

/* What can be set: which bits of which word, and to what. */
static const struct {
	const char *name;
	u64 mask, max;
	u8 word, shift, kind;
} settings[] = {
	{ "open", BUS_PORT_OPEN, 0, 0, 60, VALUE_SWITCH },
	{ "mirror", BUS_PORT_MIRROR, 0, 0, 61, VALUE_SWITCH },
	{ "vlan", VLAN_BITS, VLAN_MAX, 0, BUS_PORT_VLAN, VALUE_NUMBER },
	{ "rate", RATE_BITS, RATE_MAX, 1, 10, VALUE_NUMBER },
	{ "mac", MAC_BITS, 0, 0, 0, VALUE_MAC },
	{ "ip", ~RATE_BITS, 0, 1, 32, VALUE_IP },
};

static int read_switch(const char *text, u64 *out)
{
	*out = !strcmp(text, "on");
	return *out || !strcmp(text, "off") ? 0 : -EINVAL;
}

static int read_value(u32 setting, const char *text, u64 *out)
{
	u32 ip = 0;
	int err;

	switch (settings[setting].kind) {
	case VALUE_SWITCH:
		return read_switch(text, out);
	case VALUE_NUMBER:
		err = text_parse_u64(text, strlen(text), out);
		return err ? err : *out > settings[setting].max ? -ERANGE : 0;
	case VALUE_MAC:
		return text_parse_mac(text, strlen(text), out);
	default:
		err = strcmp(text, "any") ? text_parse_ipv4(text, strlen(text), &ip) : 0;
		*out = ip;
		return err;
	}
}

static int change(struct hrsc *h, int argc, char **argv)
{
	u32 i = 0;
	u64 value;

	if (argc == 1 && (!strcmp(argv[0], "up") || !strcmp(argv[0], "down")))
		return net_isolate(h, argv[0][0] == 'd');
	while (i < ARRAY_LEN(settings) && strcmp(settings[i].name, argv[0]))
		i++;
	if (argc != 2 || i == ARRAY_LEN(settings) || read_value(i, argv[1], &value) < 0)
		return -EINVAL;
	if (owner(h) && (owner(h)->mask[settings[i].word] & settings[i].mask)) {
		out("The policy %s owns its %s.\n", policy_active()->table.name, argv[0]);
		return 0;
	}
	net_set(h, settings[i].word, settings[i].mask, value << settings[i].shift);
	return 0;
}

static int ports_run(int argc, char **argv)
{
	struct hrsc *h = argc > 1 ? each_port(argv[1], NULL) : NULL;

	if (argc > 1 && !h) {
		out("There is no port of %s; \"ports\" lists them.\n", argv[1]);
		return 0;
	}
	if (argc > 2 && change(h, argc - 2, argv + 2) < 0)
		return -EINVAL;
	out("SWITCH       PORT WHO                        SENT RECEIVED  REFUSED     LOST\n");
	each_port(h ? argv[1] : NULL, print_port);
	for (struct device *d = devices; d < devices + device_count && !h; d++)
		if (d->driver && d->driver->net)
			print_card(d);
	return 0;
}

COMMAND(ports,
	.usage =
		"ports [NAME [up|down|open on|off|mirror on|off|vlan N|rate KIB|mac MAC|ip IP|any]]",
	.help = "what is at the switches, and the cards' uplinks; changes a port's settings");
