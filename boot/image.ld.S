/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Link script: one stretch of memory in three parts on page boundaries: text, constants, data. What
 * compartments execute and read (drivers, pure helpers, their calls outwards) has pages of its own.
 * Linked at IMAGE_BASE + IMAGE_LMA, loaded at IMAGE_LMA or where GRUB finds room.
 */
#include "boot/layout.h"

OUTPUT_FORMAT("elf64-x86-64")
OUTPUT_ARCH(i386:x86-64)
ENTRY(start32)

PHDRS
{
	text PT_LOAD FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6);
}

SECTIONS
{
	. = IMAGE_BASE + IMAGE_LMA;
	image_start = .;
	.text : AT(ADDR(.text) - IMAGE_BASE) {
		KEEP(*(.boot.header))
		*(.boot.text)
		*(.boot.crossing)
		*(EXCLUDE_FILE(*[/]drivers[/]*.o *[/]core[/]lib[/]*.o) .text)
		*(EXCLUDE_FILE(*[/]drivers[/]*.o *[/]core[/]lib[/]*.o) .text.*)
		. = ALIGN(4096);
	} :text
	driver_text_start = .;
	.text.driver : AT(ADDR(.text.driver) - IMAGE_BASE) {
		*(.driver.text .text .text.*)
		. = ALIGN(4096);
	} :text
	text_end = .;

	driver_rodata_start = .;
	.rodata.driver : AT(ADDR(.rodata.driver) - IMAGE_BASE) {
		*[/]drivers[/]*.o(.rodata .rodata.*)
		*[/]core[/]lib[/]*.o(.rodata .rodata.*)
		*(.driver.rodata)
		. = ALIGN(4096);
	} :rodata
	driver_rodata_end = .;
	.rodata : AT(ADDR(.rodata) - IMAGE_BASE) {
		*(.rodata .rodata.*)
		. = ALIGN(8);
		__start_kfv_drivers = .;
		KEEP(*(kfv_drivers))
		__stop_kfv_drivers = .;
		__start_kfv_agents = .;
		KEEP(*(kfv_agents))
		__stop_kfv_agents = .;
		__start_kfv_commands = .;
		KEEP(*(kfv_commands))
		__stop_kfv_commands = .;
		__start_kfv_tests = .;
		KEEP(*(kfv_tests))
		__stop_kfv_tests = .;
		__start_kfv_fixups = .;
		KEEP(*(kfv_fixups))
		__stop_kfv_fixups = .;
		*(.symbols)
		. = ALIGN(4096);
	} :rodata
	rodata_end = .;

	.data : AT(ADDR(.data) - IMAGE_BASE) {
		sealed_start = .;
		*(.data.sealed)
		. = ALIGN(4096);
		sealed_end = .;
		*(.data .data.*)
		. = ALIGN(16);
	} :data
	.bss : AT(ADDR(.bss) - IMAGE_BASE) {
		*(.bss .bss.* COMMON)
		. = ALIGN(4096);
	} :data
	image_end = .;

	/* For start.S, which cannot subtract symbols of other files. */
	text_size = ABSOLUTE(text_end - image_start);
	text_rodata_size = ABSOLUTE(rodata_end - image_start);
	image_size = ABSOLUTE(image_end - image_start);

	ASSERT(image_end - image_start <= BOOT_IMAGE_TABLES * 0x200000,
		"image larger than its page tables")
	/DISCARD/ : { *(.comment) *(.note*) *(.eh_frame*) }
}
