/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switches: drivers of no VM, which the network devices of all VMs call. A switch is there from the
 * first VM that names it on. It reaches the memory of none, but for what it is granted: see bus.c.
 */
#include "core/l2/net.h"

#include "core/l1/log.h"
#include "core/l2/bus.h"
#include "core/l2/gate.h"
#include "core/l2/placement.h"
#include "core/lib/string.h"
#include "core/lib/text.h"

#define SWITCHES 4

struct net_switch {
	struct hrsc hrsc;
	struct lock lock; /* LOCK_SWITCH */
	char name[CONFIG_NAME];
	struct hrsc *port[BUS_PORTS];		    /* (l) */
	u64 setting[BUS_PORTS][2];		    /* (l) as BUS_PORT_CONFIGURE has them */
	const struct policy_port *owner[BUS_PORTS]; /* (l) of some of them, the policy in force */
};

static struct net_switch switches[SWITCHES]; /* (o) under LOCK_LIFE */

/* The switch of this name, made if there is none yet; NULL: no room. */
static struct net_switch *find(const char *name)
{
	struct net_switch *s = switches;

	while (s < switches + SWITCHES && s->name[0] && strcmp(s->name, name))
		s++;
	if (s == switches + SWITCHES || s->name[0])
		return s == switches + SWITCHES ? NULL : s;
	s->lock.rank = LOCK_SWITCH;
	if (driver_create(&s->hrsc, driver_find("vswitch"), 0, name, true) < 0)
		return NULL;
	(void)text_copy(s->name, sizeof(s->name), name);
	return s;
}

static void configure(struct net_switch *s, u32 port)
{
	const struct policy_port *p = s->owner[port];

	(void)l2_gate_call(s->port[port], &s->hrsc, port << BUS_PORT_SHIFT | BUS_PORT_CONFIGURE,
		policy_port_word(p, 0, s->setting[port][0]),
		policy_port_word(p, 1, s->setting[port][1]));
}

void net_own(struct hrsc *h, const struct policy_port *p)
{
	struct net_switch *s = container_of(h->net, struct net_switch, hrsc);

	if (!h->net)
		return;
	lock_take(&s->lock);
	s->owner[h->port] = p;
	configure(s, h->port);
	lock_give(&s->lock);
}

u64 net_set(struct hrsc *h, u32 word, u64 mask, u64 value)
{
	struct net_switch *s = container_of(h->net, struct net_switch, hrsc);
	u64 *setting = &s->setting[h->port][word];

	lock_take(&s->lock);
	*setting = (*setting & ~mask) | value;
	if (mask)
		configure(s, h->port);
	lock_give(&s->lock);
	return *setting;
}

int net_attach(struct hrsc *h, const struct config_function *f)
{
	struct net_switch *s = find(f->source);
	u8 port = 0;

	while (s && port < BUS_PORTS && s->port[port])
		port++;
	if (!s || port == BUS_PORTS) {
		log_error("line %u, %s: no room on switch %s", f->line, f->name, f->source);
		return -ENOSPC;
	}
	h->net = &s->hrsc;
	h->port = port;
	s->port[port] = h;
	s->owner[port] = NULL;
	policy_port_words(&f->port, s->setting[port]);
	net_set(h, 0, BUS_PORT_USED, BUS_PORT_USED);
	return 0;
}

void net_detach(struct hrsc *h)
{
	struct net_switch *s = container_of(h->net, struct net_switch, hrsc);

	if (!h->net)
		return;
	net_set(h, 0, ~0ull, 0);
	lock_take(&s->lock);
	s->port[h->port] = NULL;
	lock_give(&s->lock);
	h->net = NULL;
}

/* What its buffers were granted for is void, and the switch hears of no others. */
int net_isolate(struct hrsc *h, bool on)
{
	if (!h || !h->net)
		return -ENOENT;
	h->isolated = on;
	bus_renew(h);
	return 0;
}

/* A grant that is named is the caller's own: the switch would use whatever others have given it. */
u64 net_call(struct hrsc *h, u32 fn, u64 a, u64 b)
{
	struct net_switch *s = container_of(h->net, struct net_switch, hrsc);
	u64 answer;

	if (!h->net || h->isolated || fn == BUS_PORT_CONFIGURE || fn >> BUS_PORT_SHIFT ||
		(fn >= BUS_FRAME && fn < BUS_PORT_STATE && BUS_HANDLE_END(a) != h->id))
		return BUS_NO_PEER;
	lock_take(&s->lock);
	answer = l2_gate_call(h, &s->hrsc, (u32)h->port << BUS_PORT_SHIFT | fn, a, b);
	lock_give(&s->lock);
	return answer;
}

struct hrsc *net_port(struct hrsc *h, u32 port)
{
	struct net_switch *s = container_of(h, struct net_switch, hrsc);

	return s >= switches && s < switches + SWITCHES && port < BUS_PORTS ? s->port[port] : NULL;
}

void net_renew(struct hrsc *h)
{
	struct net_switch *s = container_of(h, struct net_switch, hrsc);

	for (u32 i = 0; i < BUS_PORTS && s >= switches && s < switches + SWITCHES; i++)
		if (s->port[i])
			configure(s, i);
}
