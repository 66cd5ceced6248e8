/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry of console commands, and how a typed line becomes one of them. */
#include "core/l1/command.h"

#include "core/l1/log.h"
#include "core/lib/string.h"

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

/* Cuts the next word out of *line in place; a quoted one may hold spaces. NULL: no more. */
static char *next_word(char **line)
{
	char *from = *line, *word, end = ' ';

	while (*from == ' ')
		from++;
	if (!*from)
		return NULL;
	if (*from == '"' || *from == '\'')
		end = *from++;
	word = from;
	while (*from && *from != end)
		from++;
	*line = *from ? from + 1 : from;
	*from = 0;
	return word;
}

void command_run(char *line)
{
	char *argv[COMMAND_ARGS + 1], *word;
	const struct command *c;
	int argc = 0;

	while (argc < COMMAND_ARGS && (word = next_word(&line)))
		argv[argc++] = word;
	if (!argc)
		return;
	argv[argc] = NULL;
	c = find(argv[0]);
	if (!c)
		out("There is no command \"%s\"; \"help\" lists them.\n", argv[0]);
	else if (next_word(&line) || (argc > 1 && !strchr(c->usage, ' ')) ||
		 c->run(argc, argv) == -EINVAL)
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
