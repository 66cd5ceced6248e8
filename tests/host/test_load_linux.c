/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Linux loader against a bzImage made here with the header values of Debian's 6.1 kernel, each
 * field damaged in turn, and against the real kernel where tools/guest.sh has fetched one.
 */
#include "drivers/api/load.h"
#include "tests/dialect.h"
#include "tests/host/guest_ram.h"

#include <stdio.h>

#define SETUP  (16 * 512)
#define KERNEL 0x3000
#define LOAD   0x1000000
#define RAM    MIB(64)

static u8 image[SETUP + KERNEL];

static void set(u32 offset, u64 value, u32 width)
{
	memcpy(image + offset, &value, width);
}

static struct load_source make_image(void)
{
	memset(image, 0, sizeof(image));
	set(0x1f1, 15, 1);
	set(0x1f4, KERNEL / 16, 4);
	set(0x1fe, 0xaa55, 2);
	set(0x200, 0x6aeb, 2);
	set(0x202, 0x53726448, 4);
	set(0x206, 0x20f, 2);
	set(0x211, 1, 1);
	set(0x22c, 0x7fffffff, 4);
	set(0x230, 0x200000, 4);
	set(0x236, 0x7f, 2);
	set(0x238, 2047, 4);
	set(0x258, LOAD, 8);
	set(0x260, 0x800000, 4);
	memset(image + SETUP, 0x5a, KERNEL);
	return (struct load_source){ "vmlinuz", image, sizeof(image) };
}

static int load(struct guest_ram *ram, const struct load_source *kernel,
	const struct load_source *initrd, const char *cmdline, struct load_error *err)
{
	struct boot_state state;

	err->message[0] = 0;
	return load_linux(&ram->memory, kernel, initrd, cmdline, &state, err);
}

TEST(load_linux_boot_state)
{
	struct load_source kernel = make_image();
	struct boot_state state = { .rip = 0 };
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	EXPECT_EQ(load_linux(&ram.memory, &kernel, NULL, "quiet", &state, &err), 0);
	EXPECT(state.long_mode);
	EXPECT_EQ(state.rip, LOAD + 0x200);
	EXPECT_EQ(state.rsi, LOAD_INFO);
	EXPECT_EQ(state.cs, 0x10);
	EXPECT_EQ(state.ds, 0x18);
	EXPECT_EQ(guest_ram_number(&ram, state.gdt_base + 0x10, 8), 0x00af9b000000ffff);
	EXPECT_EQ(guest_ram_number(&ram, state.gdt_base + 0x18, 8), 0x00cf93000000ffff);
	EXPECT_EQ(state.gdt_limit, 31);
	EXPECT_EQ(guest_ram_number(&ram, LOAD + KERNEL - 1, 2), 0x5a);
	EXPECT_EQ(ram.stray, 0);
	guest_ram_free(&ram);
}

TEST(load_linux_zero_page)
{
	struct load_source kernel = make_image(), initrd = { "initrd", (const u8 *)"abcde", 5 };
	struct load_error err;
	struct guest_ram ram;
	u64 zero = LOAD_INFO, at;

	guest_ram_make(&ram, RAM);
	memset(ram.bytes, 0xff, 0x10000);
	ram.memory.high = MIB(512);
	EXPECT_EQ(load(&ram, &kernel, &initrd, "console=ttyS0 ro", &err), 0);
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x1fe, 2), 0xaa55);
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x210, 1), 0xff);
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x228, 4), LOAD_STRINGS);
	EXPECT_STR((char *)ram.bytes + LOAD_STRINGS, "console=ttyS0 ro");
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x218, 4), RAM - PAGE_SIZE);
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x21c, 4), 5);
	EXPECT_MEM(ram.bytes + RAM - PAGE_SIZE, "abcde", 6);
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x70, 8), 0);
	EXPECT_EQ(guest_ram_number(&ram, zero + 0x1e8, 1), 5);
	at = zero + 0x2d0;
	EXPECT_EQ(guest_ram_number(&ram, at + 8, 8), 0xa0000);
	EXPECT_EQ(guest_ram_number(&ram, at + 20, 8), 0xe0000);
	EXPECT_EQ(guest_ram_number(&ram, at + 36, 4), RAM_ACPI);
	EXPECT_EQ(guest_ram_number(&ram, at + 60, 8), 0x100000);
	EXPECT_EQ(guest_ram_number(&ram, at + 68, 8), RAM - 0x100000);
	EXPECT_EQ(guest_ram_number(&ram, at + 80, 8), GIB(4));
	EXPECT_EQ(guest_ram_number(&ram, at + 88, 8), MIB(512));
	guest_ram_free(&ram);
}

