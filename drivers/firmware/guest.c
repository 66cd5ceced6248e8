/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM's kernel with all that its configuration gives it, by whichever loader the kernel needs. */
#include "core/lib/fmt.h"
#include "drivers/api/config.h"
#include "drivers/api/guest_acpi.h"
#include "drivers/api/load.h"

/* Where a configuration's modules are looked for; the first one that is missing is named. */
struct search {
	const struct load_source *(*find)(const char *name);
	struct load_error *err;
};

static const struct load_source *need(const struct search *s, const char *name)
{
	const struct load_source *m = s->find(name);

	if (!m)
		fmt_string(s->err->message, sizeof(s->err->message),
			"expected a boot module named %s, found none", name);
	return m;
}

/* The initrd and the modules in their order, of which there are *n; false: one is missing. */
static bool gather(const struct search *s, const struct config_vm *c,
	struct load_source out[CONFIG_MODULES + 1], u32 *n)
{
	for (u32 i = 0; i <= c->nmodules; i++) {
		const char *name = i ? c->modules[i - 1] : c->initrd;
		const struct load_source *m = *name ? need(s, name) : NULL;

		if (*name && !m)
			return false;
		if (m)
			out[(*n)++] = *m;
	}
	return true;
}

int load_guest(struct guest_memory *memory, const struct config_vm *c,
	const struct load_source *(*find)(const char *name), struct boot_state *out,
	struct load_error *err)
{
	const struct search search = { find, err };
	const struct load_source *kernel = need(&search, c->kernel);
	struct load_source modules[CONFIG_MODULES + 1];
	u32 n = 0;
	u64 rsdp;
	int status;

	if (!kernel || !gather(&search, c, modules, &n))
		return -ENOENT;
	if (load_is_multiboot(kernel))
		status = load_multiboot(memory, kernel, modules, n, c->cmdline, out, err);
	else
		status = load_linux(
			memory, kernel, c->initrd[0] ? &modules[0] : NULL, c->cmdline, out, err);
	return status ? status : guest_acpi_build(memory, c->vcpus, &rsdp);
}
