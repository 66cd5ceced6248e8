/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The campaign of random faults: vuln=campaign,SEED,FIRST,COUNT. While a VM of that name does its
 * chores (tests/guests/chores.c), one bit of one of its drivers changes in the middle of what that
 * driver does: of its data, of its stack, or of its text, of which these compartments have a copy.
 * Injection number n is a function of the seed and of n alone, so that any part of a campaign can
 * be run by itself.
 *
 * A round of chores is one injection. What it came to is the worst that was seen of it: the
 * compartment failed (crash), ran out of its budget (hang), the guest had a wrong answer, or
 * nothing. Where the driver did not get to the instruction in time there was no fault: such a round
 * is not reached, whatever happened in it, and proves nothing. After a failure the next round is
 * the guest's own: it is without a fault of ours, and has to find all devices at work again.
 */
#include "tests/image/campaign.h"

#include "arch/x86/compartment.h"
#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "arch/x86/trap.h"
#include "boot/layout.h"
#include "core/l1/frame.h"
#include "core/l1/gate.h"
#include "core/l1/log.h"
#include "core/l2/placement.h"
#include "core/l2/vm.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"

#define STEPS_MAX 64  /* instructions into an entry, before the bit changes */
#define REACH	  128 /* bytes of text around the instruction */
#define REPORTS	  100 /* rounds between two lines */

enum target_kind { IN_DATA, IN_STACK, IN_TEXT, KINDS };
enum { CRASH, HANG, WRONG, NOTHING, NOT_REACHED, CLASSES };

/* Where the injection of this round stands. */
enum stage { NONE, COUNTS, WAITS, STEPS, DONE };

extern char image_start[], image_end[], driver_text_start[], text_end[];

static struct {
	bool on;
	u64 seed, next, end;
	struct vm *vm; /* NULL: its first round is not over */
	struct pagetable space;
	u8 *text;		 /* the copy that its compartments run */
	u32 entries[VM_DRIVERS]; /* of each driver in a round */
	u32 generation[VM_DRIVERS];
	enum stage stage;
	struct hrsc *target;
	enum target_kind kind;
	u32 wait, steps; /* entries, then instructions, before the bit changes */
	u64 place;	 /* random: which bit */
	bool recovers;	 /* this round is the one after a failure */
	bool reached;	 /* ... that a fault of ours has led to */
	u64 injected, by_class[CLASSES], by_kind[KINDS], recovered, unprovoked;
} campaign;

