/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Console commands: an open set, each registered beside what it shows.
 */
#pragma once

#include "core/lib/types.h"

#define COMMAND_ARGS 8

struct command {
	const char *name;
	const char *usage; /* "exits [NAME]"; one word alone: run() is never given arguments */
	const char *help;  /* one line, at most 60 columns */
	/* argv[0] is the name. Prints with out(). Returns 0, or -EINVAL to have the usage shown. */
	int (*run)(int argc, char **argv);
};

#define COMMAND_REGISTER(cmd)                                                                      \
	static const struct command *const cmd##_entry __used __section("kfv_commands") = &(cmd)

/* COMMAND(vms, .usage = "vms", .help = "lists the VMs"): run by vms_run(). */
#define COMMAND(id, ...)                                                                           \
	static const struct command id##_command = { .name = #id, .run = id##_run, __VA_ARGS__ };  \
	COMMAND_REGISTER(id##_command)

/* Runs one line as typed. Unknown commands are answered with a hint. */
void command_run(char *line);
/* The name of the index-th command, NULL after the last. */
const char *command_name(u32 index);
