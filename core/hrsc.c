/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of hypervisor resources. */
#include "core/hrsc.h"

#include "core/lib/text.h"

struct hrsc host_hrsc = { .state = HRSC_LIVE, .name = "host" };

static struct hrsc *table[HRSC_MAX] = { &host_hrsc }; /* (o) */
static u32 generations;

int hrsc_add(struct hrsc *h, enum hrsc_kind kind, u16 vm_id, const char *name)
{
	for (u16 id = 1; id < HRSC_MAX; id++) {
		if (table[id])
			continue;
		table[id] = h;
		h->id = id;
		h->kind = kind;
		h->vm_id = vm_id;
		h->state = HRSC_LIVE;
		h->generation = ++generations;
		(void)text_copy(h->name, sizeof(h->name), name);
		return 0;
	}
	return -ENOSPC;
}

void hrsc_remove(struct hrsc *h)
{
	if (h->state == HRSC_FREE || table[h->id] != h)
		return;
	table[h->id] = NULL;
	h->state = HRSC_FREE;
}

struct hrsc *hrsc_get(u16 id)
{
	return id < HRSC_MAX ? table[id] : NULL;
}
