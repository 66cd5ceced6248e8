/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the machine's ACPI tables once, at boot. The firmware is trusted, but its checksums are
 * not. */
#include "boot/acpi.h"

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "core/l1/log.h"
#include "core/lib/string.h"

#define USUAL_IOAPIC   0xfec00000u
#define IOAPIC_SELECT  0 /* registers are 16 bytes apart, counted in words */
#define IOAPIC_DATA    4
#define IOAPIC_VERSION 1 /* 0x11 or so, 0x20 and up for later ones; nobody there reads as 0xff */

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
	u8 checksum2, reserved[3];
} __packed;

struct table {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;
ASSERT_SIZE(struct table, 36);

struct acpi_info acpi;

static bool sums_to_zero(const void *p, u64 len)
{
	const u8 *b = p;
	u8 sum = 0;

	while (len--)
		sum += *b++;
	return sum == 0;
}

static u64 field(const void *p, u32 offset, u32 width)
{
	u64 v = 0;

	memcpy(&v, (const u8 *)p + offset, width);
	return v;
}

/* The whole table mapped and checked; NULL when it is damaged. */
static const struct table *map_table(u64 address)
{
	const struct table *t = host_map(HPA(address), sizeof(*t), PROT_READ);
	u32 len;

	if (!t)
		return NULL;
	len = t->length;
	if (len < sizeof(*t) || len > MIB(4))
		return NULL;
	t = host_map(HPA(address), len, PROT_READ);
	if (!t || !sums_to_zero(t, len)) {
		log_warn("acpi: table at %#lx is damaged, left out", address);
		return NULL;
	}
	return t;
}

static void read_madt_entry(const u8 *e)
{
	if (e[0] == 0 && (field(e, 4, 4) & 1) && acpi.ncpus < ACPI_CPUS) {
		acpi.apic_id[acpi.ncpus++] = e[3];
	} else if (e[0] == 9 && (field(e, 8, 4) & 1) && acpi.ncpus < ACPI_CPUS) {
		acpi.apic_id[acpi.ncpus++] = field(e, 4, 4);
	} else if (e[0] == 1 && acpi.nioapics < ACPI_IOAPICS) {
		acpi.ioapic[acpi.nioapics++] =
			(struct acpi_ioapic){ field(e, 4, 4), field(e, 8, 4) };
	} else if (e[0] == 2 && acpi.noverrides < ACPI_OVERRIDES) {
		acpi.override[acpi.noverrides++] =
			(struct acpi_override){ e[3], field(e, 4, 4), field(e, 8, 2) };
	}
}

/* Shortest entry of each type that is read: local APIC, I/O APIC, override, local x2APIC. */
static u32 madt_entry_min(u8 type)
{
	static const u8 min[] = { [0] = 8, [1] = 12, [2] = 10, [9] = 16 };

	return type < ARRAY_LEN(min) && min[type] ? min[type] : 2;
}

static void read_madt(const struct table *t)
{
	const u8 *p = (const u8 *)t + 44, *end = (const u8 *)t + t->length;

	acpi.has_madt = true;
	while (end - p >= 2 && p[1] >= madt_entry_min(p[0]) && p[1] <= end - p) {
		read_madt_entry(p);
		p += p[1];
	}
}

/*
 * \_S5 is Name(_S5_, Package(){SLP_TYPa, SLP_TYPb, ...}): found by its bytes, since nothing else of
 * the AML is needed (ACPI Specification, "AML Grammar Definition").
 */
static void read_s5(const struct table *dsdt)
{
	const u8 *p = (const u8 *)dsdt + sizeof(*dsdt), *end = (const u8 *)dsdt + dsdt->length;
	u8 value[2] = { 0 };

	for (; end - p >= 16; p++) {
		if (!memcmp(p, "_S5_\x12", 5))
			break;
	}
	if (end - p < 16)
		return;
	p += 5;
	p += 1 + (*p >> 6) + 1; /* PkgLength, NumElements */
	for (u32 i = 0; i < 2 && end - p >= 2; i++) {
		if (*p == 0x0a)
			p++;
		value[i] = *p++; /* ZeroOp and OneOp are the bytes 0 and 1 */
	}
	acpi.has_s5 = true;
	acpi.s5_a = value[0];
	acpi.s5_b = value[1];
}

static void read_fadt(const struct table *t)
{
	const struct table *dsdt;
	u64 dsdt_at = field(t, 40, 4);

	if (t->length < 116)
		return;
	acpi.has_fadt = true;
	acpi.pm1a_control = field(t, 64, 4);
	acpi.pm1b_control = field(t, 68, 4);
	acpi.pm_timer_port = field(t, 76, 4);
	if (t->length >= 129 && (field(t, 112, 4) & BIT(10))) {
		acpi.reset_space = field(t, 116, 1);
		acpi.reset_address = field(t, 120, 8);
		acpi.reset_value = field(t, 128, 1);
	}
	if (t->length >= 148 && field(t, 140, 8))
		dsdt_at = field(t, 140, 8);
	dsdt = dsdt_at ? map_table(dsdt_at) : NULL;
	if (dsdt)
		read_s5(dsdt);
}

static void read_mcfg(const struct table *t)
{
	if (t->length < 60)
		return;
	acpi.has_mcfg = true;
	acpi.ecam_base = field(t, 44, 8);
	acpi.ecam_bus_first = field(t, 54, 1);
	acpi.ecam_bus_last = field(t, 55, 1);
}

static void read_table(u64 address)
{
	const struct table *t = map_table(address);

	if (!t)
		return;
	if (!memcmp(t->signature, "APIC", 4) && t->length >= 44)
		read_madt(t);
	else if (!memcmp(t->signature, "FACP", 4))
		read_fadt(t);
	else if (!memcmp(t->signature, "MCFG", 4))
		read_mcfg(t);
}

static const struct rsdp *search(u64 from, u64 len)
{
	const u8 *area = host_map(HPA(from), len, PROT_READ);

	for (u64 i = 0; area && i + 20 <= len; i += 16) {
		if (!memcmp(area + i, "RSD PTR ", 8) && sums_to_zero(area + i, 20))
			return (const struct rsdp *)(area + i);
	}
	return NULL;
}

/*
 * No tables: an I/O APIC at its usual place says that this is a PC all the same, with the timer at
 * its third pin (Intel MultiProcessor Specification, "Default Configurations"). Of its CPUs only
 * the one that runs is known, and there is no way to switch it off.
 */
static int assume_pc(void)
{
	volatile u32 *ioapic = host_map(HPA(USUAL_IOAPIC), PAGE_SIZE, PROT_RW | PROT_UNCACHED);
	u32 version;

	if (!ioapic)
		return -ENOENT;
	ioapic[IOAPIC_SELECT] = IOAPIC_VERSION;
	version = ioapic[IOAPIC_DATA];
	if ((version & 0xf0) != 0x10 && (version & 0xf0) != 0x20)
		return -ENOENT;
	log_warn("acpi: no tables, taken for a PC with one CPU and I/O APIC %#x", USUAL_IOAPIC);
	acpi.has_madt = true;
	acpi.apic_id[acpi.ncpus++] = (u8)(cpuid(1, 0).ebx >> 24);
	acpi.ioapic[acpi.nioapics++] = (struct acpi_ioapic){ USUAL_IOAPIC, 0 };
	acpi.override[acpi.noverrides++] = (struct acpi_override){ .isa_line = 0, .gsi = 2 };
	return 0;
}

int acpi_init(const void *copy)
{
	const struct rsdp *r = copy ? copy : search(0xe0000, 0x20000);
	const struct table *root;
	u32 width;

	if (!r)
		return assume_pc();
	width = r->revision >= 2 && r->xsdt ? 8 : 4;
	root = map_table(width == 8 ? r->xsdt : r->rsdt);
	if (!root)
		return -EBADMSG;
	for (u32 at = sizeof(*root); at + width <= root->length; at += width)
		read_table(field(root, at, width));
	return 0;
}
