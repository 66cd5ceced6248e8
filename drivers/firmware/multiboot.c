/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels by the "Multiboot Specification version 0.6.96": ELF32, ELF64 or a flat file described
 * by the header's address fields, with modules behind it and the information structure in low RAM.
 */
#include "drivers/api/load.h"
#include "core/lib/string.h"

#define MB_HEADER_MAGIC	  0x1badb002u
#define MB_BOOT_MAGIC	  0x2badb002u
#define MB_SEARCH	  8192
#define MB_PAGE_ALIGN	  BIT(0) /* modules are page-aligned always */
#define MB_MEMORY_INFO	  BIT(1) /* given always */
#define MB_ADDRESSES	  BIT(16)
#define MB_REQUIREMENTS	  0xffff /* flags that a loader has to refuse when it cannot serve them */
#define MB_HEADER_MISSING (~0ull)

/* What the information structure holds. */
#define INFO_MEMORY  BIT(0)
#define INFO_CMDLINE BIT(2)
#define INFO_MODULES BIT(3)
#define INFO_MAP     BIT(6)
#define INFO_NAME    BIT(9)

struct mb_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
	u32 mmap_length, mmap_addr, drives_length, drives_addr, config_table, boot_loader_name;
	u32 apm_table, vbe[4];
};
ASSERT_OFFSET(struct mb_info, mmap_length, 44);
ASSERT_OFFSET(struct mb_info, boot_loader_name, 64);

struct mb_map_entry {
	u32 size; /* of what follows */
	u64 base, len;
	u32 type;
} __packed;
ASSERT_SIZE(struct mb_map_entry, 24);

struct mb_module {
	u32 start, end, string, reserved;
};

/* All in the page at LOAD_INFO. */
#define INFO_MAP_AT	(LOAD_INFO + 0x100)
#define INFO_MODULES_AT (LOAD_INFO + 0x200)
static_assert(0x100 + LOAD_RANGES * sizeof(struct mb_map_entry) <= 0x200, "memory map's room");
static_assert(0x200 + LOAD_MODULES * sizeof(struct mb_module) <= PAGE_SIZE, "modules' room");
static_assert(
	(LOAD_MODULES + 2) * LOAD_STRING_MAX <= LOAD_STRINGS_END - LOAD_STRINGS, "strings' room");

/* System V ABI, "ELF Header" and "Program Header": offsets for 32 and for 64 bits. */
struct elf_class {
	u8 width; /* of addresses and offsets */
	u16 machine;
	u8 entry, phoff, phentsize, phnum;
	u8 p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_size;
};

static const struct elf_class elf_classes[] = {
	{ 4, 3, 24, 28, 42, 44, 4, 8, 12, 16, 20, 32 },
	{ 8, 62, 24, 32, 54, 56, 8, 16, 24, 32, 40, 56 },
};

#define ELF_MAGIC   0x464c457f
#define ELF_CLASS   4 /* offset: 1 or 2 */
#define ELF_TYPE    16
#define ELF_MACHINE 18
#define ET_EXEC	    2
#define PT_LOAD	    1

#define MB_SEGMENTS 32

struct mb_segment {
	u64 offset, filesz;	 /* in the file */
	u64 vaddr, paddr, memsz; /* in memory */
};

struct mb_plan {
	struct mb_segment segment[MB_SEGMENTS];
	u32 nsegments;
	u64 entry, end;		  /* end: first byte behind the kernel */
	u64 module[LOAD_MODULES]; /* where each goes */
};

/* Offset of the header in the file. */
static u64 find_header(const struct load_source *kernel)
{
	for (u64 at = 0; at + 12 <= MIN(kernel->len, (u64)MB_SEARCH); at += 4) {
		u32 sum = load_number(kernel, at + 4, 4) + load_number(kernel, at + 8, 4);

		if (load_number(kernel, at, 4) == MB_HEADER_MAGIC && sum + MB_HEADER_MAGIC == 0)
			return at;
	}
	return MB_HEADER_MISSING;
}

bool load_is_multiboot(const struct load_source *kernel)
{
	return find_header(kernel) != MB_HEADER_MISSING;
}

