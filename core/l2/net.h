/* SPDX-License-Identifier: BSD-2-Clause */
/* The switches that VMs' network devices are attached to: see net.c. */
#pragma once

#include "core/l2/vm.h"
#include "drivers/api/policy.h"

/* Gives h a port of the switch that f names. -ENOSPC, logged. */
int __must_check net_attach(struct hrsc *h, const struct config_function *f);
/* Takes it away, if it has one. */
void net_detach(struct hrsc *h);
/* h calls its switch. */
u64 net_call(struct hrsc *h, u32 fn, u64 a, u64 b);
/*
 * Changes what h's switch knows of its port: of the word that BUS_PORT_CONFIGURE has as `a` (0) or
 * as `b` (1) the bits of `mask`. Returns the word as it is then, but for what the policy owns of
 * it; h has a port.
 */
u64 net_set(struct hrsc *h, u32 word, u64 mask, u64 value);
/* What the policy owns of h's port if it has one: p, which stays as it is; NULL: nothing. */
void net_own(struct hrsc *h, const struct policy_port *p);
/* Cuts h off from its switch, or joins them again. -ENOENT: it has no port. */
int net_isolate(struct hrsc *h, bool on);
/* A switch that has begun anew is told of its ports again. */
void net_renew(struct hrsc *h);
/* What is at a port of the switch h; NULL: nothing, or h is none. */
struct hrsc *net_port(struct hrsc *h, u32 port);
