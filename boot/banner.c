/* SPDX-License-Identifier: BSD-2-Clause */
/* The banner, at 80 columns. */
#include "boot/banner.h"

#include "boot/acpi.h"
#include "arch/x86/cpu.h"
#include "config.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/time.h"
#include "core/lib/string.h"

extern char image_start[], text_end[], rodata_end[], image_end[];

#define INDENT 12
#define WIDTH  80
/* ", 64 found, TSC 12345.678 MHz" */
#define TSC_WIDTH 30

/* Words separated by commas, broken at the right margin. */
static void print_list(const char *title, const char *const *words, u32 n)
{
	u32 column = INDENT;

	out("  %-9s ", title);
	for (u32 i = 0; i < n; i++) {
		u32 len = (u32)strlen(words[i]) + 2;

		if (column + len > WIDTH) {
			out("\n%*s", INDENT, "");
			column = INDENT;
		}
		out("%s%s", words[i], i + 1 < n ? ", " : "");
		column += len;
	}
	out("%s\n", n ? "" : "nothing");
}

static void print_cpu(const struct hv_features *f)
{
	const char *name = cpu_features.brand[0] ? cpu_features.brand : cpu_features.vendor;
	bool long_name = strlen(name) > WIDTH - INDENT - TSC_WIDTH;

	out("  cpu       %s, %u found,%s TSC %lu.%03lu MHz\n", name, acpi.ncpus,
		long_name ? "\n           " : "", time_tsc_khz() / 1000, time_tsc_khz() % 1000);
	out("  engine    %s revision %u, %u address spaces\n", f->name, f->revision, f->asids);
	print_list("uses", f->used, f->used_count);
	for (u32 i = 0; i < f->missing_count; i++)
		out("  %-9s %s: %s\n", i ? "" : "without", f->missing[i], f->fallback[i]);
}

static void print_memory(const struct boot_info *info)
{
	struct frame_stats s;

	frame_stats(&s);
	out("  memory    %lu MiB in whole blocks, %lu MiB free for VMs, pool %lu MiB\n",
		s.total >> 20, s.free >> 20, s.nucleus_pool >> 20);
	for (u32 i = 0; i < info->nranges; i++) {
		const struct memory_range *r = &info->ranges[i];

		if (r->usable)
			out("            %012lx-%012lx usable\n", r->base, r->base + r->len - 1);
	}
}

static void print_image(hpa_t image)
{
	out("  image     at %lx: text %lu KiB read-only, constants %lu KiB, data %lu KiB\n",
		image.v, (u64)(text_end - image_start) >> 10, (u64)(rodata_end - text_end) >> 10,
		(u64)(image_end - rodata_end) >> 10);
	out("  sealed    no page is writable and executable; page tables and IDT read-only;\n"
	    "            guest memory is not mapped\n");
}

void banner_print(const struct boot_info *info, const struct hv_features *features, hpa_t image)
{
	out("\nKFV KungFuVisor " KFV_VERSION "%s, a hypervisor that defends itself\n",
		CONFIG_TEST ? " (test image)" : "");
	print_cpu(features);
	print_memory(info);
	print_image(image);
	out("  modules  ");
	for (u32 i = 0; i < info->nmodules; i++)
		out(" %.*s (%lu KiB)", (int)info->modules[i].name_len, info->modules[i].name,
			(info->modules[i].end - info->modules[i].start + 1023) >> 10);
	out("\n\n");
}
