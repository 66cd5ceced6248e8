/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a guest: a kernel and its companions, found readable in memory, become bytes in the
 * guest's RAM and a state in which its boot vCPU starts. Pure: the RAM is reached through two
 * functions, so everything here also runs on the host. What is loaded is hostile until proven
 * right.
 */
#pragma once

#include "core/lib/types.h"

/* The guest's first MiB, as the loaders use it. Kernels are loaded above it. */
#define LOAD_GDT	  0x1000
#define LOAD_INFO	  0x2000 /* Linux's zero page, or the multiboot information */
#define LOAD_PAGE_TABLES  0x3000 /* six pages: 4 GiB, one to one */
#define LOAD_STACK	  0xa000 /* grows down */
#define LOAD_STRINGS	  0x10000
#define LOAD_STRINGS_END  0x90000
#define LOAD_LOW_END	  0xa0000 /* end of low RAM */
#define LOAD_ACPI	  0xe0000 /* tables: guest_acpi.c */
#define LOAD_ACPI_END	  0xf0000
#define LOAD_KERNEL_FLOOR 0x100000

/* A file in memory. `name` is ours and NUL-terminated; the data is not to be trusted. */
struct load_source {
	const char *name;
	const u8 *data;
	u64 len;
};

/* RAM from 0 to `size` (at most VM_RAM_BELOW_4G), and `high` bytes from 4 GiB. Both return -Exxx.
 */
struct guest_memory {
	void *ctx;
	u64 size, high;
	int (*write)(void *ctx, gpa_t gpa, const void *from, u64 len);
	int (*zero)(void *ctx, gpa_t gpa, u64 len);
};

/*
 * How the boot vCPU starts, all else as after INIT and interrupts off. Segments are flat; long_mode
 * means paging on at cr3 with a 64-bit code segment, otherwise 32-bit protected mode without
 * paging.
 */
struct boot_state {
	bool long_mode;
	u64 rip, rsp, rax, rbx, rsi;
	u64 cr3;
	u64 gdt_base;
	u16 gdt_limit, cs, ds;
};

/* One line: file, offset in it, what was found there, what was expected. */
struct load_error {
	char message[192];
};

enum ram_type { RAM_USABLE = 1, RAM_RESERVED = 2, RAM_ACPI = 3 }; /* e820 and multiboot agree */

struct ram_range {
	u64 base, len;
	u32 type;
};

#define LOAD_RANGES	5
#define LOAD_MODULES	16
#define LOAD_STRING_MAX 4096 /* bytes with the NUL */

/*
 * Linux by its 64-bit boot protocol; initrd may be NULL. multiboot: modules in their order. Return
 * 0, -EINVAL with `err` saying why (nothing was written then), or what the memory's functions
 * returned.
 */
int __must_check load_linux(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *initrd, const char *cmdline, struct boot_state *out,
	struct load_error *err);
int __must_check load_multiboot(struct guest_memory *memory, const struct load_source *kernel,
	const struct load_source *modules, u32 nmodules, const char *cmdline,
	struct boot_state *out, struct load_error *err);
bool load_is_multiboot(const struct load_source *kernel);

/*
 * All that a VM's configuration names, by its kernel's kind, and the ACPI tables. `find` knows the
 * boot modules. As above, and -ENOENT when one is missing.
 */
struct config_vm;
int __must_check load_guest(struct guest_memory *memory, const struct config_vm *c,
	const struct load_source *(*find)(const char *name), struct boot_state *out,
	struct load_error *err);

#define LOAD_SECTOR 512

/* A disk; all zero where there is none. */
struct guest_disk {
	const struct load_source *module; /* NULL: a physical disk's */
	u64 bytes;			  /* of the disk */
	u64 held;  /* of them in memory: the module, or what is written over a physical disk */
	u32 block; /* where its copy begins, if it has one: in blocks, behind what there was */
	u8 mode;   /* enum config_disk_mode */
	u8 port;   /* of the physical disk's driver, which has this device */
	struct device *device;
	u32 target; /* DISK_TARGET() */
};

/* The physical disks that were found at boot: sectors of all of it, and of its partitions. */
#define LOAD_HOST_DISKS 32
#define LOAD_PARTITIONS 16
extern struct load_host_disk {
	char name[8];
	struct device *device;
	u8 unit;
	u64 sectors[1 + LOAD_PARTITIONS];
} load_host_disks[LOAD_HOST_DISKS]; /* (c) after boot, which fills it: boot/drivers.c */

/*
 * Finds the disks of a VM, by slot, and adds to *blocks what their copies need. -ENOENT, -EINVAL,
 * with `err` saying why.
 */
int __must_check load_disks(const struct config_vm *c,
	const struct load_source *(*find)(const char *name), struct guest_disk *disks, u32 *blocks,
	struct load_error *err);

/* -EBUSY, with `err` saying why: a physical disk of c's is the other's, and one of them writes. */
int __must_check load_beside(
	const struct config_vm *c, const struct config_vm *other, struct load_error *err);

/* What the loaders share. */

/* Little-endian number of 1, 2, 4 or 8 bytes; what lies behind the end reads as zero. */
u64 load_number(const struct load_source *source, u64 offset, u32 width);
/* Fills in the message; returns -EINVAL. */
int load_refuse(struct load_error *err, const struct load_source *source, u64 offset, u64 found,
	const char *expected);
/* The guest's memory map; returns how many of the LOAD_RANGES were used. */
u32 load_memory_map(const struct guest_memory *memory, struct ram_range *out);
/* Writes a string with its NUL. */
int __must_check load_string(struct guest_memory *memory, u64 gpa, const char *text);
/* Writes the GDT, 0x10 code (64-bit or 32-bit) and 0x18 data, and its half of the boot state. */
int __must_check load_gdt(struct guest_memory *memory, struct boot_state *state);
