/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs the image's own loaders on the host and writes down what a guest's memory would hold, for a
 * bare emulator to be started with. The firmware (bios.S) only enters the state that was asked for.
 *
 *	place FOLDER BIOS_CODE KERNEL INITRD|- COMMAND_LINE	-> FOLDER/{low,high,bios}.bin
 */
#include "drivers/api/guest_acpi.h"
#include "tests/host/guest_ram.h"

#include <stdio.h>

#define RAM	 MIB(256)
#define FILE_MAX MIB(64)
#define HANDOVER 0x500 /* as bios.S reads it */

static struct load_source read_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	u8 *data = malloc(FILE_MAX);
	struct load_source source = { name, data, 0 };

	if (!file || !data) {
		perror(name);
		exit(1);
	}
	source.len = fread(data, 1, FILE_MAX, file);
	fclose(file);
	return source;
}

static void write_file(const char *folder, const char *name, const u8 *head, u64 head_len,
	const u8 *tail, u64 tail_len)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "wb");
	if (!file || fwrite(head, 1, head_len, file) != head_len ||
		fwrite(tail, 1, tail_len, file) != tail_len || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static int place(struct guest_ram *ram, char **argv, struct boot_state *state)
{
	struct load_source kernel = read_file(argv[3]), initrd = { 0 };
	bool has_initrd = strcmp(argv[4], "-") != 0;
	struct load_error err = { "" };
	u64 rsdp;
	int r;

	if (has_initrd)
		initrd = read_file(argv[4]);
	if (load_is_multiboot(&kernel))
		r = load_multiboot(
			&ram->memory, &kernel, &initrd, has_initrd, argv[5], state, &err);
	else
		r = load_linux(
			&ram->memory, &kernel, has_initrd ? &initrd : NULL, argv[5], state, &err);
	if (r)
		fprintf(stderr, "%s\n", err.message);
	return r ? r : guest_acpi_build(&ram->memory, 1, &rsdp);
}

int main(int argc, char **argv)
{
	struct boot_state state = { .rip = 0 };
	struct load_source code;
	struct guest_ram ram;

	if (argc != 6) {
		fprintf(stderr, "usage: place FOLDER BIOS_CODE KERNEL INITRD|- COMMAND_LINE\n");
		return 2;
	}
	guest_ram_make(&ram, RAM);
	code = read_file(argv[2]);
	if (place(&ram, argv, &state))
		return 1;
	const u64 handover[] = { state.long_mode, state.rip, state.rsp, state.rsi, state.cr3,
		state.rax, state.rbx, (u64)state.gdt_limit | state.gdt_base << 16 };
	memcpy(ram.bytes + HANDOVER, handover, sizeof(handover));
	write_file(argv[1], "low.bin", ram.bytes, LOAD_LOW_END, NULL, 0);
	write_file(argv[1], "high.bin", ram.bytes + LOAD_KERNEL_FLOOR, RAM - LOAD_KERNEL_FLOOR,
		NULL, 0);
	write_file(argv[1], "bios.bin", ram.bytes + LOAD_ACPI, LOAD_ACPI_END - LOAD_ACPI, code.data,
		code.len);
	return 0;
}
