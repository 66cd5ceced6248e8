/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot option hide=: what the machine has and is to do without (see arch/x86/cpu.h). */
#include "arch/x86/cpu.h"

static char hidden[64]; /* (c) after cpu_hide() */

static const struct {
	const char *name;
	bool *flag;
} maskable[] = {
	{ "xsave", &cpu_features.xsave },
	{ "smep", &cpu_features.smep },
	{ "smap", &cpu_features.smap },
	{ "umip", &cpu_features.umip },
	{ "x2apic", &cpu_features.x2apic },
	{ "rdtscp", &cpu_features.rdtscp },
};

/* One word of the list, up to a comma, against a name with spaces. */
static bool same_name(const char *word, const char *name)
{
	while (*name && *word == (*name == ' ' ? '-' : *name)) {
		word++;
		name++;
	}
	return !*name && (!*word || *word == ',');
}

bool cpu_hidden(const char *name)
{
	for (const char *word = hidden; *word; word++) {
		if ((word == hidden || word[-1] == ',') && same_name(word, name))
			return true;
	}
	return false;
}

void cpu_hide(const char *list)
{
	for (u32 i = 0; i < sizeof(hidden) - 1 && list[i]; i++)
		hidden[i] = list[i];
	for (u32 i = 0; i < ARRAY_LEN(maskable); i++) {
		if (cpu_hidden(maskable[i].name))
			*maskable[i].flag = false;
	}
	cpu_set_modes();
}
