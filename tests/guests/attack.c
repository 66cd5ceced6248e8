/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attacker. Tries one attack and says what it reached, in lines that begin with ATTACK and its
 * id; the last one is its outcome, and one never printed was never reached. Command line:
 *
 *	attack=A02 stride=1		sweep of ports and of the IOAPIC's index
 *	attack=A10 times=1		clear an intercept of the own vCPU by the planted bug
 *	attack=A16 calls=1000000	flood of hypercalls
 */
#include "core/lib/string.h"
#include "tests/guests/kit/kit.h"

#define EXIT_USAGE 2

/* How many accesses gave a value, gave nothing (all ones), or were answered with a fault. */
struct answers {
	u32 given, silent, denied;
};

static void count_answer(struct answers *answers, u32 value, u32 nothing)
{
	if (trap_vector != TRAP_NONE)
		answers->denied++;
	else if (value == nothing)
		answers->silent++;
	else
		answers->given++;
}

static void probe_port(struct answers *answers, u16 port)
{
	u32 value;

	TRY("inb %w1, %b0", : "=a"(value) : "d"(port) : "memory");
	count_answer(answers, value & 0xff, 0xff);
	TRY("inw %w1, %w0", : "=a"(value) : "d"(port) : "memory");
	count_answer(answers, value & 0xffff, 0xffff);
	TRY("inl %w1, %0", : "=a"(value) : "d"(port) : "memory");
	count_answer(answers, value, 0xffffffff);
}

static void a02_ports(u32 stride)
{
	struct answers answers = { 0 };

	for (u32 port = 0; port < 0x10000; port += stride) {
		probe_port(&answers, port);
		if ((port + stride) >> 14 != port >> 14)
			print("ATTACK A02 step ports below 0x%x given %u silent %u denied %u\n",
				(port | 0x3fff) + 1, answers.given, answers.silent, answers.denied);
	}
}

/* String instructions at the last port of each device, in each width, so that they reach over. */
static void a02_edges(void)
{
	static const u16 edges[] = { 0x21, 0x43, 0x61, 0x64, 0x71, 0xa1, 0x3ff, 0x605, 0x60b,
		0xcff };
	static u8 buffer[256];
	struct answers answers = { 0 };

	for (u32 i = 0; i < ARRAY_LEN(edges); i++) {
		void *at = buffer;
		u64 n = 64;

		TRY("rep insb", : "+D"(at), "+c"(n) : "d"(edges[i]) : "memory");
		count_answer(&answers, buffer[63], 0xff);
		at = buffer;
		n = 64;
		TRY("rep insl", : "+D"(at), "+c"(n) : "d"(edges[i]) : "memory");
		count_answer(&answers, buffer[255], 0xff);
	}
	print("ATTACK A02 step edges given %u silent %u denied %u\n", answers.given, answers.silent,
		answers.denied);
}

#define IOAPIC	       0xfec00000ull
#define IOAPIC_INDICES 0x40 /* 16 and two for each of 24 pins */
#define IOAPIC_VERSION 1

static u32 ioapic_read(u32 index)
{
	u32 value = 0;

	TRY("movl %2, (%1); movl 16(%1), %0", : "=&r"(value) : "r"(IOAPIC), "r"(index) : "memory");
	return value;
}

static void ioapic_write(u32 index, u32 value)
{
	TRY("movl %2, (%0); movl %1, 16(%0)", ::"r"(IOAPIC), "r"(value), "r"(index) : "memory");
}

/* CVE-2013-1798: what lies behind the redirection table, read and then written. */
static u32 a02_ioapic(void)
{
	u32 leaked = 0, denied = 0;

	for (u32 index = IOAPIC_INDICES; index < 0x100; index++) {
		u32 value = ioapic_read(index);

		if (trap_vector != TRAP_NONE)
			denied++;
		else if (value && value != 0xffffffff)
			leaked++;
		ioapic_write(index, 0xdeadbeef);
		if (trap_vector != TRAP_NONE)
			denied++;
		else if (ioapic_read(index) == 0xdeadbeef)
			leaked++;
	}
	print("ATTACK A02 step ioapic leaked %u denied %u\n", leaked, denied);
	return leaked;
}

