/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The multiboot loader against small kernels made here: flat, ELF32 and ELF64, each well formed
 * once and then damaged field by field.
 */
#include "drivers/api/load.h"
#include "tests/dialect.h"
#include "tests/host/guest_ram.h"

#define RAM    MIB(4)
#define HEADER 0x100
#define TEXT   0x200
#define SIZE   0x300
#define LOAD   0x200000

static u8 file[SIZE];

static void set(u32 offset, u64 value, u32 width)
{
	memcpy(file + offset, &value, width);
}

static void set_header(u32 flags)
{
	set(HEADER, 0x1badb002, 4);
	set(HEADER + 4, flags, 4);
	set(HEADER + 8, -(0x1badb002 + flags), 4);
}

static struct load_source make(u32 flags)
{
	memset(file, 0, sizeof(file));
	memset(file + TEXT, 0x5a, SIZE - TEXT);
	set_header(flags);
	return (struct load_source){ "kernel", file, sizeof(file) };
}

/* The whole file at LOAD - TEXT, with 0x100 bytes of .bss. */
static struct load_source make_flat(void)
{
	struct load_source kernel = make(0x10003);

	set(HEADER + 12, LOAD + HEADER, 4);
	set(HEADER + 16, LOAD, 4);
	set(HEADER + 24, LOAD + SIZE + 0x100, 4);
	set(HEADER + 28, LOAD + TEXT, 4);
	return kernel;
}

/* Two segments; the first is linked 0xc0000000 above where it lies. */
static struct load_source make_elf32(void)
{
	struct load_source kernel = make(3);
	const u32 first[] = { 1, TEXT, LOAD + 0xc0000000, LOAD, 0x80, 0x1000, 7, 4096 };
	const u32 second[] = { 1, TEXT + 0x80, LOAD + 0x1000, LOAD + 0x1000, 0x80, 0x80, 6, 1 };

	set(0, 0x464c457f, 4);
	set(4, 1, 1);
	set(16, 2, 2);
	set(18, 3, 2);
	set(24, LOAD + 0xc0000010, 4);
	set(28, 0x40, 4);
	set(42, 32, 2);
	set(44, 2, 2);
	memcpy(file + 0x40, first, sizeof(first));
	memcpy(file + 0x60, second, sizeof(second));
	return kernel;
}

static struct load_source make_elf64(void)
{
	struct load_source kernel = make(0);
	const u64 segment[] = { 1, TEXT, LOAD, LOAD, 0x100, 0x180, 4096 };

	set(0, 0x464c457f, 4);
	set(4, 2, 1);
	set(16, 2, 2);
	set(18, 62, 2);
	set(24, LOAD + 8, 8);
	set(32, 0x40, 8);
	set(54, 56, 2);
	set(56, 1, 2);
	memcpy(file + 0x40, segment, sizeof(segment));
	return kernel;
}

static int load(struct guest_ram *ram, const struct load_source *kernel, struct boot_state *state,
	struct load_error *err)
{
	err->message[0] = 0;
	return load_multiboot(&ram->memory, kernel, NULL, 0, "a=b", state, err);
}

TEST(load_multiboot_flat)
{
	struct load_source kernel = make_flat();
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	memset(ram.bytes, 0xff, RAM);
	EXPECT(load_is_multiboot(&kernel));
	if (!EXPECT_EQ(load(&ram, &kernel, &state, &err), 0))
		test_printf("# %s\n", err.message);
	EXPECT_EQ(state.rip, LOAD + TEXT);
	EXPECT_EQ(state.rax, 0x2badb002);
	EXPECT_EQ(state.rbx, LOAD_INFO);
	EXPECT(!state.long_mode);
	EXPECT_EQ(guest_ram_number(&ram, state.gdt_base + state.cs, 8), 0x00cf9b000000ffff);
	EXPECT_MEM(ram.bytes + LOAD, file, SIZE);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + SIZE, 8), 0);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + SIZE + 0xff, 2), 0xff00);
	EXPECT_EQ(ram.stray, 0);
	guest_ram_free(&ram);
}