/* Takes a segment whose file part was found to exist, or complains about field `at`. */
static int add_segment(const struct guest_memory *memory, const struct load_source *kernel, u64 at,
	const struct mb_segment *new, struct mb_plan *plan, struct load_error *err)
{
	if (plan->nsegments == MB_SEGMENTS)
		return load_refuse(err, kernel, at, MB_SEGMENTS + 1, "at most 32 segments");
	if (new->offset > kernel->len || new->filesz > kernel->len - new->offset)
		return load_refuse(err, kernel, at, new->offset, "a segment within the file");
	if (new->memsz < new->filesz)
		return load_refuse(err, kernel, at, new->memsz, "no less memory than file");
	if (new->paddr < LOAD_KERNEL_FLOOR || new->paddr >= memory->size ||
		new->memsz > memory->size - new->paddr)
		return load_refuse(err, kernel, at, new->paddr,
			"a segment between 1 MiB and the end of the VM's memory");
	for (u32 i = 0; i < plan->nsegments; i++) {
		const struct mb_segment *old = &plan->segment[i];

		if (new->paddr < old->paddr + old->memsz && old->paddr < new->paddr + new->memsz)
			return load_refuse(
				err, kernel, at, new->paddr, "segments that do not overlap");
	}
	plan->segment[plan->nsegments++] = *new;
	plan->end = MAX(plan->end, new->paddr + new->memsz);
	return 0;
}

/* The flat form: header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr from offset 12 on.
 */
static int plan_flat(const struct guest_memory *memory, const struct load_source *kernel, u64 at,
	struct mb_plan *plan, struct load_error *err)
{
	u64 header_addr = load_number(kernel, at + 12, 4), load = load_number(kernel, at + 16, 4);
	u64 load_end = load_number(kernel, at + 20, 4), bss_end = load_number(kernel, at + 24, 4);
	struct mb_segment s = { .vaddr = load, .paddr = load };

	if (header_addr < load || header_addr - load > at)
		return load_refuse(err, kernel, at + 12, header_addr,
			"a header address that fits its place in the file");
	s.offset = at - (header_addr - load);
	if (load_end && load_end <= load)
		return load_refuse(err, kernel, at + 20, load_end, "an end behind the start");
	s.filesz = load_end ? load_end - load : kernel->len - s.offset;
	if (bss_end && bss_end < load + s.filesz)
		return load_refuse(err, kernel, at + 24, bss_end, "an end of .bss behind the data");
	s.memsz = bss_end ? bss_end - load : s.filesz;
	plan->entry = load_number(kernel, at + 28, 4);
	return add_segment(memory, kernel, at + 16, &s, plan, err);
}

static const struct elf_class *elf_check(const struct load_source *kernel, struct load_error *err)
{
	u64 magic = load_number(kernel, 0, 4), class = load_number(kernel, ELF_CLASS, 1);
	const struct elf_class *elf;

	if (magic != ELF_MAGIC) {
		load_refuse(err, kernel, 0, magic, "an ELF file (0x464c457f), or address fields");
		return NULL;
	}
	if (class < 1 || class > ARRAY_LEN(elf_classes)) {
		load_refuse(err, kernel, ELF_CLASS, class, "class 1 (32-bit) or 2 (64-bit)");
		return NULL;
	}
	elf = &elf_classes[class - 1];
	if (load_number(kernel, ELF_TYPE, 2) != ET_EXEC) {
		load_refuse(err, kernel, ELF_TYPE, load_number(kernel, ELF_TYPE, 2),
			"type 2, an executable");
		return NULL;
	}
	if (load_number(kernel, ELF_MACHINE, 2) != elf->machine) {
		load_refuse(err, kernel, ELF_MACHINE, load_number(kernel, ELF_MACHINE, 2),
			"machine 3 (386) with 32 bits, 62 (x86-64) with 64");
		return NULL;
	}
	return elf;
}

