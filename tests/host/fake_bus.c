/* SPDX-License-Identifier: BSD-2-Clause */
/* The bus of the fake machine: messages and grants, as drivers/api/driver.h has them. */
#include "tests/host/fake_gate.h"

#include "tests/host/fake_instance.h"

#include <string.h>

/* The devices in slots 1 and up are at the ports 0 and up of the one switch. */
static struct instance *peer_of(u32 peer)
{
	u32 slot = peer >= PEER_PORT ? peer - PEER_PORT + 1 : 0;

	for (struct instance *i = instances; i < instances + ninstances; i++)
		if (slot ? i->slot == slot : i->driver->role + i->slot == peer)
			return i;
	return NULL;
}

static int put(struct instance *to, const struct bus_message *m)
{
	if (!to || !to->driver->mail)
		return -ENOENT;
	if (to->head - to->tail == MESSAGES)
		return -EAGAIN;
	pc.wakes += to->head == to->tail;
	to->message[to->head++ % MESSAGES] = *m;
	return 0;
}

int l2_send(enum bus_peer peer, enum bus_fn fn, u64 a, u64 b)
{
	return put(peer_of(peer), &(struct bus_message){ fn, current->slot, a, b });
}

u32 l2_receive(struct bus_message *out)
{
	u32 n = current->head - current->tail;

	if (n)
		*out = current->message[current->tail++ % MESSAGES];
	return n;
}

/* All bytes of a piece, or NULL. */
static u8 *piece_at(const struct grant *g, u32 i)
{
	if (g->rights & BUS_OWN)
		return (u8 *)g->piece[i].at;
	return ram(g->piece[i].at, g->piece[i].len);
}

s64 l2_grant(enum bus_peer peer, const struct bus_piece *piece, u32 n, u32 rights)
{
	static u64 serial;
	struct grant *g = current->grant;

	if (!n || n > BUS_PIECES_MOST)
		return -ENOSPC;
	for (; n > BUS_PIECES && g < current->grant + BUS_GRANTS; g++)
		if (g->handle && g->n > BUS_PIECES)
			return -ENOSPC;
	for (g = current->grant; g < current->grant + BUS_GRANTS && g->handle;)
		g++;
	if (g == current->grant + BUS_GRANTS)
		return -ENOSPC;
	*g = (struct grant){ .n = n, .rights = rights, .to = peer_of(peer) };
	memcpy(g->piece, piece, n * sizeof(*piece));
	for (u32 i = 0; i < n; i++)
		if (!piece_at(g, i))
			return -EFAULT;
	g->handle = ++serial << 16 | (u64)(current - instances) << 8 | (u64)(g - current->grant);
	return (s64)g->handle;
}

static struct grant *find_grant(u64 handle, u32 right)
{
	for (struct instance *i = instances; i < instances + ninstances; i++) {
		struct grant *g = &i->grant[(handle & 0xff) % BUS_GRANTS];

		if (handle && g->handle == handle && g->to == current && (g->rights & right))
			return g;
	}
	return NULL;
}

int l2_revoke(u64 handle)
{
	for (struct grant *g = current->grant; g < current->grant + BUS_GRANTS; g++) {
		if (!handle || g->handle != handle)
			continue;
		g->handle = 0;
		return 0;
	}
	return -ESTALE;
}

void pc_renew(u32 slot)
{
	const struct instance *of = slot ? pc_instance(slot) : by_name("vswitch");
	const struct bus_message renew = { .fn = BUS_RENEW };

	for (struct instance *i = instances; i < instances + ninstances; i++) {
		bool affected = i == of;

		for (struct grant *g = i->grant; g < i->grant + BUS_GRANTS; g++) {
			if (!g->handle || (i != of && g->to != of))
				continue;
			g->handle = 0;
			affected = true;
		}
		if (affected)
			(void)put(i, &renew);
	}
}

static u64 length(const struct grant *g)
{
	u64 len = 0;

	for (u32 i = 0; g && i < g->n; i++)
		len += g->piece[i].len;
	return len;
}

static u8 *byte_at(const struct grant *g, u64 at)
{
	u32 i = 0;

	while (at >= g->piece[i].len)
		at -= g->piece[i++].len;
	return piece_at(g, i) + at;
}

static int peek(const struct grant *f, u8 *to, u32 at, u32 end)
{
	if (!f || end > length(f))
		return f ? -ERANGE : -EINVAL;
	for (u32 i = at; i < end; i++)
		to[i - at] = *byte_at(f, i);
	return 0;
}

/* Who has granted it. */
static struct instance *granter(const struct grant *g)
{
	struct instance *i = instances;

	while (g < i->grant || g >= i->grant + BUS_GRANTS)
		i++;
	return i;
}

int l2_copy(u64 to, u64 from, void *own, u64 lengths)
{
	struct grant *t = find_grant(to, BUS_WRITE);
	const struct grant *f = find_grant(from, BUS_READ);
	u32 len = BUS_ALL(lengths), own_len = BUS_LENGTHS_OWN(lengths), at = BUS_FROM(lengths);
	struct bus_message m = { BUS_FRAME_CAME, current->slot, to, lengths };
	u32 accesses = pc.accesses + 1 + len / 4096;

	if (!to) {
		int err = at > len || len - at > own_len ? -ERANGE : peek(f, own, at, len);

		pc.accesses = accesses;
		return err;
	}
	if (!t || (!f && len > own_len))
		return t ? -EINVAL : -ESTALE;
	if (at > len || len > BUS_COPY_MAX || len - at > length(t) || (f && len > length(f)))
		return -ERANGE;
	for (u32 i = at; i < len; i++)
		*byte_at(t, i - at) = i < own_len ? ((const u8 *)own)[i] : *byte_at(f, i);
	t->handle = 0;
	pc.accesses = accesses; /* not each byte is one */
	return lengths & BUS_TELL ? put(granter(t), &m) : 0;
}