/* Walks the tables as the CPU does. */
static u64 translate(const struct guest_ram *ram, u64 cr3, u64 linear)
{
	u64 pml4e = guest_ram_number(ram, cr3 + (linear >> 39 & 511) * 8, 8);
	u64 pdpte = guest_ram_number(ram, (pml4e & PAGE_MASK) + (linear >> 30 & 511) * 8, 8);
	u64 pde = guest_ram_number(ram, (pdpte & PAGE_MASK) + (linear >> 21 & 511) * 8, 8);

	if ((pml4e & 3) != 3 || (pdpte & 3) != 3 || (pde & 0x83) != 0x83)
		return ~0ull;
	return (pde & ~(BLOCK_SIZE - 1) & PAGE_MASK) + (linear & (BLOCK_SIZE - 1));
}

TEST(load_linux_maps_4_gib)
{
	struct load_source kernel = make_image();
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	EXPECT_EQ(load(&ram, &kernel, NULL, "", &err), 0);
	for (u64 at = 0; at < GIB(4); at += MIB(2))
		if (!EXPECT_EQ(translate(&ram, LOAD_PAGE_TABLES, at + 5), at + 5))
			break;
	EXPECT_EQ(guest_ram_number(&ram, LOAD_PAGE_TABLES + 8, 8), 0);
	EXPECT_EQ(guest_ram_number(&ram, LOAD_PAGE_TABLES + PAGE_SIZE + 32, 8), 0);
	guest_ram_free(&ram);
}

TEST(load_linux_refuses_bad_headers)
{
	static const struct {
		u32 offset, width;
		u64 value;
		const char *message;
	} bad[] = {
		{ 0x1fe, 2, 0xaa54, "at 0x1fe: found 0xaa54, expected the boot flag" },
		{ 0x202, 4, 0x464c457f, "at 0x202: found 0x464c457f, expected 0x53726448" },
		{ 0x206, 2, 0x20b, "at 0x206: found 0x20b, expected protocol 2.12" },
		{ 0x211, 1, 0x80, "at 0x211: found 0x80, expected bit 0" },
		{ 0x236, 2, 0x7e, "at 0x236: found 0x7e, expected bit 0" },
		{ 0x201, 1, 0x10, "at 0x200: found 0x212" },
		{ 0x201, 1, 0xff, "at 0x200: found 0x301" },
		{ 0x1f1, 1, 63, "at 0x1f1: found 0x3f, expected a kernel behind" },
		{ 0x1f4, 4, KERNEL / 16 + 1, "at 0x1f4: found 0x3010" },
		{ 0x1f4, 4, 0xffffffff, "at 0x1f4: found 0xffffffff0" },
		{ 0x1f4, 4, 0, "at 0x1f4: found 0x0" },
		{ 0x230, 4, 0, "at 0x230: found 0x0, expected a power of two" },
		{ 0x230, 4, 0x300000, "at 0x230: found 0x300000" },
		{ 0x258, 8, 0x80000, "at 0x258: found 0x80000" },
		{ 0x258, 8, LOAD + 0x1000, "at 0x258: found 0x1001000, expected an aligned" },
		{ 0x258, 8, 0xffffffffffe00000, "at 0x260: found 0x600000, expected an end" },
		{ 0x258, 8, RAM, "at 0x260: found 0x4800000" },
		{ 0x260, 4, KERNEL - 1, "at 0x260: found 0x2fff, expected at least" },
		{ 0x260, 4, 0xffffffff, "at 0x260: found 0x100ffffff, expected an end" },
		{ 0x238, 4, 3, "at 0x238: found 0x3, expected room" },
	};
	struct load_source kernel = make_image();
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	for (u32 i = 0; i < ARRAY_LEN(bad); i++) {
		make_image();
		set(bad[i].offset, bad[i].value, bad[i].width);
		EXPECT_EQ(load(&ram, &kernel, NULL, "quiet", &err), -EINVAL);
		if (!EXPECT(strstr(err.message, bad[i].message)))
			test_printf("# %s\n", err.message);
	}
	EXPECT_EQ(ram.writes, 0);
	guest_ram_free(&ram);
}