TEST(load_multiboot_flat_part_of_a_file)
{
	struct load_source kernel = make_flat();
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	set(HEADER + 12, LOAD, 4);
	set(HEADER + 20, LOAD + 0x180, 4);
	set(HEADER + 24, 0, 4);
	set(HEADER + 28, LOAD, 4);
	EXPECT_EQ(load(&ram, &kernel, &state, &err), 0);
	EXPECT_MEM(ram.bytes + LOAD, file + HEADER, 0x180);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + 0x180, 8), 0);
	guest_ram_free(&ram);
}

TEST(load_multiboot_elf32)
{
	struct load_source kernel = make_elf32();
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	memset(ram.bytes, 0xff, RAM);
	if (!EXPECT_EQ(load(&ram, &kernel, &state, &err), 0))
		test_printf("# %s\n", err.message);
	EXPECT_EQ(state.rip, LOAD + 0x10);
	EXPECT_MEM(ram.bytes + LOAD, file + TEXT, 0x80);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + 0x80, 8), 0);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + 0xfff, 1), 0);
	EXPECT_MEM(ram.bytes + LOAD + 0x1000, file + TEXT + 0x80, 0x80);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + 0x1080, 1), 0xff);
	guest_ram_free(&ram);
}

TEST(load_multiboot_elf64)
{
	struct load_source kernel = make_elf64();
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	if (!EXPECT_EQ(load(&ram, &kernel, &state, &err), 0))
		test_printf("# %s\n", err.message);
	EXPECT_EQ(state.rip, LOAD + 8);
	EXPECT_MEM(ram.bytes + LOAD, file + TEXT, 0x100);
	guest_ram_free(&ram);
}

TEST(load_multiboot_information)
{
	struct load_source kernel = make_elf32();
	const struct load_source modules[] = { { "one", (const u8 *)"1111", 4 },
		{ "two arg", (const u8 *)"22222", 5 } };
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;
	u64 info = LOAD_INFO, mods, map;

	guest_ram_make(&ram, RAM);
	EXPECT_EQ(load_multiboot(&ram.memory, &kernel, modules, 2, "x y", &state, &err), 0);
	EXPECT_EQ(guest_ram_number(&ram, info, 4), 0x24d);
	EXPECT_EQ(guest_ram_number(&ram, info + 4, 4), 640);
	EXPECT_EQ(guest_ram_number(&ram, info + 8, 4), 3072);
	EXPECT_STR((char *)ram.bytes + guest_ram_number(&ram, info + 16, 4), "x y");
	EXPECT_EQ(guest_ram_number(&ram, info + 20, 4), 2);
	EXPECT_STR((char *)ram.bytes + guest_ram_number(&ram, info + 64, 4), "KungFuVisor");
	mods = guest_ram_number(&ram, info + 24, 4);
	EXPECT_EQ(guest_ram_number(&ram, mods, 4), LOAD + 0x2000);
	EXPECT_EQ(guest_ram_number(&ram, mods + 4, 4), LOAD + 0x2004);
	EXPECT_MEM(ram.bytes + LOAD + 0x2000, "1111", 5);
	EXPECT_EQ(guest_ram_number(&ram, mods + 16, 4), LOAD + 0x3000);
	EXPECT_MEM(ram.bytes + LOAD + 0x3000, "22222", 6);
	EXPECT_STR((char *)ram.bytes + guest_ram_number(&ram, mods + 24, 4), "two arg");
	map = guest_ram_number(&ram, info + 48, 4);
	EXPECT_EQ(guest_ram_number(&ram, info + 44, 4), 4 * 24);
	EXPECT_EQ(guest_ram_number(&ram, map, 4), 20);
	EXPECT_EQ(guest_ram_number(&ram, map + 12, 8), 0xa0000);
	EXPECT_EQ(guest_ram_number(&ram, map + 72 + 4, 8), 0x100000);
	EXPECT_EQ(guest_ram_number(&ram, map + 72 + 12, 8), RAM - 0x100000);
	EXPECT_EQ(guest_ram_number(&ram, map + 72 + 20, 4), 1);
	guest_ram_free(&ram);
}

