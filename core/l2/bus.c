/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus: what hRSCs send each other without waiting, and memory that one lets another use. An end
 * is what an hRSC has of it, a queue of messages and the grants that it has given. A handle names
 * the grant's end, its place there and a number that is never used again, so that a stale one is
 * nobody's; the one it was given to is checked at each use. The bytes go from one grant to another
 * at once, and whoever asked for that sees none of them. What a call of a confined driver has
 * received and granted is settled with its data: should it fail, all that is taken back.
 */
#include "core/l2/bus.h"

#include "arch/x86/window.h"
#include "core/l1/frame.h"
#include "core/l2/gate.h"
#include "core/l2/sched.h"
#include "core/lib/string.h"

#define END_PAGES 3
#define GRANTS	  BUS_GRANTS
#define MESSAGES  96

#define HANDLE_PLACE(handle) ((handle)&0xff)
#define HANDLE_SERIAL	     16 /* shift: the number is above */

struct grant {
	u64 handle;	     /* 0: none */
	const struct vm *vm; /* whose RAM; NULL: the nucleus's memory, by its addresses */
	struct bus_piece *piece;
	u32 n;
	u16 to; /* an hRSC's id */
	u8 rights;
	struct bus_piece few[BUS_PIECES];
};

struct bus_end {
	struct hrsc *h; /* whose it is */
	u32 head, tail; /* messages ever sent and received */
	u32 kept;	/* (a) and of these for good: here bus_rewind() goes back to */
	u64 given;	/* (o) the number of its last grant that was for good, or a later one */
	u32 hint;	/* where the next grant may have its place */
	u64 long_one;	/* the grant that has: */
	struct bus_piece many[BUS_PIECES_MOST];
	struct grant grant[GRANTS];
	struct bus_message message[MESSAGES];
};
static_assert(sizeof(struct bus_end) <= END_PAGES * PAGE_SIZE, "an end is so many pages");
static_assert(HRSC_MAX <= 256 && GRANTS <= 256, "a byte each in a handle");

/* Held while bytes move, so that what is revoked is out of use when that returns. */
static struct lock lock = LOCK_INIT(LOCK_BUS);
static struct bus_end *ends[HRSC_MAX]; /* (l) by hRSC */
static u64 serial;		       /* (l) */

int bus_open(struct hrsc *h)
{
	struct bus_end *e = pages_alloc(END_PAGES, FRAME_DATA);

	if (!e)
		return -ENOMEM;
	e->h = h;
	__atomic_store_n(&ends[h->id], e, __ATOMIC_RELEASE);
	return 0;
}

/* All of e's, or with a `to` those to the hRSC of that id; false: there were none. */
static bool drop_all(struct bus_end *e, u16 to)
{
	bool any = false;

	for (struct grant *g = e->grant; g < e->grant + GRANTS; g++) {
		if (!g->handle || (to && g->to != to))
			continue;
		g->handle = 0;
		any = true;
	}
	return any;
}

/* Before the VM runs on; out of HLT, too. A physical driver's timer() is called soon. */
static void wake(struct hrsc *h)
{
	struct vm *vm = h->owner;

	if (h->device)
		h->l1->irq(h, 0);
	if (!vm || !vm->nvcpus)
		return;
	__atomic_fetch_or(&vm->mail, (u32)BIT(h - vm->driver_hrsc), __ATOMIC_RELEASE);
	vcpu_hazard(vm->vcpu[0], HAZARD_MAIL);
	vcpu_kick(vm->vcpu[0]);
}

/* Whoever has something in the queue has been woken. -ENOENT, -EAGAIN. */
static int put(struct bus_end *e, u32 fn, u16 from, u64 a, u64 b)
{
	if (!e || e->head - __atomic_load_n(&e->kept, __ATOMIC_ACQUIRE) == MESSAGES)
		return e ? -EAGAIN : -ENOENT;
	e->message[e->head++ % MESSAGES] = (struct bus_message){ fn, from, a, b };
	if (e->head - e->tail == 1)
		wake(e->h);
	return 0;
}

