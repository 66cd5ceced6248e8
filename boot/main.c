/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot, in order: an explicit list of steps, each of which may fail with a numbered reason. The
 * last ones seal the nucleus and hand over to the scheduler.
 */
#include "boot/mb2.h"

#include "boot/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/hv.h"
#include "arch/x86/paging.h"
#include "arch/x86/percpu.h"
#include "arch/x86/seal.h"
#include "arch/x86/trap.h"
#include "boot/ap.h"
#include "boot/banner.h"
#include "boot/clock.h"
#include "boot/efi.h"
#include "boot/pci.h"
#include "boot/reason.h"
#include "boot/screen.h"
#include "config.h"
#include "core/l1/evidence_port.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/l1/power.h"
#include "core/l1/uart_port.h"
#include "core/l2/console.h"
#include "core/l2/modules.h"
#include "core/l2/typing.h"
#include "core/l2/vm.h"
#include "core/l3/planted.h"
#include "drivers/api/config.h"
#include "core/lib/string.h"
#include "drivers/api/number.h"
#include "core/loop.h"
#include "kfv/agent.h"
#include "kfv/evidence.h"
#include "kfv/policy.h"

#if CONFIG_TEST
#include "core/lib/fmt.h"
#include "tests/dialect.h"
#endif

#define VGA_TEXT	 0xb8000
#define VGA_TEXT_BYTES	 (80 * 25 * 2)
#define BOOT_INFO_MAX	 KIB(64)
#define MODULE_CONFIG	 "config"
#define MODULE_NAME	 32
#define OPTION_VALUE_MAX 64

const struct hv_ops *hv __sealed;

extern char image_start[], image_end[];
extern u64 boot_began; /* the TSC, in start.S */

static struct {
	hpa_t info_at, image;
	struct boot_info info;
	u8 copy[BOOT_INFO_MAX] __aligned(8); /* of the loader's block: it may lie anywhere */
	struct config config;
	struct hv_features features;
} boot;

/* A word of the command line, ended; "" when it is not there. */
static const char *option(const char *word)
{
	static char value[OPTION_VALUE_MAX];
	const char *v = "";
	u32 n = 0;

	if (!boot_option(boot.info.cmdline, word, &v))
		return "";
	for (; v[n] && v[n] != ' ' && n < sizeof(value) - 1; n++)
		value[n] = v[n];
	value[n] = 0;
	return value;
}

static bool option_set(const char *word)
{
	return boot_option(boot.info.cmdline, word, NULL);
}

static void start_cpu(void)
{
	cpu_identify();
	tables_load(&boot_cpu);
	cpu_set_modes();
}

static void start_ports(void)
{
	uart_port_init(&uart_console);
	uart_port_init(&uart_evidence);
}

static void read_boot_info(void)
{
	const u32 *total = early_map(boot.info_at, 8);
	u32 len = *total, where = 0;
	int err;

	if (len < 16 || len > BOOT_INFO_MAX)
		boot_fail(REASON_BAD_BOOT_INFO,
			"it says that it is %u bytes long, expected 16 to %lu", len, BOOT_INFO_MAX);
	memcpy(boot.copy, early_map(boot.info_at, len), len);
	err = mb2_parse(boot.copy, len, &boot.info, &where);
	if (err == -ENOENT)
		boot_fail(REASON_NO_MEMORY_MAP, "loader: %s", boot.info.loader);
	if (err)
		boot_fail(
			REASON_BAD_BOOT_INFO, "the tag at offset %u does not fit (%d)", where, err);
	if (option_set("exit"))
		machine_in_emulator();
	cpu_hide(option("hide"));
}

static u32 reserved_ranges(struct memory_range *r)
{
	u32 n = 0;

	r[n++] = (struct memory_range){ boot.image.v, (u64)(image_end - image_start), false };
	r[n++] = (struct memory_range){ boot.info_at.v, sizeof(boot.copy), false };
	for (u32 i = 0; i < boot.info.nmodules; i++)
		r[n++] = (struct memory_range){ boot.info.modules[i].start,
			boot.info.modules[i].end - boot.info.modules[i].start, false };
	return n;
}

static void start_memory(void)
{
	struct memory_range reserved[BOOT_MODULES + 2];
	u32 n = reserved_ranges(reserved);

	if (memory_init(boot.info.ranges, boot.info.nranges, reserved, n) < 0)
		boot_fail(REASON_LITTLE_MEMORY, "no %lu MiB in a row for the hypervisor itself",
			CONFIG_POOL_BYTES >> 20);
	if (paging_init(boot.image) < 0)
		boot_fail(REASON_LITTLE_MEMORY, "the page tables do not fit into the pool");
}