struct damage {
	struct load_source (*make)(void);
	u32 offset, width;
	u64 value;
	const char *message;
};

static void expect_refusals(const struct damage *bad, u32 count)
{
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	for (u32 i = 0; i < count; i++) {
		struct load_source kernel = bad[i].make();

		set(bad[i].offset, bad[i].value, bad[i].width);
		EXPECT_EQ(load(&ram, &kernel, &state, &err), -EINVAL);
		if (!EXPECT(strstr(err.message, bad[i].message)))
			test_printf("# %u: %s\n", i, err.message);
	}
	EXPECT_EQ(ram.writes, 0);
	guest_ram_free(&ram);
}

TEST(load_multiboot_refuses_bad_flat_kernels)
{
	static const struct damage bad[] = {
		{ make_flat, HEADER, 4, 0x1badb003, "expected a multiboot header" },
		{ make_flat, HEADER + 8, 4, 0, "expected a multiboot header" },
		{ make_flat, HEADER + 12, 4, LOAD - 1, "at 0x10c: found 0x1fffff" },
		{ make_flat, HEADER + 12, 4, LOAD + HEADER + 1, "at 0x10c: found 0x200101" },
		{ make_flat, HEADER + 16, 4, 0x80000, "at 0x10c: found 0x200100" },
		{ make_flat, HEADER + 20, 4, LOAD, "at 0x114: found 0x200000" },
		{ make_flat, HEADER + 20, 4, LOAD + SIZE + 1,
			"at 0x110: found 0x0, expected a "
			"segment within" },
		{ make_flat, HEADER + 24, 4, LOAD + SIZE - 1, "at 0x118: found 0x2002ff" },
		{ make_flat, HEADER + 24, 4, 0xffffffff, "at 0x110: found 0x200000" },
		{ make_flat, HEADER + 28, 4, LOAD + SIZE + 0x100, "at 0x11c: found 0x200400" },
	};

	expect_refusals(bad, ARRAY_LEN(bad));
}

TEST(load_multiboot_refuses_bad_elf)
{
	static const struct damage bad[] = {
		{ make_elf32, 0, 4, 0x464c4500, "at 0x0: found 0x464c4500, expected an ELF" },
		{ make_elf32, 4, 1, 3, "at 0x4: found 0x3, expected class" },
		{ make_elf32, 16, 2, 3, "at 0x10: found 0x3, expected type 2" },
		{ make_elf32, 18, 2, 62, "at 0x12: found 0x3e" },
		{ make_elf32, 42, 2, 56, "at 0x2a: found 0x38, expected the size" },
		{ make_elf32, 28, 4, SIZE + 1, "at 0x1c: found 0x301, expected program" },
		{ make_elf32, 44, 2, 0xffff, "at 0x1c: found 0x40, expected program" },
		{ make_elf32, 44, 2, 0, "at 0x18: found 0xc0200010, expected an entry" },
		{ make_elf32, 24, 4, 0, "at 0x18: found 0x0, expected an entry" },
		{ make_elf32, 0x44, 4, SIZE + 1, "at 0x40: found 0x301, expected a segment" },
		{ make_elf32, 0x50, 4, 0x101, "at 0x40: found 0x200, expected a segment" },
		{ make_elf32, 0x54, 4, 0x7f, "at 0x40: found 0x7f, expected no less" },
		{ make_elf32, 0x54, 4, 0x1001, "at 0x60: found 0x201000, expected segments" },
		{ make_elf32, 0x4c, 4, 0xff000, "at 0x40: found 0xff000, expected a segment" },
		{ make_elf32, 0x4c, 4, RAM - 0xfff, "at 0x40: found 0x3ff001" },
		{ make_elf64, 18, 2, 3, "at 0x12: found 0x3" },
		{ make_elf64, 32, 8, ~0ull, "at 0x20: found 0xffffffffffffffff" },
		{ make_elf64, 0x48, 8, ~0ull, "at 0x40: found 0xffffffffffffffff" },
		{ make_elf64, 0x60, 8, ~0ull, "at 0x40: found 0x200, expected a segment" },
		{ make_elf64, 0x58, 8, ~0ull, "at 0x40: found 0xffffffffffffffff" },
		{ make_elf64, 0x68, 8, ~0ull, "at 0x40: found 0x200000, expected a segment" },
	};

	expect_refusals(bad, ARRAY_LEN(bad));
}

