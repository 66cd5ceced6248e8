/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of hypervisor resources. */
#include "core/hrsc.h"

#include "core/lib/text.h"

struct hrsc host_hrsc = { .state = HRSC_LIVE, .name = "host" };

struct hrsc *hrsc_table[HRSC_MAX] = { &host_hrsc };
static u32 generations;

int hrsc_add(struct hrsc *h, enum hrsc_kind kind, u16 vm_id, const char *name)
{
	for (u16 id = 1; id < HRSC_MAX; id++) {
		if (hrsc_table[id])
			continue;
		hrsc_table[id] = h;
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
	if (h->state == HRSC_FREE || hrsc_table[h->id] != h)
		return;
	hrsc_table[h->id] = NULL;
	h->state = HRSC_FREE;
}