static void start_screen(void)
{
	const struct boot_framebuffer *f = &boot.info.framebuffer;
	struct screen_framebuffer s = { .pitch = f->pitch,
		.width = f->width,
		.height = f->height,
		.bits = f->bits,
		.red = f->red,
		.green = f->green,
		.blue = f->blue };

	if (boot.info.has_framebuffer && !f->text) {
		s.base = host_map(
			HPA(f->address), (u64)f->pitch * f->height, PROT_RW | PROT_UNCACHED);
		if (s.base && screen_init_framebuffer(&s) == 0)
			return;
	} else if (!boot.info.efi_system_table) {
		void *text = host_map(HPA(VGA_TEXT), VGA_TEXT_BYTES, PROT_RW | PROT_UNCACHED);

		if (text)
			screen_init_text(text);
	}
}

static const void *map_for_efi(u64 physical, u64 len)
{
	return host_map(HPA(physical), len, PROT_READ);
}

static void read_acpi(void)
{
	const void *rsdp = cpu_hidden("acpi tag") ? NULL : boot.info.rsdp;
	int err;

	if (!rsdp)
		rsdp = efi_find_rsdp(boot.info.efi_system_table, map_for_efi);
	err = acpi_init(rsdp);
	if (err)
		boot_fail(REASON_NO_ACPI, err == -ENOENT ? "there are none, and no I/O APIC where a"
							   " PC without them has it"
							 : "the root table is damaged");
	if (!acpi.has_madt || !acpi.nioapics)
		boot_fail(REASON_NO_ACPI, "the MADT is missing or names no I/O APIC");
}

static void start_interrupts(void)
{
	int err = apic_init();

	if (err)
		boot_fail(REASON_NO_LOCAL_APIC, "enabling it failed (%d)", err);
	err = ioapic_init();
	if (err)
		boot_fail(REASON_NO_ACPI, "the I/O APICs of the MADT cannot be used (%d)", err);
	err = clock_start();
	if (err)
		boot_fail(REASON_NO_TIMER, err == -ETIMEDOUT
						   ? "the PIT does not count"
						   : "TSC or local APIC timer stands still");
}

static const struct hv_ops *const back_ends[] = { &svm_ops, &vmx_ops };

/* The first back end that this CPU can be used with; else the reason that is closest to success. */
static void start_virtualisation(void)
{
	int reason = REASON_NO_VIRTUALISATION, err;

	for (u32 i = 0; i < ARRAY_LEN(back_ends) && reason; i++) {
		int why = back_ends[i]->probe(&boot.features);

		hv = back_ends[i];
		if (why != REASON_NO_VIRTUALISATION)
			reason = why;
	}
	if (reason)
		boot_fail(reason, "CPU: %s %s", cpu_features.vendor, cpu_features.brand);
	err = hv->cpu_enable();
	if (err)
		boot_fail(REASON_NOT_ENABLED, "%s: error %d", hv->name, err);
}

/* cpus=N: no more than so many. */
static void start_other_cpus(void)
{
	const char *max = option("cpus");
	u64 n = CPU_MAX;

	if (max[0] && (text_parse_u64(max, strlen(max), &n) < 0 || !n || n > CPU_MAX))
		boot_fail(
			REASON_BAD_CONFIG, "cpus=%s: expected a number from 1 to %u", max, CPU_MAX);
	ap_start(&boot.info, (u32)n);
}

/* Maps [hpa, hpa+len) and remembers it. -ENOSPC, -ENOMEM. */
static int add_module(const char *name, u32 name_len, hpa_t hpa, u64 len)
{
	static char names[MODULES_MAX][MODULE_NAME] __sealed;
	u32 n = MIN(name_len, MODULE_NAME - 1u);
	const void *data;

	if (module_count == MODULES_MAX)
		return -ENOSPC;
	data = len ? host_map(hpa, len, PROT_READ) : (const void *)"";
	if (!data)
		return -ENOMEM;
	memcpy(names[module_count], name, n);
	modules[module_count] = (struct load_source){ names[module_count], data, len };
	module_count++;
	return 0;
}

static void add_modules(void)
{
	for (u32 i = 0; i < boot.info.nmodules; i++) {
		const struct boot_module *m = &boot.info.modules[i];

		if (add_module(m->name, m->name_len, HPA(m->start), m->end - m->start) < 0)
			boot_fail(REASON_BAD_MODULE, "module %u (%.*s) cannot be mapped", i,
				(int)m->name_len, m->name);
	}
}

static void read_config(void)
{
	const struct load_source *text = module_find(MODULE_CONFIG);
	struct config_error e;

	if (!text)
		boot_fail(REASON_NO_CONFIG,
			"expected a module named " MODULE_CONFIG ", found %u others",
			boot.info.nmodules);
	if (config_parse(&boot.config, (const char *)text->data, text->len, &e) < 0)
		boot_fail(
			REASON_BAD_CONFIG, MODULE_CONFIG ":%u:%u: %s", e.line, e.column, e.message);
}

