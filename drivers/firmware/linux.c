/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux, by "The Linux/x86 Boot Protocol" (Documentation/x86/boot of the kernel's source), section
 * "64-bit boot protocol": the kernel at its preferred address, the zero page, a memory map, the
 * command line, the initrd as high as it may lie, long mode with the low 4 GiB mapped one to one.
 */
#include "drivers/api/load.h"
#include "core/lib/string.h"

/* Offsets of the setup header's fields, the same in the file and in the zero page. */
#define HDR_START	    0x1f1
#define HDR_SETUP_SECTS	    0x1f1
#define HDR_SYSSIZE	    0x1f4 /* in units of 16 bytes */
#define HDR_BOOT_FLAG	    0x1fe
#define HDR_JUMP	    0x200 /* its second byte says where the header ends */
#define HDR_MAGIC	    0x202
#define HDR_VERSION	    0x206
#define HDR_LOADER	    0x210
#define HDR_LOADFLAGS	    0x211
#define HDR_RAMDISK_IMAGE   0x218
#define HDR_RAMDISK_SIZE    0x21c
#define HDR_CMDLINE	    0x228
#define HDR_INITRD_ADDR_MAX 0x22c
#define HDR_ALIGNMENT	    0x230
#define HDR_XLOADFLAGS	    0x236
#define HDR_CMDLINE_SIZE    0x238
#define HDR_PREF_ADDRESS    0x258
#define HDR_INIT_SIZE	    0x260
#define HDR_MIN_END	    0x264 /* where the header of version 2.12 ends */
#define HDR_MAX_END	    0x290 /* the zero page goes on with other things */

/* In the zero page only. */
#define ZERO_E820_COUNT 0x1e8
#define ZERO_E820	0x2d0

#define VERSION_2_12	    0x20c
#define LOADER_UNREGISTERED 0xff
#define ENTRY_64	    0x200

#define PTE_P  BIT(0)
#define PTE_RW BIT(1)
#define PTE_PS BIT(7)

#define TABLE_ENTRIES 512
#define IDENTITY_GIB  4

struct e820_entry {
	u64 base, len;
	u32 type;
} __packed;
ASSERT_SIZE(struct e820_entry, 20);

struct linux_plan {
	u64 header_end;
	u64 setup_len;	 /* bytes of the file before the kernel proper */
	u64 payload_len; /* bytes of the kernel proper in the file */
	u64 load, init_size;
	u64 initrd;
};

static const struct {
	u16 offset;
	u8 width;
	u64 mask, want;
	const char *expected;
} header_checks[] = {
	{ HDR_BOOT_FLAG, 2, 0xffff, 0xaa55, "the boot flag 0xaa55" },
	{ HDR_MAGIC, 4, 0xffffffff, 0x53726448, "0x53726448, the magic HdrS of a bzImage" },
	{ HDR_LOADFLAGS, 1, BIT(0), BIT(0), "bit 0, loaded high: a bzImage" },
	{ HDR_XLOADFLAGS, 2, BIT(0), BIT(0), "bit 0: a kernel with a 64-bit entry" },
};

static int check_header(
	const struct load_source *kernel, struct linux_plan *plan, struct load_error *err)
{
	u64 value;

	for (u32 i = 0; i < ARRAY_LEN(header_checks); i++) {
		value = load_number(kernel, header_checks[i].offset, header_checks[i].width);
		if ((value & header_checks[i].mask) != header_checks[i].want)
			return load_refuse(err, kernel, header_checks[i].offset, value,
				header_checks[i].expected);
	}
	value = load_number(kernel, HDR_VERSION, 2);
	if (value < VERSION_2_12)
		return load_refuse(
			err, kernel, HDR_VERSION, value, "protocol 2.12 (0x20c) or later");
	plan->header_end = HDR_MAGIC + load_number(kernel, HDR_JUMP + 1, 1);
	if (plan->header_end < HDR_MIN_END || plan->header_end > HDR_MAX_END)
		return load_refuse(err, kernel, HDR_JUMP, plan->header_end,
			"a header that ends between 0x264 and 0x290");
	return 0;
}

static int check_payload(
	const struct load_source *kernel, struct linux_plan *plan, struct load_error *err)
{
	u64 sectors = load_number(kernel, HDR_SETUP_SECTS, 1);
	u64 syssize = load_number(kernel, HDR_SYSSIZE, 4) * 16;

	plan->setup_len = ((sectors ? sectors : 4) + 1) * 512;
	if (plan->setup_len >= kernel->len)
		return load_refuse(
			err, kernel, HDR_SETUP_SECTS, sectors, "a kernel behind the setup");
	plan->payload_len = kernel->len - plan->setup_len;
	/* The size is rounded up to 16 bytes; signatures may follow it. */
	if (syssize < ENTRY_64 + 16 || syssize > ALIGN_UP(plan->payload_len, 16))
		return load_refuse(err, kernel, HDR_SYSSIZE, syssize,
			"the kernel's size: is the file cut short?");
	plan->payload_len = MIN(plan->payload_len, syssize);
	return 0;
}

/* A relocatable kernel would run at its preferred address or above it all the same. */
static int place_kernel(const struct guest_memory *memory, const struct load_source *kernel,
	struct linux_plan *plan, struct load_error *err)
{
	u64 alignment = load_number(kernel, HDR_ALIGNMENT, 4);

	plan->load = load_number(kernel, HDR_PREF_ADDRESS, 8);
	plan->init_size = load_number(kernel, HDR_INIT_SIZE, 4);
	if (!alignment || (alignment & (alignment - 1)))
		return load_refuse(err, kernel, HDR_ALIGNMENT, alignment, "a power of two");
	if (plan->load < LOAD_KERNEL_FLOOR || (plan->load & (alignment - 1)))
		return load_refuse(err, kernel, HDR_PREF_ADDRESS, plan->load,
			"an aligned address from 1 MiB up");
	if (plan->init_size < plan->payload_len)
		return load_refuse(err, kernel, HDR_INIT_SIZE, plan->init_size,
			"at least the size of the kernel");
	if (plan->load >= memory->size || plan->init_size > memory->size - plan->load)
		return load_refuse(err, kernel, HDR_INIT_SIZE, plan->load + plan->init_size,
			"an end within the VM's memory");
	return 0;
}

static int place_initrd(const struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, struct linux_plan *plan, struct load_error *err)
{
	u64 top = MIN(memory->size, load_number(kernel, HDR_INITRD_ADDR_MAX, 4) + 1);
	u64 floor = ALIGN_UP(plan->load + plan->init_size, PAGE_SIZE);

	plan->initrd = 0;
	if (!initrd)
		return 0;
	top = ALIGN_DOWN(top, PAGE_SIZE);
	if (!initrd->len || floor > top || initrd->len > top - floor)
		return load_refuse(err, initrd, 0, initrd->len,
			"a size that fits between the kernel and the end of memory");
	plan->initrd = ALIGN_DOWN(top - initrd->len, PAGE_SIZE);
	return 0;
}

static int check_cmdline(
	const struct load_source *kernel, const char *cmdline, struct load_error *err)
{
	u64 limit = MIN(load_number(kernel, HDR_CMDLINE_SIZE, 4), LOAD_STRING_MAX - 1ull);

	if (strlen(cmdline) > limit)
		return load_refuse(
			err, kernel, HDR_CMDLINE_SIZE, limit, "room for this longer command line");
	return 0;
}

static int make_plan(const struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, const char *cmdline, struct linux_plan *plan,
	struct load_error *err)
{
	int r = check_header(kernel, plan, err);

	if (!r)
		r = check_payload(kernel, plan, err);
	if (!r)
		r = place_kernel(memory, kernel, plan, err);
	if (!r)
		r = place_initrd(memory, kernel, initrd, plan, err);
	return r ? r : check_cmdline(kernel, cmdline, err);
}

static void patch(u8 *header, u32 field, u64 value, u32 width)
{
	memcpy(header + field - HDR_START, &value, width);
}

/* The header as the kernel carries it, with the loader's fields filled in. */
static int write_header(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, const struct linux_plan *plan)
{
	u8 header[HDR_MAX_END - HDR_START];
	u64 len = plan->header_end - HDR_START;

	memcpy(header, kernel->data + HDR_START, len);
	patch(header, HDR_LOADER, LOADER_UNREGISTERED, 1);
	patch(header, HDR_CMDLINE, LOAD_STRINGS, 4);
	patch(header, HDR_RAMDISK_IMAGE, plan->initrd, 4);
	patch(header, HDR_RAMDISK_SIZE, initrd ? initrd->len : 0, 4);
	return memory->write(memory->ctx, GPA(LOAD_INFO + HDR_START), header, len);
}

static int write_memory_map(struct guest_memory *memory)
{
	struct ram_range map[LOAD_RANGES];
	struct e820_entry entries[LOAD_RANGES];
	u8 count = load_memory_map(memory, map);
	int r;

	for (u32 i = 0; i < count; i++)
		entries[i] = (struct e820_entry){ map[i].base, map[i].len, map[i].type };
	r = memory->write(memory->ctx, GPA(LOAD_INFO + ZERO_E820_COUNT), &count, sizeof(count));
	if (r)
		return r;
	return memory->write(
		memory->ctx, GPA(LOAD_INFO + ZERO_E820), entries, count * sizeof(entries[0]));
}

static int write_zero_page(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, const struct linux_plan *plan)
{
	int r = memory->zero(memory->ctx, GPA(LOAD_INFO), PAGE_SIZE);

	if (!r)
		r = write_header(memory, kernel, initrd, plan);
	return r ? r : write_memory_map(memory);
}

/* Table `index` of the identity map: 512 entries, the first for `base`, each `step` further. */
static int write_table(struct guest_memory *memory, u32 index, u64 base, u64 step, u32 count)
{
	u64 table = LOAD_PAGE_TABLES + index * PAGE_SIZE;
	u64 entries[64];
	int r = memory->zero(memory->ctx, GPA(table), PAGE_SIZE);

	for (u32 done = 0; !r && done < count; done += ARRAY_LEN(entries)) {
		u32 n = MIN(count - done, (u32)ARRAY_LEN(entries));

		for (u32 i = 0; i < n; i++)
			entries[i] = base + (done + i) * step;
		r = memory->write(
			memory->ctx, GPA(table + done * sizeof(u64)), entries, n * sizeof(u64));
	}
	return r;
}

/* SDM volume 3, "4-Level Paging": one root, one table of four, four of 2 MiB pages. */
static int write_page_tables(struct guest_memory *memory)
{
	u64 link = PTE_P | PTE_RW;
	int r = write_table(memory, 0, (LOAD_PAGE_TABLES + PAGE_SIZE) | link, 0, 1);

	if (!r)
		r = write_table(memory, 1, (LOAD_PAGE_TABLES + 2 * PAGE_SIZE) | link, PAGE_SIZE,
			IDENTITY_GIB);
	for (u32 i = 0; !r && i < IDENTITY_GIB; i++)
		r = write_table(memory, 2 + i, GIB(i) | link | PTE_PS, BLOCK_SIZE, TABLE_ENTRIES);
	return r;
}

static int write_kernel(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, const struct linux_plan *plan)
{
	int r = memory->write(
		memory->ctx, GPA(plan->load), kernel->data + plan->setup_len, plan->payload_len);

	if (!r && initrd)
		r = memory->write(memory->ctx, GPA(plan->initrd), initrd->data, initrd->len);
	return r;
}

int load_linux(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, const char *cmdline, struct boot_state *out,
	struct load_error *err)
{
	struct linux_plan plan = { .load = 0 };
	int r = make_plan(memory, kernel, initrd, cmdline, &plan, err);

	if (r)
		return r;
	*out = (struct boot_state){
		.long_mode = true,
		.rip = plan.load + ENTRY_64,
		.rsp = LOAD_STACK,
		.rsi = LOAD_INFO,
		.cr3 = LOAD_PAGE_TABLES,
	};
	r = write_kernel(memory, kernel, initrd, &plan);
	if (!r)
		r = write_zero_page(memory, kernel, initrd, &plan);
	if (!r)
		r = load_string(memory, LOAD_STRINGS, cmdline);
	if (!r)
		r = write_page_tables(memory);
	return r ? r : load_gdt(memory, out);
}
