/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's disks: which boot modules they are, and how many blocks of memory their copies need. */
#include "drivers/api/config.h"
#include "drivers/api/load.h"

#include "core/lib/fmt.h"

static int refuse(struct load_error *err, const struct config_function *f, bool found)
{
	fmt_string(err->message, sizeof(err->message),
		"line %u, disk %s: expected a boot module %s of whole sectors of %u bytes, found %s",
		f->line, f->name, f->source, LOAD_SECTOR, found ? "another size" : "none");
	return found ? -EINVAL : -ENOENT;
}

int load_disks(const struct config_vm *c, const struct load_source *(*find)(const char *name),
	struct guest_disk *disks, u32 *blocks, struct load_error *err)
{
	for (u32 i = 0; i < c->nfunctions; i++) {
		const struct config_function *f = &c->functions[i];
		const struct load_source *m;

		if (f->kind != FUNCTION_DISK)
			continue;
		m = find(f->source);
		if (!m || !m->len || m->len % LOAD_SECTOR)
			return refuse(err, f, m);
		disks[i + 1] = (struct guest_disk){ m, *blocks, f->mode };
		if (f->mode != DISK_RO)
			*blocks += (u32)(ALIGN_UP(m->len, BLOCK_SIZE) / BLOCK_SIZE);
	}
	return 0;
}
