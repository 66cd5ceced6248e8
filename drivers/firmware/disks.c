/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's disks: which boot modules they are, and how many blocks of memory their copies, or what
 * is written over physical ones, need. */
#include "drivers/api/config.h"
#include "drivers/api/driver.h"
#include "drivers/api/load.h"

#include "core/lib/fmt.h"
#include "core/lib/string.h"

static int refuse(struct load_error *err, const struct config_function *f, bool found)
{
	fmt_string(err->message, sizeof(err->message),
		"line %u, disk %s: expected a boot module %s of whole sectors of %u bytes, found %s",
		f->line, f->name, f->source, LOAD_SECTOR, found ? "another size" : "none");
	return found ? -EINVAL : -ENOENT;
}

static int refuse_host(struct load_error *err, const struct config_function *f)
{
	fmt_string(err->message, sizeof(err->message),
		f->partition ? "line %u, disk %s: there is no partition %s:%u"
			     : "line %u, disk %s: there is no disk %s",
		f->line, f->name, f->source, f->partition);
	return -ENOENT;
}

struct load_host_disk load_host_disks[LOAD_HOST_DISKS];

static bool find_host(const struct config_function *f, struct guest_disk *out)
{
	for (u32 i = 0; i < LOAD_HOST_DISKS; i++) {
		const struct load_host_disk *d = &load_host_disks[i];

		if (strcmp(d->name, f->source) || !d->sectors[f->partition])
			continue;
		out->device = d->device;
		out->target = DISK_TARGET(d->unit, f->partition);
		out->bytes = d->sectors[f->partition] * LOAD_SECTOR;
		out->held = f->mode == DISK_COW ? f->cow_bytes : 0;
		return true;
	}
	return false;
}

int load_disks(const struct config_vm *c, const struct load_source *(*find)(const char *name),
	struct guest_disk *disks, u32 *blocks, struct load_error *err)
{
	for (u32 i = 0; i < c->nfunctions; i++) {
		const struct config_function *f = &c->functions[i];
		const struct load_source *m = f->kind == FUNCTION_DISK ? find(f->source) : NULL;
		struct guest_disk *d = &disks[i + 1];

		if (f->kind != FUNCTION_DISK && f->kind != FUNCTION_HOST_DISK)
			continue;
		*d = (struct guest_disk){ .module = m, .block = *blocks, .mode = f->mode };
		if (f->kind == FUNCTION_HOST_DISK && !find_host(f, d))
			return refuse_host(err, f);
		if (f->kind == FUNCTION_DISK && (!m || !m->len || m->len % LOAD_SECTOR))
			return refuse(err, f, m);
		if (m)
			d->bytes = d->held = m->len;
		if (f->mode != DISK_RO)
			*blocks += (u32)(ALIGN_UP(d->held, BLOCK_SIZE) / BLOCK_SIZE);
	}
	return 0;
}

int load_beside(const struct config_vm *c, const struct config_vm *other, struct load_error *err)
{
	const struct config_function *g, *f = config_shared_disk(c, other, &g);

	if (!f)
		return 0;
	fmt_string(err->message, sizeof(err->message),
		"line %u, disk %s: expected nobody beside it on %s, as one of them writes, found disk "
		"%s of vm %s",
		f->line, f->name, f->source, g->name, other->name);
	return -EBUSY;
}
