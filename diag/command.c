/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of console commands, how a typed line becomes one of them, and the first two. */
#include "core/l1/command.h"

#include "core/l1/log.h"
#include "core/l2/typing.h"
#include "core/lib/string.h"
#include "drivers/api/line.h"

extern const struct command *const __start_kfv_commands[], *const __stop_kfv_commands[];

const char *command_name(u32 index)
{
	if (index >= (u32)(__stop_kfv_commands - __start_kfv_commands))
		return NULL;
	return __start_kfv_commands[index]->name;
}

static const struct command *find(const char *name)
{
	for (const struct command *const *c = __start_kfv_commands; c < __stop_kfv_commands; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

void command_run(char *line)
{
	char *argv[COMMAND_ARGS + 2]; /* one too many is told from as many as there may be */
	u32 argc = line_words(line, argv, COMMAND_ARGS + 1);
	const struct command *c;

	if (!argc)
		return;
	argv[argc] = NULL;
	c = find(argv[0]);
	if (!c)
		out("There is no command \"%s\"; \"help\" lists them.\n", argv[0]);
	else if (argc > COMMAND_ARGS || (argc > 1 && !strchr(c->usage, ' ')) ||
		 c->run((int)argc, argv) == -EINVAL)
		out("usage: %s\n", c->usage);
}

/* The commands come in link order: shown by name. */
static const struct command *next_by_name(const char *after)
{
	const struct command *next = NULL;

	for (const struct command *const *c = __start_kfv_commands; c < __stop_kfv_commands; c++)
		if (strcmp((*c)->name, after) > 0 && (!next || strcmp((*c)->name, next->name) < 0))
			next = *c;
	return next;
}

static int help_run(int argc, char **argv)
{
	const struct command *c;

	if (argc > 2)
		return -EINVAL;
	if (argc == 2) {
		c = find(argv[1]);
		if (!c)
			return -EINVAL;
		out("%s: %s\n", c->usage, c->help);
		return 0;
	}
	for (c = next_by_name(""); c; c = next_by_name(c->name))
		out("  %-10s %s\n", c->name, c->help);
	out("Ctrl-] and a digit switch the console: 0 is this one, 1 to 9 are the VMs by id.\n");
	return 0;
}

COMMAND(help, .usage = "help [COMMAND]", .help = "lists the commands, or shows how one is used");

static int focus_run(int argc, char **argv)
{
	if (argc != 2)
		return -EINVAL;
	if (!console_focus(argv[1]))
		out("There is no VM \"%s\"; \"vms\" lists them.\n", argv[1]);
	return 0;
}

COMMAND(focus, .usage = "focus kfv|NAME",
	.help = "gives the serial line to a VM, as Ctrl-] and its id do");