void bus_renew(const struct hrsc *h)
{
	lock_take(&lock);
	for (u32 id = 1; id < HRSC_MAX && h->state != HRSC_FREE; id++) {
		struct bus_end *e = ends[id];
		bool own = id == h->id;

		if (!e || (!drop_all(e, own ? 0 : h->id) && !own))
			continue;
		if (own)
			e->tail = e->kept = e->head;
		(void)put(e, BUS_RENEW, h->id, 0, 0); /* who is that late has much to read first */
	}
	lock_give(&lock);
}

void bus_renew_vm(struct vm *vm)
{
	for (u32 i = 0; i < vm->ndrivers; i++)
		bus_renew(vm->driver[i]);
}

void bus_close(struct hrsc *h)
{
	struct bus_end *e = h->state == HRSC_FREE ? NULL : ends[h->id];

	bus_renew(h);
	if (!e)
		return;
	lock_take(&lock);
	ends[h->id] = NULL;
	lock_give(&lock);
	pages_free(e, END_PAGES);
}

int bus_send(struct hrsc *from, struct hrsc *to, u32 fn, u64 a, u64 b)
{
	int err;

	if (!to || to->state != HRSC_LIVE)
		return -ENOENT;
	if (!l2_gate_send(from, to, fn, a, b))
		return -EPERM;
	lock_take(&lock);
	err = put(ends[to->id], fn, from->id, a, b);
	lock_give(&lock);
	return err;
}

u32 bus_receive(const struct hrsc *h, struct bus_message *out)
{
	struct bus_end *e;
	u32 n;

	lock_take(&lock);
	e = ends[h->id];
	n = e ? e->head - e->tail : 0;
	if (n)
		*out = e->message[e->tail++ % MESSAGES];
	if (n && !h->compartment)
		e->kept = e->tail;
	lock_give(&lock);
	return n;
}

void bus_commit(const struct hrsc *h)
{
	struct bus_end *e = ends[h->id];

	if (!e)
		return;
	e->given = __atomic_load_n(&serial, __ATOMIC_RELAXED);
	__atomic_store_n(&e->kept, e->tail, __ATOMIC_RELEASE);
}

void bus_rewind(const struct hrsc *h)
{
	struct bus_end *e = ends[h->id];

	lock_take(&lock);
	for (u32 i = 0; e && i < GRANTS; i++)
		if (e->grant[i].handle >> HANDLE_SERIAL > e->given)
			e->grant[i].handle = 0;
	if (e)
		e->tail = e->kept;
	lock_give(&lock);
}

void bus_deliver(struct vm *vm)
{
	u32 mail;

	lock_take(&vm->lock);
	mail = __atomic_exchange_n(&vm->mail, 0, __ATOMIC_ACQUIRE);
	for (; mail; mail &= mail - 1) {
		struct hrsc *h = &vm->driver_hrsc[__builtin_ctz(mail)];

		if (h->state == HRSC_LIVE)
			h->l2->mail(h);
	}
	lock_give(&vm->lock);
}

/* A place for one more; NULL: there is none. */
static struct grant *unused(struct bus_end *e)
{
	for (u32 i = 0; e && i < GRANTS; i++, e->hint++) {
		if (!e->grant[e->hint % GRANTS].handle)
			return &e->grant[e->hint % GRANTS];
	}
	return NULL;
}

/* The grant of that handle; NULL: it is void. */
static struct grant *find(u64 handle)
{
	struct bus_end *e = ends[BUS_HANDLE_END(handle)];
	struct grant *g = &e->grant[HANDLE_PLACE(handle)];

	return e && handle && HANDLE_PLACE(handle) < GRANTS && g->handle == handle ? g : NULL;
}

/* The pieces as they are kept are what is judged. */
static s64 fill(struct grant *g, struct bus_end *e, const struct vm *vm,
	const struct bus_piece *piece, u32 n)
{
	if (!g || (n > BUS_PIECES && find(e->long_one)))
		return -ENOSPC;
	g->piece = n > BUS_PIECES ? e->many : g->few;
	for (u32 i = 0; i < n; i++) {
		g->piece[i] = piece[i];
		if (vm && !vm_is_ram(vm, GPA(g->piece[i].at), g->piece[i].len))
			return -EFAULT;
	}
	g->vm = vm;
	g->n = n;
	return 0;
}

