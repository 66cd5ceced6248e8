/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest ACPI tables: "Advanced Configuration and Power Interface Specification" 6.3, chapter "ACPI
 * Software Programming Model". Fixed hardware without SMI command: ACPI mode is always on. No HPET,
 * no MCFG: the machine has neither.
 */
#include "drivers/api/guest_acpi.h"
#include "core/lib/string.h"
#include "drivers/api/machine.h"

#define TABLE_ALIGN 64 /* what the FACS needs, for all */

struct acpi_header {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem_id[6], oem_table_id[8];
	u32 oem_revision;
	char creator_id[4];
	u32 creator_revision;
} __packed;
ASSERT_SIZE(struct acpi_header, 36);

struct acpi_rsdp {
	char signature[8];
	u8 checksum; /* of the first 20 bytes */
	char oem_id[6];
	u8 revision;
	u32 rsdt, length;
	u64 xsdt;
	u8 extended_checksum, reserved[3];
} __packed;
ASSERT_SIZE(struct acpi_rsdp, 36);

#define SDT_ENTRIES 2 /* FADT, MADT */

struct acpi_rsdt {
	struct acpi_header header;
	u32 entry[SDT_ENTRIES];
} __packed;

struct acpi_xsdt {
	struct acpi_header header;
	u64 entry[SDT_ENTRIES];
} __packed;

struct acpi_gas {
	u8 space, bits, offset, access;
	u64 address;
} __packed;
ASSERT_SIZE(struct acpi_gas, 12);

#define GAS_IO 1

struct acpi_facs {
	char signature[4];
	u32 length, hardware_signature, waking_vector, global_lock, flags;
	u64 x_waking_vector;
	u8 version, reserved[31];
} __packed;
ASSERT_SIZE(struct acpi_facs, 64);

struct acpi_fadt {
	struct acpi_header header;
	u32 facs, dsdt;
	u8 int_model, profile;
	u16 sci;
	u32 smi_command;
	u8 acpi_enable, acpi_disable, s4bios_request, pstate_control;
	u32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer, gpe0, gpe1;
	u8 pm1_event_len, pm1_control_len, pm2_control_len, pm_timer_len;
	u8 gpe0_len, gpe1_len, gpe1_base, cstate_control;
	u16 c2_latency, c3_latency, flush_size, flush_stride;
	u8 duty_offset, duty_width, day_alarm, month_alarm, century;
	u16 boot_flags;
	u8 reserved;
	u32 flags;
	struct acpi_gas reset;
	u8 reset_value;
	u16 arm_flags;
	u8 minor;
	u64 x_facs, x_dsdt;
	struct acpi_gas x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control;
	struct acpi_gas x_pm2_control, x_pm_timer, x_gpe0, x_gpe1, sleep_control, sleep_status;
	u64 hypervisor;
} __packed;
ASSERT_SIZE(struct acpi_fadt, 276);
ASSERT_OFFSET(struct acpi_fadt, boot_flags, 109);
ASSERT_OFFSET(struct acpi_fadt, reset, 116);
ASSERT_OFFSET(struct acpi_fadt, x_dsdt, 140);

#define BOOT_LEGACY_DEVICES  BIT(0)
#define BOOT_NO_VGA	     BIT(2)
#define FADT_WBINVD	     BIT(0)
#define FADT_C1		     BIT(2)
#define FADT_NO_POWER_BUTTON BIT(4)
#define FADT_NO_SLEEP_BUTTON BIT(5)
#define FADT_NO_RTC_STATUS   BIT(6)
#define FADT_RESET	     BIT(10)
#define LATENCY_NO_C2	     0xfff
#define LATENCY_NO_C3	     0xffff

struct madt_lapic {
	u8 type, len, uid, id;
	u32 flags;
} __packed;

struct madt_ioapic {
	u8 type, len, id, reserved;
	u32 address, gsi_base;
} __packed;

struct madt_override {
	u8 type, len, bus, irq;
	u32 gsi;
	u16 flags;
} __packed;

