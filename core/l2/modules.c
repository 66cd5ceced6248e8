/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot modules. */
#include "core/l2/modules.h"

#include "arch/x86/paging.h"
#include "arch/x86/seal.h"
#include "core/lib/string.h"

#define MODULE_NAME 32

static struct load_source modules[MODULES_MAX] __sealed;
static char names[MODULES_MAX][MODULE_NAME] __sealed;
static u32 count __sealed;

int module_add(const char *name, u32 name_len, hpa_t hpa, u64 len)
{
	u32 n = MIN(name_len, MODULE_NAME - 1u);
	const void *data;

	if (count == MODULES_MAX)
		return -ENOSPC;
	data = len ? host_map(hpa, len, PROT_READ) : (const void *)"";
	if (!data)
		return -ENOMEM;
	memcpy(names[count], name, n);
	modules[count] = (struct load_source){ names[count], data, len };
	count++;
	return 0;
}

const struct load_source *module_find(const char *name)
{
	for (u32 i = 0; i < count; i++) {
		if (!strcmp(modules[i].name, name))
			return &modules[i];
	}
	return NULL;
}
