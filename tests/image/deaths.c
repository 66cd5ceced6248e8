/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deaths under load: vuln=deaths,SEED,MS. Each device on PCI and each switch dies again and again,
 * MS milliseconds after the last time or later: within its next entry, behind a random number of
 * instructions, or, if that is over before, in the one after it. What it was at is for the
 * microreboot to finish. Tests say who dies next themselves.
 */
#include "tests/image/deaths.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "core/hrsc.h"
#include "core/l1/time.h"
#include "core/lib/text.h"
#include "drivers/api/driver.h"
#include "kfv/hook.h"
#include "tests/image/campaign.h"

#define STEPS_MAX 400

static struct {
	u64 every_ns, place;   /* 0: nobody dies; place: random */
	u64 next_ns[HRSC_MAX]; /* (o) of each driver: when it may die again */
	u32 steps[HRSC_MAX];   /* (o) instructions that it has left; 0: it goes on living */
	u32 next, times;       /* who dies at once, and how often */
} deaths;

int deaths_prepare(const char *text)
{
	u64 ms;

	if (!campaign_number(&text, &deaths.place) || !campaign_number(&text, &ms) || *text)
		return -EINVAL;
	deaths.every_ns = ms * 1000000;
	return 0;
}

void deaths_next(const struct hrsc *h, u32 n)
{
	deaths.next = h->id;
	deaths.times = n;
}

static u32 draw(void)
{
	deaths.place = deaths.place * 6364136223846793005ull + 1442695040888963407ull;
	return 1 + (deaths.place >> 33) % STEPS_MAX;
}

void deaths_entry(struct compartment *c)
{
	const struct hrsc *h = this_cpu(running);
	u64 now;

	if (!h || h->compartment != c)
		return;
	if (deaths.times && deaths.next == h->id) {
		deaths.times--;
		deaths.steps[h->id] = 1;
		c->rflags |= RFLAGS_TF;
		return;
	}
	if (!deaths.every_ns || !(h->armed & HOOK_BIT(HOOK_L1_FAULT)) || /* nobody would mend it */
		(h->driver->role != PEER_FUNCTION && h->driver->role != PEER_SWITCH))
		return;
	now = time_now_ns();
	if (!deaths.steps[h->id]) {
		if (now < deaths.next_ns[h->id])
			return;
		deaths.next_ns[h->id] = now + deaths.every_ns;
		deaths.steps[h->id] = draw();
	}
	c->rflags |= RFLAGS_TF;
}

bool deaths_step(struct trap_frame *f)
{
	const struct hrsc *h = this_cpu(running);

	if (f->vector != VECTOR_DB || !h || !deaths.steps[h->id])
		return false;
	if (--deaths.steps[h->id])
		return true;
	h->compartment->rflags &= ~RFLAGS_TF;
	return false; /* this is how it dies: a #DB that nobody expects */
}