struct madt_nmi {
	u8 type, len, uid;
	u16 flags;
	u8 lint;
} __packed;

struct acpi_madt {
	struct acpi_header header;
	u32 lapic_address, flags;
	struct madt_ioapic ioapic;
	struct madt_override timer, sci;
	struct madt_nmi nmi;
	struct madt_lapic lapic[ACPI_VCPUS_MAX]; /* as many as there are vCPUs */
} __packed;
ASSERT_OFFSET(struct acpi_madt, lapic, 44 + 12 + 10 + 10 + 6);

#define MADT_HAS_PIC	BIT(0)
#define MADT_ENABLED	BIT(0)
#define MADT_LEVEL_HIGH 0xd
#define MADT_ALL_VCPUS	0xff

extern const u8 guest_dsdt[]; /* dsdt.S */
extern const u32 guest_dsdt_len;

static u8 checksum(const void *data, u32 len)
{
	const u8 *bytes = data;
	u8 sum = 0;

	while (len--)
		sum += *bytes++;
	return -sum;
}

static struct acpi_header header(const char *signature, u8 revision, u32 length)
{
	struct acpi_header h = {
		.length = length,
		.revision = revision,
		.oem_id = { 'K', 'F', 'V' },
		.oem_table_id = { 'K', 'F', 'V', 'G', 'U', 'E', 'S', 'T' },
		.oem_revision = 1,
		.creator_id = { 'K', 'F', 'V', ' ' },
		.creator_revision = 1,
	};

	memcpy(h.signature, signature, sizeof(h.signature));
	return h;
}

static int put_table(struct guest_memory *memory, u64 gpa, struct acpi_header *table)
{
	table->checksum = checksum(table, table->length);
	return memory->write(memory->ctx, GPA(gpa), table, table->length);
}

static struct acpi_gas port(u16 address, u8 bytes)
{
	return (struct acpi_gas){ GAS_IO, bytes * 8, 0, bytes == 4 ? 3 : bytes, address };
}

static int put_fadt(struct guest_memory *memory, u64 gpa, u64 facs, u64 dsdt)
{
	struct acpi_fadt fadt = {
		.header = header("FACP", 6, sizeof(fadt)),
		.facs = facs,
		.dsdt = dsdt,
		.x_dsdt = dsdt,
		.sci = MACHINE_SCI,
		.pm1a_event = MACHINE_PM1_EVENT,
		.pm1a_control = MACHINE_PM1_CONTROL,
		.pm_timer = MACHINE_PM_TIMER,
		.pm1_event_len = 4,
		.pm1_control_len = 2,
		.pm_timer_len = 4,
		.c2_latency = LATENCY_NO_C2,
		.c3_latency = LATENCY_NO_C3,
		.century = MACHINE_CENTURY,
		.boot_flags = BOOT_LEGACY_DEVICES | BOOT_NO_VGA,
		.flags = FADT_WBINVD | FADT_C1 | FADT_NO_POWER_BUTTON | FADT_NO_SLEEP_BUTTON |
			 FADT_NO_RTC_STATUS | FADT_RESET,
		.reset = port(MACHINE_RESET_PORT, 1),
		.reset_value = MACHINE_RESET_VALUE,
		.minor = 3,
		.x_pm1a_event = port(MACHINE_PM1_EVENT, 4),
		.x_pm1a_control = port(MACHINE_PM1_CONTROL, 2),
		.x_pm_timer = port(MACHINE_PM_TIMER, 4),
	};

	return put_table(memory, gpa, &fadt.header);
}

