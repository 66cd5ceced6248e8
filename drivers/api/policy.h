/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a policy's text to the bounded table that the framework goes by: names are bound to the
 * agents and reactions of a catalogue. What comes back is checked by kfv/policy.c before it is in
 * force.
 */
#pragma once

#include "drivers/api/config.h"
#include "drivers/api/driver.h"

#define AGENTS_MAX   CONFIG_AGENTS
#define AGENT_PARAMS 4

struct agent_param {
	const char *name;
	u32 initial, min, max;
};

/* What a policy may name, in the order of the numbers that stand for it in the table. */
struct catalogue {
	u32 nagents;
	struct {
		const char *name;
		u8 layers; /* BIT(layer) of the hooks that it sees */
		u8 nparams;
		struct agent_param params[AGENT_PARAMS];
	} agents[AGENTS_MAX];
	struct {
		const char *name;
		const char *needs; /* why it cannot be had; NULL: it can */
		u8 layers;	   /* BIT(layer) where `when` may use it; 0: only `across` */
		bool everybody;	   /* hits every VM: no VM's doings may lead to it */
	} reactions[CONFIG_REACTIONS];
};

/* Local: the layer's horizontal orchestrator answers a finding. */
struct rule {
	u8 agent, severity; /* at least */
	u8 reaction, then;  /* `then` once it has come `after` times within the window; 0: never */
	u32 after;
	u64 within_ns;
};

/* Across layers: the vertical orchestrator answers `count` reports of one VM. */
struct plan {
	u8 nsources;
	struct {
		u8 agent, layer; /* 0: any */
	} source[2];
	u8 reaction;
	u8 target; /* enum policy_target */
	u32 count;
	u64 within_ns;
};

/* Bits of the two words that a switch is told of a port (BUS_PORT_CONFIGURE). */
struct policy_port {
	char name[CONFIG_PORT_NAME]; /* as the hRSC is called that is there */
	u64 mask[2], value[2];
};

/* The words for these settings, without BUS_PORT_USED. */
void policy_port_words(const struct config_port *p, u64 word[2]);
/* *out is zero. */
void policy_port_bind(struct policy_port *out, const struct policy_port_text *text);
/* The statement that it comes from, without `port`; POLICY_PORT_TEXT bytes are enough. */
#define POLICY_PORT_TEXT 160
void policy_port_print(char *out, size_t size, const struct policy_port *p);

/*
 * A word as it is to be, of one that the port's owner asks for. Whether a port is in use is not in
 * the policy's hands.
 */
static inline u64 policy_port_word(const struct policy_port *p, u32 word, u64 own)
{
	u64 mask = p ? p->mask[word] & ~(word ? 0 : BUS_PORT_USED) : 0;

	return (own & ~mask) | (mask ? p->value[word] & mask : 0);
}

struct policy_table {
	char name[CONFIG_NAME];
	u32 version; /* the text's own */
	u8 mode;     /* enum policy_mode */
	u8 nrules, nplans, nports;
	u16 attached; /* agents, a bit for each */
	u32 param[AGENTS_MAX][AGENT_PARAMS];
	struct rule rules[CONFIG_HORIZONTALS];
	struct plan plans[CONFIG_VERTICALS];
	struct policy_port ports[CONFIG_PORTS];
};

/* The text of the built-in policy. */
extern const char policy_default[];

/*
 * Returns 0, or -EINVAL with the place of the first mistake and what was expected there. *out is
 * undefined then.
 */
int __must_check policy_compile(struct policy_table *out, const struct policy_text *text,
	const struct catalogue *c, struct config_error *error);
/* Sets *error, whose place is at least 1:1. Returns -EINVAL. */
int __printf(4, 5)
	policy_refuse(struct config_error *error, u32 line, u32 column, const char *fmt, ...);
/* What the policy has of the port of this name; NULL: nothing. */
const struct policy_port *policy_port_find(const struct policy_table *t, const char *name);
