/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot modules. */
#include "core/l2/modules.h"

#include "arch/x86/seal.h"
#include "core/lib/string.h"

struct load_source modules[MODULES_MAX] __sealed;
u32 module_count __sealed;

const struct load_source *module_find(const char *name)
{
	for (u32 i = 0; i < module_count; i++) {
		if (!strcmp(modules[i].name, name))
			return &modules[i];
	}
	return NULL;
}
