/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's settings as a switch is told of them: two words, see BUS_PORT_CONFIGURE in
 * drivers/api/driver.h. Pure.
 */
#include "drivers/api/policy.h"

#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "drivers/api/driver.h"

#define MAC_BITS   (BIT(BUS_PORT_VLAN) - 1)
#define RATE_BITS  ((u64)UINT32_MAX)
#define RATE_SHIFT 10 /* KiB */
#define IP_SHIFT   32

static const u64 masks[PORT_SETTINGS][2] = {
	[PORT_VLAN] = { BUS_PORT_VLAN_BITS, 0 },
	[PORT_RATE] = { 0, RATE_BITS },
	[PORT_MIRROR] = { BUS_PORT_MIRROR, 0 },
	[PORT_MAC] = { MAC_BITS, 0 },
	[PORT_OPEN] = { BUS_PORT_OPEN, 0 },
	[PORT_IP] = { 0, ~RATE_BITS },
};

void policy_port_words(const struct config_port *p, u64 word[2])
{
	word[0] = p->mac | (u64)p->vlan << BUS_PORT_VLAN | (p->open ? BUS_PORT_OPEN : 0) |
		  (p->mirror ? BUS_PORT_MIRROR : 0);
	word[1] = (u64)p->ip << IP_SHIFT | (u64)p->rate_kib << RATE_SHIFT;
}

void policy_port_bind(struct policy_port *out, const struct policy_port_text *text)
{
	memcpy(out->name, text->name, sizeof(out->name));
	policy_port_words(&text->port, out->value);
	for (u32 i = 0; i < PORT_SETTINGS; i++) {
		if (!(text->owned & BIT(i)))
			continue;
		out->mask[0] |= masks[i][0];
		out->mask[1] |= masks[i][1];
	}
}

const struct policy_port *policy_port_find(const struct policy_table *t, const char *name)
{
	for (u32 i = 0; i < t->nports; i++)
		if (!strcmp(t->ports[i].name, name))
			return &t->ports[i];
	return NULL;
}

/* One setting of those words, as a policy has it. */
static u32 print_setting(char *out, size_t size, enum port_setting setting, const u64 word[2])
{
	u32 vlan = (u32)((word[0] & BUS_PORT_VLAN_BITS) >> BUS_PORT_VLAN);
	u32 ip = (u32)(word[1] >> IP_SHIFT);
	u64 mac = word[0] & MAC_BITS;

	switch (setting) {
	case PORT_VLAN:
		return fmt_string(out, size, " vlan %u", vlan);
	case PORT_RATE:
		return fmt_string(out, size, " rate %lu", (word[1] & RATE_BITS) >> RATE_SHIFT);
	case PORT_MIRROR:
		return fmt_string(
			out, size, " mirror %s", word[0] & BUS_PORT_MIRROR ? "on" : "off");
	case PORT_MAC:
		return fmt_string(out, size, " mac %02lx:%02lx:%02lx:%02lx:%02lx:%02lx",
			mac >> 40 & 0xff, mac >> 32 & 0xff, mac >> 24 & 0xff, mac >> 16 & 0xff,
			mac >> 8 & 0xff, mac & 0xff);
	case PORT_OPEN:
		return fmt_string(out, size, " open %s", word[0] & BUS_PORT_OPEN ? "on" : "off");
	default:
		if (!ip)
			return fmt_string(out, size, " ip any");
		return fmt_string(out, size, " ip %u.%u.%u.%u", ip >> 24, ip >> 16 & 0xff,
			ip >> 8 & 0xff, ip & 0xff);
	}
}

void policy_port_print(char *out, size_t size, const struct policy_port *p)
{
	size_t len = fmt_string(out, size, "%s", p->name);

	for (u32 i = 0; i < PORT_SETTINGS && len < size; i++)
		if ((p->mask[0] & masks[i][0]) || (p->mask[1] & masks[i][1]))
			len += print_setting(out + len, size - len, i, p->value);
}
