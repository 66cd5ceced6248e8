/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages and shared memory between hRSCs: see bus.c, and drivers/api/driver.h for what they see.
 */
#pragma once

#include "core/l2/vm.h"

/* A queue for what is sent to h, and room for what it grants. -ENOMEM. */
int __must_check bus_open(struct hrsc *h);
/* Nothing of it is left, nor granted to it. */
void bus_close(struct hrsc *h);
/* h begins anew: what it granted and what was granted to it is void, and it and all who had granted
 * it something are told so (BUS_RENEW). */
void bus_renew(const struct hrsc *h);
/* Of all of the VM's drivers. */
void bus_renew_vm(struct vm *vm);

/* -ENOENT: `to` is not there or has no queue; -EAGAIN: that is full; -EPERM: denied. */
int __must_check bus_send(struct hrsc *from, struct hrsc *to, u32 fn, u64 a, u64 b);
/* The oldest message to h; how many there were, with this one. */
u32 __must_check bus_receive(const struct hrsc *h, struct bus_message *out);
/* What h, where it is confined, has received and granted so far is for good; since that, is undone.
 */
void bus_commit(const struct hrsc *h);
void bus_rewind(const struct hrsc *h);
/* Calls mail() of those of the VM's drivers that something was sent to. */
void bus_deliver(struct vm *vm);

/*
 * Pieces of the RAM of `vm`, or where that is NULL of the nucleus's own memory, for `to`. Returns
 * the handle. -ENOENT, -EPERM; -EFAULT: it is not all RAM; -ENOSPC: h has granted too much.
 */
s64 __must_check bus_grant(struct hrsc *h, struct hrsc *to, const struct vm *vm,
	const struct bus_piece *piece, u32 n, u32 rights);
/* One of h's own. -ESTALE. */
int bus_revoke(const struct hrsc *h, u64 handle);
/* As l2_copy() of drivers/api/driver.h. */
int __must_check bus_copy(struct hrsc *h, u64 to, u64 from, void *own, u64 lengths);