static void start_defence(void)
{
	const struct load_source *text = module_find(MODULE_CONFIG);
	struct config_error e;
	const char *bug;

	CHECK(agent_count() <= AGENTS_MAX);
	evidence_start(option("evidence"));
	CHECK(policy_load(policy_default, strlen(policy_default), &e) == 0);
	if (boot.config.policy.line && policy_load((const char *)text->data, text->len, &e) < 0)
		boot_fail(
			REASON_BAD_CONFIG, MODULE_CONFIG ":%u:%u: %s", e.line, e.column, e.message);
	bug = option("vuln");
	if (bug[0] && planted_wake(bug) < 0)
		boot_fail(REASON_BAD_CONFIG, "vuln=%s: this image has no such planted bug", bug);
}

static void seal(void)
{
	if (paging_init_compartments() < 0)
		boot_fail(
			REASON_LITTLE_MEMORY, "the compartments' tables do not fit into the pool");
	seal_nucleus();
}

static void find_devices(void)
{
	if (pci_find() < 0)
		boot_fail(REASON_LITTLE_MEMORY, "the list of PCI functions does not fit");
}

static void start_drivers(void)
{
	struct config_driver d;
	int err = drivers_start(&boot.config, &d);

	if (err == -ENOENT)
		boot_fail(REASON_BAD_CONFIG,
			MODULE_CONFIG ":%u:%u: expected the name of a physical driver, got \"%s\"",
			d.line, d.column, d.name);
	if (err)
		boot_fail(REASON_LITTLE_MEMORY, "driver %s: error %d", d.name, err);
}

static void create_vms(void)
{
	u64 start = rdtsc();

	for (u32 i = 0; i < boot.config.nvms; i++) {
		struct vm *vm;
		int err = vm_create(&boot.config.vms[i], &vm);

		if (err)
			boot_fail(err == -ENOMEM ? REASON_LITTLE_MEMORY : REASON_BAD_MODULE,
				"vm %s cannot be created: see the line above",
				boot.config.vms[i].name);
	}
	for (u32 id = 1; id <= VM_MAX; id++) {
		if (vms[id])
			vm_start(vms[id]);
	}
	log_info("boot began at TSC %lu and took %lu ticks, %lu of them to create the VMs",
		boot_began, rdtsc() - boot_began, rdtsc() - start);
}

static void show_banner(void)
{
	banner_print(&boot.info, &boot.features, boot.image);
}

/* exit=ended: the emulator ends with the VMs, its status the first debug-exit value. */
static void leave(void)
{
	u8 code = 0;

	for (u32 id = 1; id <= VM_MAX; id++) {
		if (vms[id] && vms[id]->ended == END_DEBUG_EXIT && !code)
			code = (u8)vms[id]->end_value;
		else if (vms[id] && vms[id]->ended >= END_TRIPLE_FAULT && !code)
			code = 0x7f;
	}
	machine_exit(code);
}

#if CONFIG_TEST
void test_printf(const char *fmt, ...)
{
	char line[256];
	va_list args;

	va_start(args, fmt);
	fmt_string_v(line, sizeof(line), fmt, args);
	va_end(args);
	uart_port_puts_polled(line);
}

u64 test_number(const char *word, u64 fallback)
{
	const char *text = option(word);
	u64 value;

	return text_parse_u64(text, strlen(text), &value) ? fallback : value;
}

static void finish_tests(u32 failed) __noreturn;
static void finish_tests(u32 failed)
{
	test_printf("KFV tests done, %u failed\n", failed);
	machine_exit((u8)MIN(failed, 100u));
}
#endif

/* test: the in-image tests instead of the VMs; test=NAME: only those whose name has NAME in it. */
static void run_tests(void)
{
#if CONFIG_TEST
	if (option_set("test"))
		finish_tests(tests_run(option("test")));
#endif
}

static void (*const steps[])(void) = {
	start_cpu,
	start_ports,
	read_boot_info,
	start_memory,
	start_screen,
	read_acpi,
	start_interrupts,
	console_init,
	start_virtualisation,
	start_other_cpus,
	add_modules,
	find_devices,
	show_banner,
	read_config,
	start_defence,
	seal,
	run_tests,
	start_drivers,
	create_vms,
};

void boot_main(u32 info, u32 image) __noreturn;
void boot_main(u32 info, u32 image)
{
	boot.info_at = HPA(info);
	boot.image = HPA(image);
	frame_set_image(boot.image);
	for (u32 i = 0; i < ARRAY_LEN(steps); i++)
		steps[i]();
	if (!strcmp(option("exit"), "ended"))
		loop_when_all_ended(leave);
	console_start();
	if (boot.config.focus >= 0)
		(void)console_focus(boot.config.vms[boot.config.focus].name);
	ap_release();
	loop_run();
}
