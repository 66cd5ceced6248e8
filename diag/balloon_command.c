/* SPDX-License-Identifier: BSD-2-Clause */
/* The command balloon: what a VM is asked to give back of its memory, and what it gave. */
#include "core/l1/command.h"

#include "core/l1/log.h"
#include "core/l2/gate.h"
#include "core/l2/vm.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"

#define PAGES_PER_MIB (MIB(1) / PAGE_SIZE)

static struct hrsc *find_balloon(const struct vm *vm)
{
	for (u32 i = 0; i < vm->config->nfunctions; i++)
		if (vm->config->functions[i].kind == FUNCTION_BALLOON)
			return vm->peer[PEER_FUNCTION + i + 1];
	return NULL;
}

static u64 ask(struct vm *vm, u32 fn, u64 a)
{
	u64 answer;

	lock_take(&vm->lock);
	answer = l2_gate_call(&host_hrsc, find_balloon(vm), fn, a, 0);
	lock_give(&vm->lock);
	return answer;
}

static int balloon_run(int argc, char **argv)
{
	struct vm *vm = argc >= 2 ? vm_find(argv[1]) : NULL;
	u64 mib;

	if (argc < 2 || argc > 3)
		return -EINVAL;
	if (!vm || !find_balloon(vm)) {
		out("There is no VM \"%s\" with a balloon.\n", argv[1]);
		return 0;
	}
	if (argc == 3) {
		if (text_parse_u64(argv[2], strlen(argv[2]), &mib) < 0 ||
			mib > vm->memory_bytes >> 20)
			return -EINVAL;
		ask(vm, BUS_BALLOON, mib * PAGES_PER_MIB);
	}
	out("%s: asked for %lu MiB, gave %lu pages, which are %lu MiB.\n", vm->name,
		ask(vm, BUS_INFO, 2) / PAGES_PER_MIB, ask(vm, BUS_INFO, 3),
		ask(vm, BUS_INFO, 3) / PAGES_PER_MIB);
	return 0;
}

COMMAND(balloon, .usage = "balloon NAME [MIB]",
	.help = "memory that a VM is asked to give back, and what it gave");