/* SplitMix64: one number from two. */
static u64 draw(u64 n, u64 what)
{
	u64 x = campaign.seed + n * 0x9e3779b97f4a7c15ull + what * 0xd1342543de82ef95ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

bool campaign_number(const char **text, u64 *out)
{
	u64 len = 0;

	if (**text != ',')
		return false;
	++*text;
	while ((*text)[len] >= '0' && (*text)[len] <= '9')
		len++;
	if (text_parse_u64(*text, len, out) < 0)
		return false;
	*text += len;
	return true;
}

int campaign_prepare(const char *text)
{
	u64 count;

	if (!campaign_number(&text, &campaign.seed) || !campaign_number(&text, &campaign.next) ||
		!campaign_number(&text, &count))
		return -EINVAL;
	campaign.end = campaign.next + count;
	campaign.on = true;
	return 0;
}

/* Until one that the first round has entered; the same one for the same number. */
static void plan(void)
{
	u64 n = campaign.next;
	u32 i = (u32)(draw(n, 0) % campaign.vm->ndrivers);

	while (!campaign.entries[i])
		i = (i + 1) % campaign.vm->ndrivers;
	campaign.target = campaign.vm->driver[i];
	campaign.kind = draw(n, 1) % KINDS;
	campaign.wait = (u32)(draw(n, 2) % campaign.entries[i]);
	campaign.steps = (u32)(draw(n, 3) % STEPS_MAX);
	campaign.place = draw(n, 4);
	campaign.stage = WAITS;
}

static u8 *byte_to_change(const struct trap_frame *f)
{
	const struct compartment *c = campaign.target->compartment;
	u64 length = (u64)(text_end - driver_text_start), at = campaign.place >> 3;

	switch (campaign.kind) {
	case IN_DATA:
		return (u8 *)campaign.target->data + at % campaign.target->driver->state_size;
	case IN_STACK:
		at = 1 + at % MAX(COMPARTMENT_STACK - f->rsp, 8);
		return c->stack + COMPARTMENT_STACK_PAGES * PAGE_SIZE - at;
	default:
		at = f->rip - (u64)driver_text_start + at % REACH;
		return campaign.text + MIN(at > REACH / 2 ? at - REACH / 2 : 0, length - 1);
	}
}

static bool has_failed(u32 i)
{
	const struct hrsc *h = campaign.vm->driver[i];

	return h->state != HRSC_LIVE || h->generation != campaign.generation[i];
}

/* The text is read-only in earnest: what a microreboot finds of it is as it was. */
static void repair_text(void)
{
	if (campaign.kind == IN_TEXT)
		memcpy(campaign.text, driver_text_start, (u64)(text_end - driver_text_start));
}

static void look_at(u32 i)
{
	if (campaign.stage == COUNTS)
		campaign.entries[i]++;
	if (campaign.stage == DONE && has_failed(i))
		repair_text();
}

void campaign_entry(struct compartment *c)
{
	for (u32 i = 0; campaign.vm && i < campaign.vm->ndrivers; i++) {
		if (campaign.vm->driver[i]->compartment == c)
			look_at(i);
	}
	if (!campaign.target || campaign.target->compartment != c)
		return;
	if (campaign.stage == WAITS && !campaign.wait--)
		campaign.stage = STEPS;
	if (campaign.stage == STEPS)
		c->rflags |= RFLAGS_TF;
}

bool campaign_step(struct trap_frame *f)
{
	u8 *byte;

	if (f->vector != VECTOR_DB || campaign.stage != STEPS ||
		campaign.target->compartment != this_cpu(compartment))
		return false;
	if (campaign.steps) {
		campaign.steps--;
		return true;
	}
	byte = byte_to_change(f);
	*byte ^= (u8)BIT(campaign.place & 7);
	f->rflags &= ~RFLAGS_TF;
	campaign.target->compartment->rflags &= ~RFLAGS_TF;
	campaign.stage = DONE;
	return true;
}

static bool is_text(u64 va)
{
	return va >= (u64)driver_text_start && va < (u64)text_end;
}

/* A page as all compartments have it, but for the drivers' text. */
static int map_page(u64 va)
{
	u32 level;
	u64 e = pt_lookup(&compartment_image, va, &level);
	hpa_t pa = is_text(va) ? virt_to_hpa(campaign.text + (va - (u64)driver_text_start))
			       : HPA(e & 0x000ffffffffff000ull);
	u32 prot = PROT_READ | (e & BIT(1) ? PROT_WRITE : 0) | (e & BIT(2) ? PROT_USER : 0) |
		   (e & BIT(63) ? 0 : PROT_EXEC);

	return e ? pt_map(&campaign.space, va, pa, PAGE_SIZE, prot) : 0;
}

static int copy_text(void)
{
	u64 length = ALIGN_UP((u64)(text_end - driver_text_start), PAGE_SIZE);
	int err = pt_init(&campaign.space, &compartment_format, OWNER_NONE);

	campaign.text = pages_alloc((u32)(length / PAGE_SIZE), FRAME_COMPARTMENT);
	if (err || !campaign.text)
		return -ENOMEM;
	memcpy(campaign.text, driver_text_start, length);
	for (u64 va = (u64)image_start; !err && va < (u64)image_end; va += PAGE_SIZE)
		err = map_page(va);
	return err;
}

/* The VM's compartments share a copy of the drivers' text, as others share the image's. */
static void use_copy(struct vm *vm)
{
	for (u32 i = 0; i < vm->ndrivers; i++) {
		struct compartment *c = vm->driver[i]->compartment;

		if (c)
			l1_gate_table_write(
				&c->space.root[IMAGE_SLOT], campaign.space.root[IMAGE_SLOT]);
	}
}

static u32 judge(u64 wrong)
{
	for (u32 i = 0; i < campaign.vm->ndrivers; i++) {
		if (has_failed(i))
			return campaign.vm->driver[i]->compartment->fault.cause == CAUSE_BUDGET
				       ? HANG
				       : CRASH;
	}
	return wrong ? WRONG : NOTHING;
}

static void say(void)
{
	const u64 *n = campaign.by_class;

	log_info("CAMPAIGN next %lu injected %lu crash %lu hang %lu wrong %lu nothing %lu "
		 "not_reached %lu recovered %lu unprovoked %lu data %lu stack %lu text %lu",
		campaign.next, campaign.injected, n[CRASH], n[HANG], n[WRONG], n[NOTHING],
		n[NOT_REACHED], campaign.recovered, campaign.unprovoked, campaign.by_kind[IN_DATA],
		campaign.by_kind[IN_STACK], campaign.by_kind[IN_TEXT]);
}

/* What is left of a fault that did no harm goes; the others are for the reactions to mend. */
static void clean(bool failed)
{
	repair_text();
	if (failed)
		return;
	lock_take(&campaign.vm->lock);
	driver_start(campaign.target);
	lock_give(&campaign.vm->lock);
}

static void next(void)
{
	const struct vm *vm = campaign.vm;

	for (u32 i = 0; i < vm->ndrivers; i++)
		campaign.generation[i] = vm->driver[i]->generation;
	if (campaign.recovers)
		return;
	plan();
}

static void settle(u64 wrong)
{
	bool reached = campaign.stage == DONE;
	u32 class = judge(wrong);

	campaign.stage = NONE;
	campaign.target->compartment->rflags &= ~RFLAGS_TF;
	campaign.reached = reached;
	campaign.recovers = class == CRASH || class == HANG;
	campaign.injected += reached;
	campaign.unprovoked += !reached && class != NOTHING;
	campaign.by_class[reached ? class : NOT_REACHED]++;
	campaign.by_kind[campaign.kind] += reached;
	clean(campaign.recovers);
	if (++campaign.next % REPORTS == 0)
		say();
}

static int begin(struct vm *vm)
{
	if (copy_text() < 0)
		return -ENOMEM;
	use_copy(vm);
	campaign.vm = vm;
	campaign.stage = COUNTS;
	return 0;
}

s64 campaign_round(struct vm *vm, u64 wrong)
{
	if (!campaign.on)
		return -ENOSYS;
	if (!campaign.vm)
		return begin(vm);
	if (campaign.recovers) {
		if (wrong)
			log_warn("CAMPAIGN fault %lu in %s: %lu wrong answers after it",
				campaign.next - 1, campaign.target->name, wrong);
		campaign.recovered += campaign.reached && !wrong;
		campaign.recovers = false;
	} else if (campaign.stage != COUNTS) {
		settle(wrong);
	}
	if (campaign.next >= campaign.end && !campaign.recovers) {
		say();
		return -ENOENT;
	}
	next();
	return 0;
}
