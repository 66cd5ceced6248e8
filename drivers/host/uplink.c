/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The switch's side of a network card. Whatever begins anew, this end or the switch, BUS_RENEW says
 * so, and the buffers are granted once more; frames that were in them already are kept.
 */
#include "drivers/host/uplink.h"

#include "core/lib/string.h"

static void offer(struct uplink_buffer *b)
{
	const struct bus_piece piece = { .at = (u64)b->bytes, .len = sizeof(b->bytes) };
	s64 handle = l2_grant(PEER_SWITCH, &piece, 1, BUS_WRITE | BUS_OWN);

	b->len = 0;
	b->grant = handle > 0 ? (u64)handle : 0;
	if (b->grant)
		l2_call(PEER_SWITCH, BUS_BUFFER, b->grant, 0);
}

/* The switch forgets the buffers that it had. */
static void renew(struct uplink *u)
{
	l2_call(PEER_SWITCH, BUS_PORT_STATE, BUS_PORT_UP, 0);
	for (struct uplink_buffer *b = u->buffer; b < u->buffer + UPLINK_BUFFERS; b++) {
		if (b->grant)
			l2_revoke(b->grant);
		if (!b->len)
			offer(b);
	}
}

/* One was written to. What is said of any other, or of a length that it has not, is nothing. */
static void came(struct uplink *u, u64 handle, u64 len)
{
	u32 i = 0;

	while (i < UPLINK_BUFFERS && (!handle || u->buffer[i].grant != handle))
		i++;
	if (i == UPLINK_BUFFERS || len < BUS_FRAME_MIN || len > BUS_FRAME_MAX)
		return;
	u->buffer[i].grant = 0;
	u->buffer[i].len = (u32)len - UPLINK_HEADER;
	u->order[u->head++ % UPLINK_BUFFERS] = (u8)i;
}

void uplink_mail(struct uplink *u)
{
	struct bus_message m;
	bool anew = false;

	while (l2_receive(&m)) {
		if (m.fn == BUS_FRAME_CAME)
			came(u, m.a, m.b);
		anew |= m.fn == BUS_RENEW;
	}
	if (anew)
		renew(u);
}

/* A short one is made as long as the shortest: what was there before is not for others to see. */
const u8 *uplink_next(struct uplink *u, u32 *len)
{
	struct uplink_buffer *b = &u->buffer[u->order[u->tail % UPLINK_BUFFERS]];
	u8 *frame = b->bytes + UPLINK_HEADER;

	if (u->head == u->tail)
		return NULL;
	if (b->len < UPLINK_FRAME_MIN)
		memset(frame + b->len, 0, UPLINK_FRAME_MIN - b->len);
	*len = MAX(b->len, UPLINK_FRAME_MIN);
	return frame;
}

void uplink_sent(struct uplink *u)
{
	u->info[UPLINK_SENT]++;
	offer(&u->buffer[u->order[u->tail++ % UPLINK_BUFFERS]]);
}

u8 *uplink_room(struct uplink *u)
{
	return u->came + UPLINK_HEADER;
}

void uplink_received(struct uplink *u, u32 len)
{
	const struct bus_piece piece = { .at = (u64)u->came, .len = UPLINK_HEADER + len };
	s64 handle = l2_grant(PEER_SWITCH, &piece, 1, BUS_READ | BUS_OWN);

	if (handle <= 0) /* it is no switch's port yet */
		return;
	u->info[UPLINK_RECEIVED]++;
	l2_call(PEER_SWITCH, BUS_FRAME, (u64)handle, piece.len);
	l2_revoke((u64)handle);
}

u64 uplink_call(void *state, u32 fn, u64 a, __unused u64 b)
{
	const struct uplink *u = state;

	return fn == BUS_INFO && a < UPLINK_ITEMS ? u->info[a] : BUS_NO_PEER;
}

void uplink_start(struct uplink *u)
{
	u->info[UPLINK_ADDRESS] = BUS_NO_PEER;
}
