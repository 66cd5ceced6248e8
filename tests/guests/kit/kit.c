/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start, end, serial line, command line and hypercalls of the test guests.
 */
#include "tests/guests/kit/kit.h"
#include "core/lib/fmt.h"
#include "core/lib/string.h"
#include "tests/guests/kit/trap.h"

#define COM1	  0x3f8
#define EXIT_PORT 0xf4

#define INFO_CMDLINE BIT(2)

/* Multiboot Specification, "Boot information format". */
struct mb_info {
	u32 flags, mem_lower, mem_upper, boot_device, cmdline;
};

static const struct mb_info *info;
static bool amd, present;

static void serial_init(void)
{
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 0x80);
	out8(COM1, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 3);
	out8(COM1 + 2, 7);
	out8(COM1 + 4, 3);
}

static void serial_put(struct fmt_sink *sink, char c)
{
	(void)sink;
	while (!(in8(COM1 + 5) & 0x20))
		pause();
	out8(COM1, c);
}

void print(const char *fmt, ...)
{
	struct fmt_sink sink = { serial_put };
	va_list args;

	va_start(args, fmt);
	fmt_v(&sink, fmt, args);
	va_end(args);
}

void guest_exit(u32 value)
{
	out32(EXIT_PORT, value);
	for (;;)
		asm volatile("cli; hlt");
}

static const char *cmdline(void)
{
	return info->flags & INFO_CMDLINE ? (const char *)(u64)info->cmdline : "";
}

const char *argument(const char *name)
{
	size_t len = strlen(name);

	for (const char *at = cmdline(); at; at = strchr(at, ' ')) {
		while (*at == ' ')
			at++;
		if (!strncmp(at, name, len) && at[len] == '=')
			return at + len + 1;
	}
	return NULL;
}

u64 argument_number(const char *name, u64 otherwise)
{
	const char *text = argument(name);
	u64 value = 0;

	if (!text)
		return otherwise;
	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (u64)(*text - '0');
	return value;
}

u64 ram_end(void)
{
	return MIB(1) + KIB(info->mem_upper);
}

bool cpu_is_amd(void)
{
	return amd;
}

bool hypervisor_present(void)
{
	return present;
}

s64 hypercall(u64 number, u64 rbx, u64 rcx, u64 rdx)
{
	s64 result;

	if (amd)
		asm volatile("vmmcall"
			     : "=a"(result)
			     : "a"(number), "b"(rbx), "c"(rcx), "d"(rdx)
			     : "memory");
	else
		asm volatile("vmcall"
			     : "=a"(result)
			     : "a"(number), "b"(rbx), "c"(rcx), "d"(rdx)
			     : "memory");
	return result;
}

static void look_at_cpu(void)
{
	struct cpuid vendor = cpuid(0, 0), mark = cpuid(HYPERCALL_CPUID_LEAF, 0);
	bool hypervisor = cpuid(1, 0).ecx & BIT(31);

	amd = vendor.ebx == 0x68747541 || vendor.ebx == 0x6f677948; /* Auth..., Hygo... */
	present = hypervisor && !memcmp(&mark.ebx, HYPERCALL_SIGNATURE, 12);
}

void guest_start(const struct mb_info *from_loader);

void guest_start(const struct mb_info *from_loader)
{
	info = from_loader;
	serial_init();
	trap_init();
	look_at_cpu();
	guest_exit(guest_main());
}
