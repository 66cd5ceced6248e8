/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch's side of a network card. Whatever begins anew, this end or the switch, BUS_RENEW says
 * so, and the buffers are granted once more; frames that were in them already are kept.
 */
#include "drivers/host/uplink.h"

#include "core/lib/string.h"

#define MS	  1000000ull
#define BUSY_NS	  MS
#define IDLE_NS	  (10 * MS)
#define ACTIVE_NS (200 * MS) /* after the last frame */

static void offer(struct uplink *u, u32 i)
{
	const struct bus_piece piece = { .at = (u64)u->memory->out[i], .len = BUS_FRAME_MAX };
	s64 handle = l2_grant(PEER_SWITCH, &piece, 1, BUS_WRITE | BUS_OWN);

	u->len[i] = 0;
	u->grant[i] = handle > 0 ? (u64)handle : 0;
	if (u->grant[i])
		l2_call(PEER_SWITCH, BUS_BUFFER, u->grant[i], BUS_FRAME_MAX);
}

static void revoke(u64 *grant)
{
	if (*grant)
		l2_revoke(*grant);
	*grant = 0;
}

/* The switch forgets the buffers that it had. */
static void renew(struct uplink *u)
{
	l2_call(PEER_SWITCH, BUS_PORT_STATE, BUS_PORT_UP, 0);
	for (u32 i = 0; i < UPLINK_IN; i++)
		revoke(&u->in_grant[i]);
	for (u32 i = 0; i < UPLINK_OUT; i++) {
		revoke(&u->grant[i]);
		if (!u->len[i])
			offer(u, i);
	}
}

/* One was written to. What is said of any other, or of a length that it has not, is nothing. */
static void came(struct uplink *u, u64 handle, u64 len)
{
	u32 i = 0;

	while (i < UPLINK_OUT && (!handle || u->grant[i] != handle))
		i++;
	if (i == UPLINK_OUT || len < BUS_FRAME_MIN || len > BUS_FRAME_MAX)
		return;
	u->grant[i] = 0;
	u->len[i] = (u32)len - UPLINK_HEADER;
	u->order[u->head++ % UPLINK_OUT] = (u8)i;
}

void uplink_mail(struct uplink *u)
{
	struct bus_message m;
	bool anew = false;
	u32 n;

	do {
		n = l2_receive(&m);
		if (n && m.fn == BUS_FRAME_CAME)
			came(u, m.a, BUS_ALL(m.b));
		anew |= n && m.fn == BUS_RENEW;
	} while (n > 1);
	if (anew)
		renew(u);
}

/* A short one is made as long as the shortest: what was there before is not for others to see. */
u8 *uplink_next(struct uplink *u, u32 *len)
{
	u32 i = u->order[u->given % UPLINK_OUT];
	u8 *frame = u->memory->out[i] + UPLINK_HEADER;

	if (u->head == u->given)
		return NULL;
	if (u->len[i] < UPLINK_FRAME_MIN)
		memset(frame + u->len[i], 0, UPLINK_FRAME_MIN - u->len[i]);
	*len = MAX(u->len[i], UPLINK_FRAME_MIN);
	return frame;
}

void uplink_given(struct uplink *u)
{
	u->given++;
	u->active = true;
}

void uplink_sent(struct uplink *u)
{
	u->info[UPLINK_SENT]++;
	offer(u, u->order[u->tail++ % UPLINK_OUT]);
}

void uplink_forget(struct uplink *u)
{
	while (u->tail != u->given)
		offer(u, u->order[u->tail++ % UPLINK_OUT]);
}

bool uplink_may_take(struct uplink *u)
{
	u64 now = l1_now_ns();

	u->waiting = now < u->receive_ns;
	if (!u->waiting)
		u->receive_ns = now + UPLINK_GAP_NS;
	return !u->waiting;
}

void uplink_took(struct uplink *u, u32 n)
{
	u->waiting = n == UPLINK_AT_ONE_GO;
}

/* The grant is for all that may be there, and lasts. There is none as long as it is no switch's
 * port. */
void uplink_received(struct uplink *u, u32 i, u32 at, u32 len)
{
	const struct bus_piece piece[] = { { .at = (u64)u->header, .len = UPLINK_HEADER },
		{ .at = (u64)(u->memory->in[i] + at), .len = UPLINK_FRAME_MAX } };
	s64 handle = 0;

	if (!u->in_grant[i])
		handle = l2_grant(PEER_SWITCH, piece, 2, BUS_READ | BUS_OWN);
	if (handle > 0)
		u->in_grant[i] = (u64)handle;
	u->active = true;
	if (!u->in_grant[i])
		return;
	if (l2_call(PEER_SWITCH, BUS_FRAME, u->in_grant[i], UPLINK_HEADER + len) != BUS_NO_PEER)
		u->info[UPLINK_RECEIVED]++;
}

u64 uplink_at(const struct uplink *u, const void *byte)
{
	return u->memory_at + (u64)((const u8 *)byte - (const u8 *)u->memory);
}

u64 uplink_look_ns(struct uplink *u)
{
	u64 now = l1_now_ns();

	if (u->active)
		u->active_ns = now;
	u->active = false;
	if (u->waiting)
		return u->receive_ns;
	return now + (!u->called && now - u->active_ns < ACTIVE_NS ? BUSY_NS : IDLE_NS);
}

u64 uplink_call(void *state, u32 fn, u64 a, __unused u64 b)
{
	const struct uplink *u = state;

	return fn == BUS_INFO && a < UPLINK_ITEMS ? u->info[a] : BUS_NO_PEER;
}

void uplink_start(struct uplink *u, const struct driver_setup *setup, u32 at)
{
	u->memory = (struct uplink_memory *)(setup->device.memory + at);
	u->memory_at = setup->device.memory_at + at;
	u->info[UPLINK_ADDRESS] = BUS_NO_PEER;
}
