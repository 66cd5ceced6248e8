/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's ACPI tables, found and walked as an operating system does it, and read back by iasl,
 * the reference implementation's disassembler.
 */
#include "drivers/api/guest_acpi.h"
#include "drivers/api/machine.h"
#include "tests/dialect.h"
#include "tests/host/guest_ram.h"

#include <stdio.h>
#include <unistd.h>

static u8 sum(const struct guest_ram *ram, u64 gpa, u64 len)
{
	u8 total = 0;

	while (len--)
		total += ram->bytes[gpa++];
	return total;
}

static u64 build(struct guest_ram *ram, u32 vcpus)
{
	u64 rsdp = 0;

	guest_ram_make(ram, MIB(1));
	EXPECT_EQ(guest_acpi_build(&ram->memory, vcpus, &rsdp), 0);
	EXPECT_EQ(ram->stray, 0);
	return rsdp;
}

/* The table's address by way of the XSDT, or of the RSDT, which has to agree; 0 if absent. */
static u64 find_table(const struct guest_ram *ram, const char *signature)
{
	u64 rsdt = guest_ram_number(ram, LOAD_ACPI + 16, 4);
	u64 xsdt = guest_ram_number(ram, LOAD_ACPI + 24, 8);
	u64 count = (guest_ram_number(ram, xsdt + 4, 4) - 36) / 8;

	EXPECT_EQ(guest_ram_number(ram, rsdt + 4, 4), 36 + 4 * count);
	for (u64 i = 0; i < count; i++) {
		u64 table = guest_ram_number(ram, xsdt + 36 + i * 8, 8);

		EXPECT_EQ(guest_ram_number(ram, rsdt + 36 + i * 4, 4), table);
		if (!memcmp(ram->bytes + table, signature, 4))
			return table;
	}
	return 0;
}

static void expect_table(const struct guest_ram *ram, u64 gpa, const char *signature)
{
	EXPECT_MEM(ram->bytes + gpa, signature, 4);
	EXPECT_EQ(sum(ram, gpa, guest_ram_number(ram, gpa + 4, 4)), 0);
}

TEST(guest_acpi_root)
{
	struct guest_ram ram;
	u64 rsdp = build(&ram, 1);

	EXPECT(rsdp >= 0xe0000 && rsdp < 0x100000 && rsdp % 16 == 0);
	EXPECT_MEM(ram.bytes + rsdp, "RSD PTR ", 8);
	EXPECT_EQ(sum(&ram, rsdp, 20), 0);
	EXPECT_EQ(sum(&ram, rsdp, 36), 0);
	expect_table(&ram, guest_ram_number(&ram, rsdp + 16, 4), "RSDT");
	expect_table(&ram, guest_ram_number(&ram, rsdp + 24, 8), "XSDT");
	EXPECT_EQ(find_table(&ram, "HPET"), 0);
	EXPECT_EQ(find_table(&ram, "MCFG"), 0);
	guest_ram_free(&ram);
}

TEST(guest_acpi_fadt)
{
	struct guest_ram ram;
	u64 fadt, facs, dsdt;

	build(&ram, 1);
	fadt = find_table(&ram, "FACP");
	expect_table(&ram, fadt, "FACP");
	EXPECT_EQ(guest_ram_number(&ram, fadt + 46, 2), MACHINE_SCI);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 48, 4), 0);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 56, 4), MACHINE_PM1_EVENT);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 64, 4), MACHINE_PM1_CONTROL);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 76, 4), MACHINE_PM_TIMER);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 109, 2), 5);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 116, 4), 0x01000801);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 120, 8), MACHINE_RESET_PORT);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 128, 1), MACHINE_RESET_VALUE);
	facs = guest_ram_number(&ram, fadt + 36, 4);
	EXPECT_EQ(facs % 64, 0);
	EXPECT_MEM(ram.bytes + facs, "FACS\x40\0\0\0", 8);
	dsdt = guest_ram_number(&ram, fadt + 40, 4);
	EXPECT_EQ(guest_ram_number(&ram, fadt + 140, 8), dsdt);
	expect_table(&ram, dsdt, "DSDT");
	guest_ram_free(&ram);
}