static int plan_elf_segments(const struct guest_memory *memory, const struct load_source *kernel,
	const struct elf_class *elf, struct mb_plan *plan, struct load_error *err)
{
	u64 phoff = load_number(kernel, elf->phoff, elf->width);
	u64 count = load_number(kernel, elf->phnum, 2);
	int r = 0;

	if (load_number(kernel, elf->phentsize, 2) != elf->p_size)
		return load_refuse(err, kernel, elf->phentsize,
			load_number(kernel, elf->phentsize, 2), "the size of a program header");
	if (phoff > kernel->len || count * elf->p_size > kernel->len - phoff)
		return load_refuse(
			err, kernel, elf->phoff, phoff, "program headers within the file");
	for (u64 at = phoff; !r && count; at += elf->p_size, count--) {
		const struct mb_segment s = {
			load_number(kernel, at + elf->p_offset, elf->width),
			load_number(kernel, at + elf->p_filesz, elf->width),
			load_number(kernel, at + elf->p_vaddr, elf->width),
			load_number(kernel, at + elf->p_paddr, elf->width),
			load_number(kernel, at + elf->p_memsz, elf->width),
		};

		if (load_number(kernel, at, 4) == PT_LOAD && s.memsz)
			r = add_segment(memory, kernel, at, &s, plan, err);
	}
	return r;
}

static int plan_elf(const struct guest_memory *memory, const struct load_source *kernel,
	struct mb_plan *plan, struct load_error *err)
{
	const struct elf_class *elf = elf_check(kernel, err);
	u64 entry;
	int r;

	if (!elf)
		return -EINVAL;
	r = plan_elf_segments(memory, kernel, elf, plan, err);
	if (r)
		return r;
	/* The entry is a linked address; it is entered without paging where the segment lies. */
	entry = load_number(kernel, elf->entry, elf->width);
	plan->entry = entry;
	for (u32 i = 0; i < plan->nsegments; i++) {
		const struct mb_segment *s = &plan->segment[i];

		if (entry >= s->vaddr && entry - s->vaddr < s->memsz)
			plan->entry = entry - s->vaddr + s->paddr;
	}
	return 0;
}

static int check_entry(const struct load_source *kernel, const struct mb_plan *plan, u64 at,
	struct load_error *err)
{
	for (u32 i = 0; i < plan->nsegments; i++) {
		const struct mb_segment *s = &plan->segment[i];

		if (plan->entry >= s->paddr && plan->entry - s->paddr < s->memsz)
			return 0;
	}
	return load_refuse(err, kernel, at, plan->entry, "an entry within a segment");
}

static int plan_kernel(const struct guest_memory *memory, const struct load_source *kernel,
	struct mb_plan *plan, struct load_error *err)
{
	u64 at = find_header(kernel), flags, refused;
	bool flat;
	int r;

	if (at == MB_HEADER_MISSING)
		return load_refuse(err, kernel, 0, load_number(kernel, 0, 4),
			"a multiboot header in the first 8 KiB");
	flags = load_number(kernel, at + 4, 4);
	refused = flags & MB_REQUIREMENTS & ~(MB_PAGE_ALIGN | MB_MEMORY_INFO);
	if (refused)
		return load_refuse(err, kernel, at + 4, refused,
			"no requirement beyond bits 0 and 1 (a video mode is bit 2)");
	flat = flags & MB_ADDRESSES;
	if (flat && kernel->len - at < 32)
		return load_refuse(err, kernel, at, kernel->len - at, "32 bytes of header");
	r = flat ? plan_flat(memory, kernel, at, plan, err) : plan_elf(memory, kernel, plan, err);
	return r ? r : check_entry(kernel, plan, flat ? at + 28 : 24, err);
}

static int plan_modules(const struct guest_memory *memory, const struct load_source *modules,
	u32 count, struct mb_plan *plan, struct load_error *err)
{
	u64 at = ALIGN_UP(plan->end, PAGE_SIZE);

	for (u32 i = 0; i < count; i++) {
		if (i == LOAD_MODULES)
			return load_refuse(err, &modules[i], 0, count, "at most 16 modules");
		if (strlen(modules[i].name) >= LOAD_STRING_MAX)
			return load_refuse(
				err, &modules[i], 0, strlen(modules[i].name), "a name below 4 KiB");
		if (at > memory->size || modules[i].len > memory->size - at)
			return load_refuse(err, &modules[i], 0, modules[i].len,
				"a size that fits behind the kernel");
		plan->module[i] = at;
		at = ALIGN_UP(at + modules[i].len, PAGE_SIZE);
	}
	return 0;
}