static int put_madt(struct guest_memory *memory, u64 gpa, u32 vcpus)
{
	u32 len = offsetof(struct acpi_madt, lapic) + vcpus * sizeof(struct madt_lapic);
	struct acpi_madt madt = {
		.header = header("APIC", 4, len),
		.lapic_address = MACHINE_LAPIC,
		.flags = MADT_HAS_PIC,
		.ioapic = { 1, sizeof(madt.ioapic), 0, 0, MACHINE_IOAPIC, 0 },
		.timer = { 2, sizeof(madt.timer), 0, 0, 2, 0 },
		.sci = { 2, sizeof(madt.sci), 0, MACHINE_SCI, MACHINE_SCI, MADT_LEVEL_HIGH },
		.nmi = { 4, sizeof(madt.nmi), MADT_ALL_VCPUS, 0, 1 },
	};

	for (u32 i = 0; i < vcpus; i++)
		madt.lapic[i] = (struct madt_lapic){ 0, sizeof(madt.lapic[0]), i, i, MADT_ENABLED };
	return put_table(memory, gpa, &madt.header);
}

static int put_facs(struct guest_memory *memory, u64 gpa)
{
	const struct acpi_facs facs = { { 'F', 'A', 'C', 'S' }, .length = sizeof(facs),
		.version = 2 };

	return memory->write(memory->ctx, GPA(gpa), &facs, sizeof(facs));
}

static int put_root(struct guest_memory *memory, u64 rsdp_gpa, u64 rsdt_gpa, u64 xsdt_gpa,
	const u64 entry[SDT_ENTRIES])
{
	struct acpi_rsdt rsdt = { header("RSDT", 1, sizeof(rsdt)), { entry[0], entry[1] } };
	struct acpi_xsdt xsdt = { header("XSDT", 1, sizeof(xsdt)), { entry[0], entry[1] } };
	struct acpi_rsdp rsdp = { { 'R', 'S', 'D', ' ', 'P', 'T', 'R', ' ' },
		.oem_id = { 'K', 'F', 'V' }, .revision = 2, .rsdt = rsdt_gpa,
		.length = sizeof(rsdp), .xsdt = xsdt_gpa };
	int r = put_table(memory, rsdt_gpa, &rsdt.header);

	if (!r)
		r = put_table(memory, xsdt_gpa, &xsdt.header);
	rsdp.checksum = checksum(&rsdp, 20);
	rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
	return r ? r : memory->write(memory->ctx, GPA(rsdp_gpa), &rsdp, sizeof(rsdp));
}

/* The order in which the tables lie; the sizes are fixed but for the DSDT's, which is last. */
enum {
	AT_RSDP = LOAD_ACPI,
	AT_RSDT = AT_RSDP + ALIGN_UP(sizeof(struct acpi_rsdp), TABLE_ALIGN),
	AT_XSDT = AT_RSDT + ALIGN_UP(sizeof(struct acpi_rsdt), TABLE_ALIGN),
	AT_FACS = AT_XSDT + ALIGN_UP(sizeof(struct acpi_xsdt), TABLE_ALIGN),
	AT_FADT = AT_FACS + ALIGN_UP(sizeof(struct acpi_facs), TABLE_ALIGN),
	AT_MADT = AT_FADT + ALIGN_UP(sizeof(struct acpi_fadt), TABLE_ALIGN),
	AT_DSDT = AT_MADT + ALIGN_UP(sizeof(struct acpi_madt), TABLE_ALIGN)
};

int guest_acpi_build(struct guest_memory *memory, u32 vcpus, u64 *rsdp_gpa)
{
	int r;

	if (!vcpus || vcpus > ACPI_VCPUS_MAX || guest_dsdt_len > LOAD_ACPI_END - AT_DSDT)
		return -EINVAL;
	r = memory->write(memory->ctx, GPA(AT_DSDT), guest_dsdt, guest_dsdt_len);
	if (!r)
		r = put_facs(memory, AT_FACS);
	if (!r)
		r = put_fadt(memory, AT_FADT, AT_FACS, AT_DSDT);
	if (!r)
		r = put_madt(memory, AT_MADT, vcpus);
	if (!r)
		r = put_root(memory, AT_RSDP, AT_RSDT, AT_XSDT, (const u64[]){ AT_FADT, AT_MADT });
	*rsdp_gpa = AT_RSDP;
	return r;
}
