/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making compartments, and what ends one that goes wrong. Whatever it does leads to
 * compartment_abort(), which forgets all that the nucleus was doing for it since it was entered.
 */
#include "arch/x86/compartment.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/seal.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/lib/string.h"

#define STACK_LOW	 (COMPARTMENT_STACK - COMPARTMENT_STACK_PAGES * PAGE_SIZE)
#define STACK_RESERVE	 1024 /* what an entry finds at least */
#define STATE_PAGES_MAX	 ((STACK_LOW - COMPARTMENT_STATE) / PAGE_SIZE - 2)
#define POOL_SLOT	 ((DIRECT_BASE >> 39) & 511)
#define CALL_FRAME_BYTES 40
#define PTE_DIRTY	 BIT(6)

/*
 * A budget is so many ticks of the timer in one entry, not a length of time: where this machine
 * itself is held up, no driver is to blame for it.
 */
#define TICK_NS	     3000000ull
#define BUDGET_TICKS 16

#define CROSSINGS_MAX 8

ASSERT_OFFSET(struct compartment, cr3, COMPARTMENT_CR3);
ASSERT_OFFSET(struct compartment, sp, COMPARTMENT_SP);
ASSERT_OFFSET(struct compartment, rflags, COMPARTMENT_RFLAGS);
ASSERT_OFFSET(struct compartment, doomed, COMPARTMENT_DOOMED);
ASSERT_OFFSET(struct compartment, data, COMPARTMENT_DATA);

u64 compartment_enter(struct compartment *c, const void *fn, u64 a, u64 b, u64 x, u64 y);
void compartment_leave(void) __noreturn; /* not as C calls: with RAX */
void compartment_bad_call(u64 number) __noreturn;

u64 host_cr3 __sealed;
struct pagetable compartment_image __sealed;

/* One after the other, each as it is seen from inside. */
static int map(struct compartment *c, u64 va, const u8 *pages, u32 npages)
{
	return pt_map(&c->space, va, virt_to_hpa(pages), npages * PAGE_SIZE, PROT_RW | PROT_USER);
}

static int build(struct compartment *c)
{
	int err = pt_init(&c->space, &compartment_format, OWNER_COMPARTMENT);

	if (!err)
		err = map(c, COMPARTMENT_STATE, c->state, c->state_pages);
	if (!err)
		err = map(c, STACK_LOW, c->stack, COMPARTMENT_STACK_PAGES);
	if (err)
		return err;
	c->leaf = pt_entry_make(&c->space, COMPARTMENT_STATE, 1); /* it is there */
	l1_gate_table_write(&c->space.root[IMAGE_SLOT], compartment_image.root[IMAGE_SLOT]);
	l1_gate_table_write(&c->space.root[POOL_SLOT], host_tables.root[POOL_SLOT]);
	c->cr3 = virt_to_hpa(c->space.root).v;
	return 0;
}

int compartment_create(struct compartment *c, u32 state_bytes)
{
	int err = -ENOMEM;

	c->state_pages = PAGES_FOR(state_bytes);
	CHECK(c->state_pages <= STATE_PAGES_MAX);
	c->data = COMPARTMENT_STATE + c->state_pages * PAGE_SIZE - ALIGN_UP(state_bytes, 8);
	c->state = pages_alloc(c->state_pages, FRAME_COMPARTMENT);
	c->kept = pages_alloc(c->state_pages, FRAME_DATA);
	c->stack = pages_alloc(COMPARTMENT_STACK_PAGES, FRAME_COMPARTMENT);
	if (c->state && c->kept && c->stack)
		err = build(c);
	if (!err)
		compartment_reset(c);
	return err;
}

int compartment_share(struct compartment *c, u8 *pages, u32 npages)
{
	c->shared = pages;
	c->shared_len = npages * PAGE_SIZE;
	return npages ? map(c, COMPARTMENT_SHARED, pages, npages) : 0;
}

void *compartment_data(const struct compartment *c)
{
	return c->state + (c->data - COMPARTMENT_STATE);
}

/*
 * SDM, "Accessed and Dirty Flags": the CPU sets them without telling, and has none in its TLB that
 * it may forget, as each entry loads CR3.
 */
static __noinline void keep_written(struct compartment *c, u64 from, bool all)
{
	for (u32 i = 0; i < c->state_pages; i++, from = i * PAGE_SIZE) {
		if (!all && !(c->leaf[i] & PTE_DIRTY))
			continue;
		if (!all)
			l1_gate_table_write(&c->leaf[i], c->leaf[i] & ~PTE_DIRTY);
		memcpy(c->kept + from, c->state + from, (i + 1) * PAGE_SIZE - from);
	}
}

/* A single page is copied without being asked about. */
void compartment_keep(struct compartment *c, bool all)
{
	u64 from = c->data - COMPARTMENT_STATE;

	if (c->state_pages > 1)
		keep_written(c, from, all);
	else
		memcpy(c->kept + from, c->state + from, PAGE_SIZE - from);
}

static void renew(struct compartment *c)
{
	c->secret = rdtsc() * 0x9e3779b97f4a7c15ull;
	c->sp = COMPARTMENT_STACK;
	c->rflags = RFLAGS_FIXED | RFLAGS_IF;
	c->doomed = false;
	memset(c->stack, 0, COMPARTMENT_STACK_PAGES * PAGE_SIZE);
	*(u64 *)c->stack = c->secret;
}

void compartment_restore(struct compartment *c)
{
	renew(c);
	memcpy(c->state, c->kept, c->state_pages * PAGE_SIZE);
}

void compartment_reset(struct compartment *c)
{
	memset(c->kept, 0, c->state_pages * PAGE_SIZE);
	compartment_restore(c);
}

