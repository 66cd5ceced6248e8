/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A VM's devices on PCI: statements that each fill the next slot, in the order of the text. Pure.
 */
#include "drivers/config/text.h"
#include "core/lib/string.h"

const char *const config_function_names[FUNCTION_KINDS] = {
	[FUNCTION_DISK] = "blk",
	[FUNCTION_ENTROPY] = "entropy",
};

/* The next slot for what is called `name`; NULL and an error: there is none, or the name is taken.
 */
static struct config_function *add(
	struct config_text *t, struct config_vm *vm, u8 kind, const char *name, struct token at)
{
	struct config_function *f = &vm->functions[vm->nfunctions];

	if (vm->nfunctions == CONFIG_FUNCTIONS) {
		config_fail(t, at.line, at.column, "expected at most %u devices on PCI",
			CONFIG_FUNCTIONS);
		return NULL;
	}
	for (u32 i = 0; i < vm->nfunctions; i++) {
		if (strcmp(vm->functions[i].name, name))
			continue;
		config_fail(t, at.line, at.column,
			"expected a name that no other device has, got \"%s\"", name);
		return NULL;
	}
	vm->nfunctions++;
	*f = (struct config_function){ .kind = kind, .line = at.line, .column = at.column };
	memcpy(f->name, name, CONFIG_NAME);
	return f;
}

int config_read_disk(struct config_text *t, void *to)
{
	static const char *const modes[] = {
		[DISK_RO] = "ro", [DISK_COW] = "cow", [DISK_RW] = "rw"
	};
	struct config_function *f;
	struct token at = t->token;
	char name[CONFIG_NAME];

	if (config_read_name(t, name, "a disk's name"))
		return -EINVAL;
	f = add(t, to, FUNCTION_DISK, name, at);
	if (!f || config_read_string(t, f->source, 1, CONFIG_NAME, "the name of a boot module"))
		return -EINVAL;
	if (t->token.kind != TOKEN_WORD)
		return 0;
	return config_read_choice(t, modes, ARRAY_LEN(modes), &f->mode);
}

/* One that is there or not. */
static int read_switch(struct config_text *t, struct config_vm *vm, u8 kind, const char *name)
{
	static const char *const names[] = { "off", "on" };
	struct token at = t->token;
	char padded[CONFIG_NAME] = { 0 };
	u8 on;

	if (config_read_choice(t, names, ARRAY_LEN(names), &on))
		return -EINVAL;
	memcpy(padded, name, strlen(name));
	return !on || add(t, vm, kind, padded, at) ? 0 : -EINVAL;
}

int config_read_entropy(struct config_text *t, void *to)
{
	return read_switch(t, to, FUNCTION_ENTROPY, "entropy");
}
