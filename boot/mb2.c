/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks the tags once; every length is checked against the block before anything is read. */
#include "boot/mb2.h"

#include "core/lib/string.h"

#define TAG_END		0
#define TAG_CMDLINE	1
#define TAG_LOADER	2
#define TAG_MODULE	3
#define TAG_MEMORY_MAP	6
#define TAG_FRAMEBUFFER 8
#define TAG_EFI64	12
#define TAG_ACPI_OLD	14
#define TAG_ACPI_NEW	15

#define MEMORY_AVAILABLE 1
#define FRAMEBUFFER_RGB	 1
#define FRAMEBUFFER_TEXT 2

struct tag {
	u32 type, size;
};

static u64 word(const struct tag *t, u32 offset, u32 width)
{
	u64 v = 0;

	memcpy(&v, (const u8 *)t + offset, width);
	return v;
}

/* The tag ends in a string: it must be terminated inside the tag. */
static const char *string_at(const struct tag *t, u32 offset)
{
	const char *s = (const char *)t + offset;

	for (u32 i = offset; i < t->size; i++) {
		if (!((const char *)t)[i])
			return s;
	}
	return NULL;
}

static int read_module(const struct tag *t, struct boot_info *out)
{
	struct boot_module *m = &out->modules[out->nmodules];
	const char *name = t->size > 16 ? string_at(t, 16) : NULL;

	if (!name)
		return -EBADMSG;
	if (out->nmodules == BOOT_MODULES)
		return -ENOSPC;
	*m = (struct boot_module){ word(t, 8, 4), word(t, 12, 4), name, 0 };
	while (name[m->name_len] && name[m->name_len] != ' ')
		m->name_len++;
	if (m->end < m->start)
		return -EBADMSG;
	out->nmodules++;
	return 0;
}

static int read_memory_map(const struct tag *t, struct boot_info *out)
{
	u32 step = t->size >= 16 ? (u32)word(t, 8, 4) : 0;

	if (step < 24)
		return -EBADMSG;
	for (u32 at = 16; at + step <= t->size; at += step) {
		u64 base = word(t, at, 8), len = word(t, at + 8, 8);

		if (base + len < base)
			return -EBADMSG;
		if (out->nranges == BOOT_RANGES)
			return -ENOSPC;
		out->ranges[out->nranges++] =
			(struct memory_range){ base, len, word(t, at + 16, 4) == MEMORY_AVAILABLE };
	}
	return 0;
}

static int read_framebuffer(const struct tag *t, struct boot_info *out)
{
	u8 type = t->size >= 32 ? (u8)word(t, 29, 1) : 0xff;

	if (type != FRAMEBUFFER_TEXT && (type != FRAMEBUFFER_RGB || t->size < 38))
		return type == 0xff ? -EBADMSG : 0; /* indexed colours: as good as no screen */
	out->has_framebuffer = true;
	out->framebuffer = (struct boot_framebuffer){
		.address = word(t, 8, 8),
		.pitch = word(t, 16, 4),
		.width = word(t, 20, 4),
		.height = word(t, 24, 4),
		.bits = word(t, 28, 1),
		.text = type == FRAMEBUFFER_TEXT,
	};
	if (type == FRAMEBUFFER_RGB) {
		out->framebuffer.red = word(t, 32, 1);
		out->framebuffer.green = word(t, 34, 1);
		out->framebuffer.blue = word(t, 36, 1);
	}
	return 0;
}

static int read_string(const struct tag *t, const char **out)
{
	*out = string_at(t, 8);
	return *out ? 0 : -EBADMSG;
}

static int read_tag(const struct tag *t, struct boot_info *out)
{
	switch (t->type) {
	case TAG_CMDLINE:
		return read_string(t, &out->cmdline);
	case TAG_LOADER:
		return read_string(t, &out->loader);
	case TAG_MODULE:
		return read_module(t, out);
	case TAG_MEMORY_MAP:
		return read_memory_map(t, out);
	case TAG_FRAMEBUFFER:
		return read_framebuffer(t, out);
	case TAG_EFI64:
		out->efi_system_table = t->size >= 16 ? word(t, 8, 8) : 0;
		return 0;
	case TAG_ACPI_OLD:
		if (!out->rsdp && t->size >= 8 + 20)
			out->rsdp = (const u8 *)t + 8;
		return 0;
	case TAG_ACPI_NEW:
		if (t->size >= 8 + 36)
			out->rsdp = (const u8 *)t + 8;
		return 0;
	default:
		return 0;
	}
}

int mb2_parse(const void *info, u32 len, struct boot_info *out, u32 *where)
{
	int err = 0;

	memset(out, 0, sizeof(*out));
	out->cmdline = out->loader = "";
	for (*where = 8; !err;
		*where += ALIGN_UP(((const struct tag *)((const u8 *)info + *where))->size, 8)) {
		const struct tag *t = (const struct tag *)((const u8 *)info + *where);

		if (*where > len || len - *where < sizeof(*t) || t->size < sizeof(*t) ||
			t->size > len - *where)
			return -EBADMSG;
		if (t->type == TAG_END)
			break;
		err = read_tag(t, out);
		if (err)
			return err;
	}
	return out->nranges ? 0 : -ENOENT;
}

const struct boot_module *boot_module_find(const struct boot_info *info, const char *name)
{
	u32 len = strlen(name);

	for (u32 i = 0; i < info->nmodules; i++) {
		if (info->modules[i].name_len == len && !memcmp(info->modules[i].name, name, len))
			return &info->modules[i];
	}
	return NULL;
}

bool boot_option(const char *cmdline, const char *word, const char **value)
{
	u32 len = strlen(word);

	while (*cmdline) {
		while (*cmdline == ' ')
			cmdline++;
		if (!strncmp(cmdline, word, len) &&
			(!cmdline[len] || cmdline[len] == ' ' || cmdline[len] == '=')) {
			if (value)
				*value = cmdline[len] == '=' ? cmdline + len + 1 : "";
			return true;
		}
		while (*cmdline && *cmdline != ' ')
			cmdline++;
	}
	return false;
}