void compartment_destroy(struct compartment *c)
{
	if (c->space.root) {
		l1_gate_table_write(&c->space.root[IMAGE_SLOT], 0);
		l1_gate_table_write(&c->space.root[POOL_SLOT], 0);
	}
	pt_destroy(&c->space);
	if (c->state)
		pages_free(c->state, c->state_pages);
	if (c->kept)
		pages_free(c->kept, c->state_pages);
	if (c->stack)
		pages_free(c->stack, COMPARTMENT_STACK_PAGES);
}

static void fail(struct compartment *c, u64 cause, u64 error, u64 rip, u64 address)
{
	if (!c->doomed)
		c->fault = (struct compartment_fault){ cause, error, rip, address };
	c->doomed = true;
}

void compartment_doom(struct compartment *c)
{
	fail(c, CAUSE_ORDER, 0, 0, 0);
}

void compartment_abort(u64 cause, u64 error, u64 rip, u64 address)
{
	fail(this_cpu(compartment), cause, error, rip, address);
	asm volatile("jmp compartment_leave" ::"a"(~0ull));
	__builtin_unreachable();
}

/* What the nucleus writes for it is as dirty as what it writes itself. */
static void soil(const struct compartment *c, u64 from, u64 end)
{
	for (u64 i = from / PAGE_SIZE; i * PAGE_SIZE < end && c->state_pages > 1; i++)
		if (!(c->leaf[i] & PTE_DIRTY))
			l1_gate_table_write(&c->leaf[i], c->leaf[i] | PTE_DIRTY);
}

void *compartment_buffer(const struct compartment *c, u64 at, u64 len)
{
	u64 data = c->state_pages * PAGE_SIZE, stack = COMPARTMENT_STACK_PAGES * PAGE_SIZE;
	u64 from = at - COMPARTMENT_STATE;

	if (from < data && len <= data - from) {
		soil(c, from, from + len);
		return c->state + from;
	}
	if (at - STACK_LOW < stack && len <= stack - (at - STACK_LOW))
		return c->stack + (at - STACK_LOW);
	if (at - COMPARTMENT_SHARED < c->shared_len &&
		len <= c->shared_len - (at - COMPARTMENT_SHARED))
		return c->shared + (at - COMPARTMENT_SHARED);
	return NULL;
}

u64 compartment_caller(void)
{
	return *(u64 *)(this_cpu(tss.rsp[0]) - CALL_FRAME_BYTES);
}

void compartment_bad_call(u64 number)
{
	compartment_abort(CAUSE_CALL, number, compartment_caller(), 0);
}

/* A fault beside the stack or the data is what a run over their ends looks like. */
static u64 cause_of(const struct trap_frame *f, u64 address)
{
	const struct compartment *c = this_cpu(compartment);
	u64 state_end = COMPARTMENT_STATE + c->state_pages * PAGE_SIZE;

	if (f->vector != VECTOR_PF)
		return f->vector;
	if (address - (STACK_LOW - PAGE_SIZE) < PAGE_SIZE)
		return CAUSE_STACK;
	return address - state_end < PAGE_SIZE ? CAUSE_DATA : VECTOR_PF;
}

static void tick(const struct trap_frame *f)
{
	if (++this_cpu(compartment)->ticks >= BUDGET_TICKS)
		compartment_abort(CAUSE_BUDGET, 0, f->rip, 0);
	time_arm(time_now_ns() + TICK_NS);
}

void compartment_trap(struct trap_frame *f)
{
	u64 address = f->vector == VECTOR_PF ? cr2_read() : 0;

	if (f->vector < 32 && planted_step(f))
		return;
	if (f->vector < 32)
		compartment_abort(cause_of(f, address), f->error, f->rip, address);
	trap_interrupt((u8)f->vector);
	this_cpu(interrupted) = true;
	if (f->vector == VECTOR_TIMER)
		tick(f);
}

/* The next tick comes soon enough. */
static void watch(void)
{
	u64 soon = time_now_ns() + TICK_NS;

	if (!this_cpu(timer_deadline_ns) || this_cpu(timer_deadline_ns) > soon)
		time_arm(soon);
}

static void check(struct compartment *c)
{
	if (*(u64 *)c->stack != c->secret)
		fail(c, CAUSE_STACK, 0, 0, STACK_LOW);
}

/* Prepares the entry's stack; false: there is no room for it. */
static bool begin(struct compartment *c)
{
	u64 sp = (c->sp & ~15ull) - 8;

	if (sp < STACK_LOW + STACK_RESERVE || sp >= COMPARTMENT_STACK)
		return false;
	*(u64 *)(c->stack + (sp - STACK_LOW)) = (u64)compartment_done;
	c->sp = sp;
	if (!c->entries++)
		c->ticks = 0;
	this_cpu(crossings)++;
	planted_entry(c);
	watch();
	return true;
}

u64 compartment_call(struct compartment *c, const struct compartment_call *call)
{
	u64 sp = c->sp, value;

	if (this_cpu(crossings) == CROSSINGS_MAX) {
		/* Whoever went so far, not the one that would be next. */
		fail(this_cpu(compartment), CAUSE_NESTING, 0, compartment_caller(), 0);
		return ~0ull;
	}
	if (c->doomed || !begin(c)) {
		fail(c, CAUSE_STACK, 0, (u64)call->fn, sp);
		return ~0ull;
	}
	value = compartment_enter(c, call->fn, call->a, call->b, call->x, call->y);
	this_cpu(crossings)--;
	c->entries--;
	c->sp = sp;
	check(c);
	return likely(!c->doomed) ? value : ~0ull;
}

u64 compartment_give(struct compartment *c, const void *data, u32 len)
{
	c->sp = (c->sp - len) & ~15ull;
	memcpy(c->stack + (c->sp - STACK_LOW), data, len);
	return c->sp;
}