TEST(load_linux_refuses_every_truncation)
{
	struct load_source kernel = make_image();
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	for (u64 len = 0; len <= sizeof(image) - 16; len++) {
		u8 *exact = malloc(len);

		memcpy(exact, image, len);
		kernel.data = exact;
		kernel.len = len;
		if (!EXPECT_EQ(load(&ram, &kernel, NULL, "", &err), -EINVAL))
			len = sizeof(image);
		free(exact);
	}
	EXPECT_EQ(ram.writes, 0);
	guest_ram_free(&ram);
}

TEST(load_linux_initrd_fits_or_is_refused)
{
	struct load_source kernel = make_image(), initrd = { "initrd", NULL, 0 };
	u64 room = RAM - LOAD - 0x800000;
	u8 *data = calloc(1, room);
	struct load_error err;
	struct guest_ram ram;

	guest_ram_make(&ram, RAM);
	EXPECT_EQ(load(&ram, &kernel, &initrd, "", &err), -EINVAL);
	initrd = (struct load_source){ "initrd", data, room + 1 };
	EXPECT_EQ(load(&ram, &kernel, &initrd, "", &err), -EINVAL);
	EXPECT_STR(err.message, "initrd: at 0x0: found 0x2800001, expected a size that fits "
				"between the kernel and the end of memory");
	initrd.len = ~0ull;
	EXPECT_EQ(load(&ram, &kernel, &initrd, "", &err), -EINVAL);
	EXPECT_EQ(ram.writes, 0);
	initrd.len = room;
	EXPECT_EQ(load(&ram, &kernel, &initrd, "", &err), 0);
	EXPECT_EQ(guest_ram_number(&ram, LOAD_INFO + 0x218, 4), LOAD + 0x800000);
	set(0x22c, RAM / 2 - 1, 4);
	EXPECT_EQ(load(&ram, &kernel, &initrd, "", &err), -EINVAL);
	initrd.len = 1;
	EXPECT_EQ(load(&ram, &kernel, &initrd, "", &err), 0);
	EXPECT_EQ(guest_ram_number(&ram, LOAD_INFO + 0x218, 4), RAM / 2 - PAGE_SIZE);
	EXPECT_EQ(ram.stray, 0);
	guest_ram_free(&ram);
	free(data);
}

TEST(load_linux_real_kernel_if_fetched)
{
	FILE *file = fopen("build/guest/vmlinuz", "rb");
	struct load_source kernel = make_image();
	struct load_error err;
	struct guest_ram ram;
	u8 *data = NULL;

	if (file) {
		data = malloc(MIB(32));
		kernel = (struct load_source){ "vmlinuz", data, fread(data, 1, MIB(32), file) };
		fclose(file);
	}
	guest_ram_make(&ram, MIB(128));
	if (!EXPECT_EQ(load(&ram, &kernel, NULL, "quiet", &err), 0))
		test_printf("# %s\n", err.message);
	EXPECT_EQ(ram.stray, 0);
	guest_ram_free(&ram);
	free(data);
}
