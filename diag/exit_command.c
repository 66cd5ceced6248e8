/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `exits`: how often each VM left guest mode, for which reason, and how long it took us, as a
 * histogram of TSC ticks. Nothing is wider than 80 columns.
 */
#include "core/l1/command.h"

#include "core/l1/log.h"
#include "core/l2/vm.h"
#include "core/lib/fmt.h"

#define CELL 6

/* At most five characters, whatever the number. */
static const char *short_number(char cell[CELL], u64 n)
{
	static const char units[] = " kMGTPE";
	u32 unit = 0;

	for (; n > (unit ? 999 : 9999); n /= 1000)
		unit++;
	if (unit)
		fmt_string(cell, CELL, "%lu%c", n, units[unit]);
	else
		fmt_string(cell, CELL, "%lu", n);
	return cell;
}

static void add(struct exit_stats *sum, const struct exit_stats *s)
{
	sum->ticks += s->ticks;
	for (u32 i = 0; i < HISTOGRAM_SLOTS; i++)
		sum->slots[i] += s->slots[i];
}

static u64 count(const struct exit_stats *s)
{
	u64 n = 0;

	for (u32 i = 0; i < HISTOGRAM_SLOTS; i++)
		n += s->slots[i];
	return n;
}

static void print_kind(const char *name, const struct exit_stats *s)
{
	u64 all = count(s);
	char cell[CELL];

	out("%-12s %10lu %10lu ", name, all, all ? s->ticks / all : 0);
	for (u32 i = 0; i < HISTOGRAM_SLOTS; i++)
		out("%5s", s->slots[i] ? short_number(cell, s->slots[i]) : ".");
	out("\n");
}

static void print_exits(const struct vm *vm)
{
	struct exit_stats all = { 0 };

	out("%s\n", vm->name);
	out("EXIT              COUNT TICKS EACH  <256  <1k  <4k <16k <64k<256k  <1M more\n");
	for (u32 kind = 0; kind < EXIT_KINDS; kind++) {
		struct exit_stats sum = { 0 };

		for (u32 i = 0; i < vm->nvcpus; i++)
			add(&sum, &vm->vcpu[i]->stats[kind]);
		if (count(&sum))
			print_kind(exit_names[kind], &sum);
		add(&all, &sum);
	}
	print_kind("all", &all);
}

static int exits_run(int argc, char **argv)
{
	const struct vm *one = argc == 2 ? vm_find(argv[1]) : NULL;

	if (argc > 2)
		return -EINVAL;
	if (argc == 2 && !one) {
		out("There is no VM \"%s\"; \"vms\" lists them.\n", argv[1]);
		return 0;
	}
	for (u32 id = 1; id <= VM_MAX; id++)
		if (vms[id] && (!one || one == vms[id]))
			print_exits(vms[id]);
	return 0;
}

COMMAND(exits, .usage = "exits [NAME]", .help = "counts exits by kind, with the time they took us");