TEST(load_multiboot_refuses_unknown_requirements)
{
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	for (u32 bit = 2; bit < 16; bit++) {
		struct load_source kernel = make_elf32();

		set_header(3 | BIT(bit));
		EXPECT_EQ(load(&ram, &kernel, &state, &err), -EINVAL);
		EXPECT(strstr(err.message, "expected no requirement beyond"));
	}
	EXPECT_EQ(ram.writes, 0);
	guest_ram_free(&ram);
}

TEST(load_multiboot_refuses_too_many_segments)
{
	static u8 big[0x1000];
	struct load_source kernel = make_elf32();
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	memcpy(big, file, SIZE);
	kernel = (struct load_source){ "kernel", big, sizeof(big) };
	memcpy(big + 28, &(u32){ 0x400 }, 4);
	memcpy(big + 44, &(u16){ 33 }, 2);
	for (u32 i = 0; i < 33; i++) {
		const u32 segment[] = { 1, 0, 0, LOAD + i * 16, 16, 16, 7, 1 };

		memcpy(big + 0x400 + i * 32, segment, sizeof(segment));
	}
	EXPECT_EQ(load(&ram, &kernel, &state, &err), -EINVAL);
	EXPECT(strstr(err.message, "at 0x800: found 0x21, expected at most 32"));
	guest_ram_free(&ram);
}

TEST(load_multiboot_refuses_every_truncation)
{
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	make_elf64();
	for (u64 len = 0; len < SIZE; len++) {
		u8 *exact = malloc(len);
		const struct load_source kernel = { "kernel", exact, len };

		memcpy(exact, file, len);
		EXPECT_EQ(load(&ram, &kernel, &state, &err), -EINVAL);
		free(exact);
	}
	EXPECT_EQ(ram.writes, 0);
	guest_ram_free(&ram);
}

TEST(load_multiboot_refuses_bad_modules)
{
	static struct load_source modules[LOAD_MODULES + 1];
	struct load_source kernel = make_elf32();
	struct boot_state state;
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	for (u32 i = 0; i < ARRAY_LEN(modules); i++)
		modules[i] = (struct load_source){ "module", file, 1 };
	EXPECT_EQ(load_multiboot(&ram.memory, &kernel, modules, 17, "", &state, &err), -EINVAL);
	EXPECT(strstr(err.message, "found 0x11, expected at most 16"));
	modules[1].len = RAM - LOAD - 0x3000 + 1;
	EXPECT_EQ(load_multiboot(&ram.memory, &kernel, modules, 2, "", &state, &err), -EINVAL);
	modules[1].len = ~0ull;
	EXPECT_EQ(load_multiboot(&ram.memory, &kernel, modules, 2, "", &state, &err), -EINVAL);
	EXPECT_EQ(ram.writes, 0);
	EXPECT_EQ(load_multiboot(&ram.memory, &kernel, modules, 1, "", &state, &err), 0);
	guest_ram_free(&ram);
}