static int write_segments(
	struct guest_memory *memory, const struct load_source *kernel, const struct mb_plan *plan)
{
	int r = 0;

	for (u32 i = 0; !r && i < plan->nsegments; i++) {
		const struct mb_segment *s = &plan->segment[i];

		r = memory->write(memory->ctx, GPA(s->paddr), kernel->data + s->offset, s->filesz);
		if (!r)
			r = memory->zero(
				memory->ctx, GPA(s->paddr + s->filesz), s->memsz - s->filesz);
	}
	return r;
}

static int write_modules(struct guest_memory *memory, const struct load_source *modules, u32 count,
	const struct mb_plan *plan)
{
	int r = 0;

	for (u32 i = 0; !r && i < count; i++) {
		u64 start = plan->module[i], name = LOAD_STRINGS + (2 + i) * LOAD_STRING_MAX;
		const struct mb_module module = { start, start + modules[i].len, name, 0 };

		r = memory->write(memory->ctx, GPA(start), modules[i].data, modules[i].len);
		if (!r)
			r = load_string(memory, name, modules[i].name);
		if (!r)
			r = memory->write(memory->ctx, GPA(INFO_MODULES_AT + i * sizeof(module)),
				&module, sizeof(module));
	}
	return r;
}

static int write_memory_map(struct guest_memory *memory, u32 *bytes)
{
	struct ram_range map[LOAD_RANGES];
	struct mb_map_entry entries[LOAD_RANGES];
	u32 count = load_memory_map(memory, map);

	for (u32 i = 0; i < count; i++)
		entries[i] = (struct mb_map_entry){ sizeof(entries[i]) - sizeof(entries[i].size),
			map[i].base, map[i].len, map[i].type };
	*bytes = count * sizeof(entries[0]);
	return memory->write(memory->ctx, GPA(INFO_MAP_AT), entries, *bytes);
}

static int write_info(struct guest_memory *memory, u32 nmodules, const char *cmdline)
{
	struct mb_info info = {
		.flags = INFO_MEMORY | INFO_CMDLINE | INFO_MODULES | INFO_MAP | INFO_NAME,
		.mem_lower = LOAD_LOW_END / 1024,
		.mem_upper = (memory->size - LOAD_KERNEL_FLOOR) / 1024,
		.cmdline = LOAD_STRINGS,
		.mods_count = nmodules,
		.mods_addr = INFO_MODULES_AT,
		.mmap_addr = INFO_MAP_AT,
		.boot_loader_name = LOAD_STRINGS + LOAD_STRING_MAX,
	};
	int r = write_memory_map(memory, &info.mmap_length);

	if (!r)
		r = memory->write(memory->ctx, GPA(LOAD_INFO), &info, sizeof(info));
	if (!r)
		r = load_string(memory, info.cmdline, cmdline);
	return r ? r : load_string(memory, info.boot_loader_name, "KungFuVisor");
}

int load_multiboot(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *modules, u32 nmodules, const char *cmdline,
	struct boot_state *out, struct load_error *err)
{
	struct mb_plan plan = { .nsegments = 0 };
	int r = plan_kernel(memory, kernel, &plan, err);

	if (!r && strlen(cmdline) >= LOAD_STRING_MAX)
		r = load_refuse(err, kernel, 0, strlen(cmdline), "a command line below 4 KiB");
	if (!r)
		r = plan_modules(memory, modules, nmodules, &plan, err);
	if (r)
		return r;
	*out = (struct boot_state){
		.rip = plan.entry,
		.rsp = LOAD_STACK,
		.rax = MB_BOOT_MAGIC,
		.rbx = LOAD_INFO,
	};
	r = write_segments(memory, kernel, &plan);
	if (!r)
		r = write_modules(memory, modules, nmodules, &plan);
	if (!r)
		r = write_info(memory, nmodules, cmdline);
	return r ? r : load_gdt(memory, out);
}