s64 bus_grant(struct hrsc *h, struct hrsc *to, const struct vm *vm, const struct bus_piece *piece,
	u32 n, u32 rights)
{
	struct grant *g;
	s64 handle;

	if (!to || to->state != HRSC_LIVE)
		return -ENOENT;
	if (!l2_gate_grant(h, to, rights, n, piece->at, piece->len))
		return -EPERM;
	lock_take(&lock);
	g = unused(ends[h->id]);
	handle = fill(g, ends[h->id], vm, piece, n);
	if (handle == 0) {
		g->to = to->id;
		g->rights = (u8)rights;
		g->handle =
			++serial << HANDLE_SERIAL | (u64)h->id << 8 | (u64)(g - ends[h->id]->grant);
		handle = (s64)g->handle;
		if (n > BUS_PIECES)
			ends[h->id]->long_one = g->handle;
	}
	lock_give(&lock);
	return handle;
}

/* As h may use it. */
static struct grant *find_for(const struct hrsc *h, u64 handle, u8 right)
{
	struct grant *g = find(handle);

	return g && g->to == h->id && (g->rights & right) ? g : NULL;
}

int bus_revoke(const struct hrsc *h, u64 handle)
{
	struct grant *g;

	lock_take(&lock);
	g = BUS_HANDLE_END(handle) == h->id ? find(handle) : NULL;
	if (g)
		g->handle = 0;
	lock_give(&lock);
	return g ? 0 : -ESTALE;
}

static bool holds(const struct grant *g, u64 len)
{
	u64 all = 0;

	for (u32 i = 0; i < g->n; i++)
		all += g->piece[i].len;
	return len <= all;
}

/* Where byte `at` of a grant is: in a page at *hpa, or if it returns that at an address of the
 * nucleus's. *n is made as small as what goes on from there. */
static __always_inline u8 *locate(const struct grant *g, u64 at, hpa_t *hpa, u32 *n)
{
	const struct bus_piece *p = g->piece;

	while (at >= p->len)
		at -= p++->len;
	*n = (u32)MIN(*n, p->len - at);
	at += p->at;
	if (!g->vm)
		return (u8 *)at;
	*n = (u32)MIN(*n, PAGE_SIZE - (at & ~PAGE_MASK));
	*hpa = vm_ram_at(g->vm, at); /* as fill() has seen, and a VM's RAM stays as it is */
	return NULL;
}

/* [at, end) of `from`, to `to` less `base`; they hold that. */
static void move(const struct grant *to, const struct grant *from, u32 base, u32 at, u32 end)
{
	for (u32 n; at < end; at += n) {
		hpa_t there, here;
		u8 *t, *f;

		n = end - at;
		t = locate(to, at - base, &there, &n);
		f = locate(from, at, &here, &n);
		if (t && f)
			memcpy(t, f, n);
		else if (t)
			window_read(here, t, n);
		else if (f)
			window_write(there, f, n);
		else
			window_copy(there, here, n);
	}
}

static int copy(const struct hrsc *h, u64 to, u64 from, const struct grant *own, u32 at, u32 len)
{
	struct grant *t = to ? find_for(h, to, BUS_WRITE) : NULL;
	const struct grant *f = find_for(h, from, BUS_READ);
	u32 head = MAX(at, MIN(own->piece->len, len));

	if (to ? !t : !f)
		return to ? -ESTALE : -EINVAL;
	if (!f && head < len)
		return -EINVAL;
	if (at > len || len > BUS_COPY_MAX || !holds(t ? t : own, len - at) ||
		(f && !holds(f, len)))
		return -ERANGE;
	if (!t) {
		move(own, f, at, at, len);
		return 0;
	}
	move(t, own, at, at, head);
	if (head < len)
		move(t, f, at, head, len);
	t->handle = 0;
	return 0;
}

int bus_copy(struct hrsc *h, u64 to, u64 from, void *own, u64 lengths)
{
	struct bus_piece piece = { .at = (u64)own, .len = BUS_LENGTHS_OWN(lengths) };
	const struct grant mine = { .piece = &piece, .n = 1 };
	int err;

	if (!l2_gate_copy(h, to, from, lengths))
		return -EPERM;
	lock_take(&lock);
	err = copy(h, to, from, &mine, BUS_FROM(lengths), BUS_ALL(lengths));
	if (!err && (lengths & BUS_TELL))
		err = put(ends[BUS_HANDLE_END(to)], BUS_FRAME_CAME, h->id, to, lengths);
	lock_give(&lock);
	return err;
}
