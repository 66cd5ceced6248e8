/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loader's boot information (Multiboot2 Specification, "Boot information format") reduced to
 * what the nucleus uses. Pure: reads a block of bytes and keeps pointers into it.
 */
#pragma once

#include "boot/memory.h"
#include "core/lib/types.h"

#define BOOT_MODULES 24
#define BOOT_RANGES  128

struct boot_module {
	u64 start, end;	  /* physical */
	const char *name; /* first word of its menu line, ends at a space or NUL */
	u32 name_len;
};

struct boot_framebuffer {
	u64 address;
	u32 pitch, width, height;
	u8 bits, red, green, blue;
	bool text; /* EGA text, not pixels */
};

struct boot_info {
	const char *cmdline, *loader;
	u32 nmodules, nranges;
	struct boot_module modules[BOOT_MODULES];
	struct memory_range ranges[BOOT_RANGES];
	const void *rsdp; /* newest copy handed over, or NULL */
	bool has_framebuffer;
	struct boot_framebuffer framebuffer;
	u64 efi_system_table; /* 0: started by a BIOS, or not told */
};

/*
 * -EBADMSG: a tag does not fit into the block; -ENOENT: no memory map; -ENOSPC: more modules or
 * ranges than there is room for. *where is the offset of the tag at fault.
 */
int __must_check mb2_parse(const void *info, u32 len, struct boot_info *out, u32 *where);
/* NULL when no module has this name. */
const struct boot_module *boot_module_find(const struct boot_info *info, const char *name);
/* The command line has `word`, alone or as word=...; *value then points behind the '='. */
bool boot_option(const char *cmdline, const char *word, const char **value);