static u32 attack_a02(void)
{
	u32 leaked;

	a02_ports(MAX(argument_number("stride", 1), 1ul));
	a02_edges();
	leaked = a02_ioapic();
	print("ATTACK A02 step legal access %s\n",
		(ioapic_read(IOAPIC_VERSION) >> 16 & 0xff) == 23 ? "works" : "broken");
	print("ATTACK A02 outcome %s\n", leaked ? "succeeded" : "nothing gained");
	return 0;
}

static u32 attack_a16(void)
{
	u64 calls = argument_number("calls", 1000000), start = rdtsc(), before, ticks, worst = 0;
	u64 refused = 0, every = MAX(calls / 10, 1ul);

	for (u64 i = 1; i <= calls; i++) {
		before = rdtsc();
		if (hypercall(i & 1 ? HYPERCALL_NOP : HYPERCALL_TIME_NS, 0, 0, 0) < 0)
			refused++;
		ticks = rdtsc() - before;
		worst = MAX(worst, ticks);
		if (i % every == 0)
			print("ATTACK A16 step calls %lu refused %lu worst %lu ticks\n", i, refused,
				worst);
	}
	print("ATTACK A16 outcome %lu calls, %lu refused, %lu ticks\n", calls, refused,
		rdtsc() - start);
	return 0;
}

/* AMD: what CPUID says without its intercept. Intel: how many PCI functions there are on bus 0. */
static u32 look_outside(void)
{
	u32 found = 0;

	if (cpu_is_amd()) {
		struct cpuid mark = cpuid(HYPERCALL_CPUID_LEAF, 0);

		return memcmp(&mark.ebx, HYPERCALL_SIGNATURE, 12) != 0;
	}
	for (u32 function = 0; function < 256; function++) {
		out32(0xcf8, 0x80000000 | function << 8);
		found += in32(0xcfc) != 0xffffffff;
	}
	return found;
}

/*
 * APM volume 2, appendix "Layout of VMCB": offset 0x0c, bit 18: intercept CPUID. SDM volume 3,
 * "Processor-Based VM-Execution Controls": bits 24 and 25, all I/O and by bitmap.
 */
static u32 attack_a10(void)
{
	u64 where = cpu_is_amd() ? 0x0c : 0x4002, mask = cpu_is_amd() ? BIT(18) : BIT(24) | BIT(25);
	u64 times = argument_number("times", 1);
	u32 before = look_outside(), escaped = 0;

	for (u64 i = 1; i <= times; i++) {
		s64 result = hypercall(HYPERCALL_VULN_CONTROL_WRITE, where, 0, mask);
		bool out = look_outside() != before;

		print("ATTACK A10 step %lu control write %ld, %s\n", i, result,
			out ? "outside seen" : "nothing seen");
		escaped += out;
	}
	print("ATTACK A10 outcome %s\n", escaped ? "succeeded" : "nothing gained");
	return 0;
}

static const struct {
	const char *id;
	u32 (*run)(void);
	bool needs_hypervisor;
} attacks[] = {
	{ "A02", attack_a02, false },
	{ "A10", attack_a10, true },
	{ "A16", attack_a16, true },
};

u32 guest_main(void)
{
	const char *id = argument("attack");

	timer_calibrate();
	for (u32 i = 0; id && i < ARRAY_LEN(attacks); i++) {
		if (strncmp(id, attacks[i].id, 3))
			continue;
		if (attacks[i].needs_hypervisor && !hypervisor_present())
			break;
		print("ATTACK %s begins\n", attacks[i].id);
		return attacks[i].run();
	}
	print("attack: no such attack on this machine\n");
	return EXIT_USAGE;
}
