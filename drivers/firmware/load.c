/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the loaders share: numbers out of untrusted files, complaints, the memory map that a guest
 * is told, and its first GDT.
 */
#include "drivers/api/load.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"

/* SDM volume 3, "Segment Descriptors": flat, present, accessed. */
#define GDT_CODE64 0x00af9b000000ffffull
#define GDT_CODE32 0x00cf9b000000ffffull
#define GDT_DATA   0x00cf93000000ffffull

u64 load_number(const struct load_source *source, u64 offset, u32 width)
{
	u64 value = 0;

	if (offset > source->len || width > source->len - offset)
		return 0;
	memcpy(&value, source->data + offset, width);
	return value;
}

int load_refuse(struct load_error *err, const struct load_source *source, u64 offset, u64 found,
	const char *expected)
{
	const char *name = source->name;
	size_t len = strlen(name);

	/* The end of a long path says more than its beginning. */
	if (len > 32)
		name += len - 32;
	fmt_string(err->message, sizeof(err->message), "%s: at 0x%lx: found 0x%lx, expected %s",
		name, offset, found, expected);
	return -EINVAL;
}

/* The device window between RAM and 4 GiB is named by ACPI, and left out here as firmware does. */
u32 load_memory_map(const struct guest_memory *memory, struct ram_range *out)
{
	const struct ram_range map[LOAD_RANGES] = {
		{ 0, LOAD_LOW_END, RAM_USABLE },
		{ LOAD_ACPI, LOAD_ACPI_END - LOAD_ACPI, RAM_ACPI },
		{ LOAD_ACPI_END, LOAD_KERNEL_FLOOR - LOAD_ACPI_END, RAM_RESERVED },
		{ LOAD_KERNEL_FLOOR, memory->size - LOAD_KERNEL_FLOOR, RAM_USABLE },
		{ GIB(4), memory->high, RAM_USABLE },
	};

	memcpy(out, map, sizeof(map));
	return memory->high ? LOAD_RANGES : LOAD_RANGES - 1;
}

int load_string(struct guest_memory *memory, u64 gpa, const char *text)
{
	return memory->write(memory->ctx, GPA(gpa), text, strlen(text) + 1);
}

int load_gdt(struct guest_memory *memory, struct boot_state *state)
{
	const u64 gdt[] = { 0, 0, state->long_mode ? GDT_CODE64 : GDT_CODE32, GDT_DATA };

	state->gdt_base = LOAD_GDT;
	state->gdt_limit = sizeof(gdt) - 1;
	state->cs = 0x10;
	state->ds = 0x18;
	return memory->write(memory->ctx, GPA(LOAD_GDT), gdt, sizeof(gdt));
}