/* NameOp _S5_, a package of four, its first element a byte constant. */
TEST(guest_acpi_powers_off_by_the_drivers_value)
{
	static const u8 want[] = { 8, '_', 'S', '5', '_', 0x12, 7, 4, 0x0a, MACHINE_SLP_TYP_S5 };
	struct guest_ram ram;
	u64 dsdt, at = 0, len;

	build(&ram, 1);
	dsdt = guest_ram_number(&ram, find_table(&ram, "FACP") + 40, 4);
	len = guest_ram_number(&ram, dsdt + 4, 4);
	while (at + sizeof(want) < len && memcmp(ram.bytes + dsdt + at, want, sizeof(want)))
		at++;
	EXPECT(at + sizeof(want) < len);
	guest_ram_free(&ram);
}

TEST(guest_acpi_madt)
{
	static const u8 fixed[] = { 1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0, 2, 10, 0, 0, 2, 0, 0,
		0, 0, 0, 2, 10, 0, 9, 9, 0, 0, 0, 0xd, 0, 4, 6, 0xff, 0, 0, 1 };

	for (u32 vcpus = 1; vcpus <= ACPI_VCPUS_MAX; vcpus++) {
		struct guest_ram ram;
		u64 madt;

		build(&ram, vcpus);
		madt = find_table(&ram, "APIC");
		expect_table(&ram, madt, "APIC");
		EXPECT_EQ(guest_ram_number(&ram, madt + 4, 4), 82 + 8 * vcpus);
		EXPECT_EQ(guest_ram_number(&ram, madt + 36, 8), 0x1fee00000);
		EXPECT_MEM(ram.bytes + madt + 44, fixed, sizeof(fixed));
		for (u64 i = 0; i < vcpus; i++)
			EXPECT_EQ(guest_ram_number(&ram, madt + 82 + 8 * i, 8),
				0x100000800 | i << 16 | i << 24);
		guest_ram_free(&ram);
	}
}

TEST(guest_acpi_refuses_bad_vcpu_counts)
{
	struct guest_ram ram;
	u64 rsdp;

	guest_ram_make(&ram, MIB(1));
	EXPECT_EQ(guest_acpi_build(&ram.memory, 0, &rsdp), -EINVAL);
	EXPECT_EQ(guest_acpi_build(&ram.memory, ACPI_VCPUS_MAX + 1, &rsdp), -EINVAL);
	EXPECT_EQ(ram.writes, 0);
	guest_ram_free(&ram);
}

static bool write_file(const char *path, const u8 *bytes, u64 len)
{
	FILE *file = fopen(path, "wb");
	bool ok = file && fwrite(bytes, 1, len, file) == len;

	if (file)
		fclose(file);
	return ok;
}

/* iasl takes the table apart and compiles what came out; neither may complain. */
static void expect_iasl_agrees(
	const struct guest_ram *ram, u64 gpa, const char *folder, const char *name)
{
	char path[128], command[512], text[4096];
	FILE *iasl;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
	EXPECT(write_file(path, ram->bytes + gpa, guest_ram_number(ram, gpa + 4, 4)));
	snprintf(command, sizeof(command),
		"cd %s && iasl -d %s.aml 2>&1 && ! grep -n -e Invalid -e Error -e Warn %s.dsl && "
		"iasl -we -p again %s.dsl 2>&1",
		folder, name, name, name);
	iasl = popen(command, "r");
	if (!EXPECT(iasl))
		return;
	len = fread(text, 1, sizeof(text) - 1, iasl);
	text[len] = 0;
	if (!EXPECT_EQ(pclose(iasl), 0))
		test_printf("# %s\n", text);
}

TEST(guest_acpi_iasl_agrees)
{
	static const char *const tables[] = { "FACP", "APIC" };
	char folder[] = "/tmp/guest-acpi-XXXXXX", command[64];
	struct guest_ram ram;
	u64 fadt;

	build(&ram, 3);
	if (!EXPECT(mkdtemp(folder)))
		return;
	for (u32 i = 0; i < ARRAY_LEN(tables); i++)
		expect_iasl_agrees(&ram, find_table(&ram, tables[i]), folder, tables[i]);
	fadt = find_table(&ram, "FACP");
	expect_iasl_agrees(&ram, guest_ram_number(&ram, fadt + 36, 4), folder, "FACS");
	expect_iasl_agrees(&ram, guest_ram_number(&ram, fadt + 40, 4), folder, "DSDT");
	expect_iasl_agrees(&ram, guest_ram_number(&ram, LOAD_ACPI + 16, 4), folder, "RSDT");
	expect_iasl_agrees(&ram, guest_ram_number(&ram, LOAD_ACPI + 24, 8), folder, "XSDT");
	snprintf(command, sizeof(command), "rm -r %s", folder);
	EXPECT_EQ(system(command), 0);
	guest_ram_free(&ram);
}
