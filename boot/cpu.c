/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the CPU is (SDM volume 2, "CPUID"; APM volume 3, appendix E), and boot option hide=: what it
 * has and is to do without (see arch/x86/cpu.h); and how the nucleus sets each CPU up (SDM volume
 * 3, "Control Registers").
 */
#include "arch/x86/cpu.h"

#include "arch/x86/seal.h"
#include "core/lib/string.h"

struct cpu_features cpu_features __sealed;

static void read_names(struct cpu_features *f)
{
	struct cpuid c = cpuid(0, 0);

	f->max_leaf = c.eax;
	memcpy(f->vendor + 0, &c.ebx, 4);
	memcpy(f->vendor + 4, &c.edx, 4);
	memcpy(f->vendor + 8, &c.ecx, 4);
	f->amd = !strcmp(f->vendor, "AuthenticAMD") || !strcmp(f->vendor, "HygonGenuine");
	f->intel = !strcmp(f->vendor, "GenuineIntel");
	f->max_extended = cpuid(0x80000000, 0).eax;
	for (u32 i = 0; i < 3 && f->max_extended >= 0x80000004; i++) {
		c = cpuid(0x80000002 + i, 0);
		memcpy(f->brand + 16 * i, &c, 16);
	}
	for (u64 n = strlen(f->brand); n && f->brand[n - 1] == ' '; n--)
		f->brand[n - 1] = 0;
}

static void read_xsave(struct cpu_features *f)
{
	struct cpuid c;

	if (!f->xsave || f->max_leaf < 0xd)
		return;
	c = cpuid(0xd, 0);
	/* x87, SSE, AVX, AVX-512, PKRU: what a guest may use and one XSAVE area holds. */
	f->xcr0_supported = (c.eax | ((u64)c.edx << 32)) & 0x2e7;
	f->xsave_size = c.ecx;
}

void cpu_identify(void)
{
	struct cpu_features *f = &cpu_features;
	struct cpuid c;

	read_names(f);
	c = cpuid(1, 0);
	f->xsave = c.ecx & BIT(26);
	f->x2apic = c.ecx & BIT(21);
	f->hypervisor = c.ecx & BIT(31);
	f->rdrand = c.ecx & BIT(30);
	if (f->max_leaf >= 7) {
		c = cpuid(7, 0);
		f->smep = c.ebx & BIT(7);
		f->smap = c.ebx & BIT(20);
		f->umip = c.ecx & BIT(2);
	}
	c = cpuid(0x80000001, 0);
	f->pages_1g = c.edx & BIT(26);
	f->rdtscp = c.edx & BIT(27);
	if (f->max_extended >= 0x80000007)
		f->invariant_tsc = cpuid(0x80000007, 0).edx & BIT(8);
	f->physical_bits = f->max_extended >= 0x80000008 ? cpuid(0x80000008, 0).eax & 0xff : 36;
	read_xsave(f);
}

static char hidden[64]; /* (c) after cpu_hide() */

static const struct {
	const char *name;
	bool *flag;
} maskable[] = {
	{ "xsave", &cpu_features.xsave },
	{ "smep", &cpu_features.smep },
	{ "smap", &cpu_features.smap },
	{ "umip", &cpu_features.umip },
	{ "x2apic", &cpu_features.x2apic },
	{ "rdtscp", &cpu_features.rdtscp },
	{ "hypervisor", &cpu_features.hypervisor },
	{ "rdrand", &cpu_features.rdrand },
};

/* One word of the list, up to a comma, against a name with spaces. */
static bool same_name(const char *word, const char *name)
{
	while (*name && *word == (*name == ' ' ? '-' : *name)) {
		word++;
		name++;
	}
	return !*name && (!*word || *word == ',');
}

bool cpu_hidden(const char *name)
{
	for (const char *word = hidden; *word; word++) {
		if ((word == hidden || word[-1] == ',') && same_name(word, name))
			return true;
	}
	return false;
}

void cpu_hide(const char *list)
{
	for (u32 i = 0; i < sizeof(hidden) - 1 && list[i]; i++)
		hidden[i] = list[i];
	for (u32 i = 0; i < ARRAY_LEN(maskable); i++) {
		if (cpu_hidden(maskable[i].name))
			*maskable[i].flag = false;
	}
	cpu_set_modes();
}

void cpu_set_modes(void)
{
	u64 cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_DE;

	/* TS: the FPU holds a guest's registers, and no compartment may see them. */
	cr0_write(CR0_PE | CR0_MP | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	if (cpu_features.smep)
		cr4 |= CR4_SMEP;
	if (cpu_features.smap)
		cr4 |= CR4_SMAP;
	if (cpu_features.umip)
		cr4 |= CR4_UMIP;
	if (cpu_features.xsave)
		cr4 |= CR4_OSXSAVE;
	cr4_write(cr4 | (cr4_read() & CR4_VMXE));
	if (cpu_features.xsave)
		xsetbv(0, 1);
	wrmsr(MSR_PAT, PAT_AT_RESET);
	/* No way in by SYSCALL or SYSENTER, whatever firmware or a guest left in their MSRs. */
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SCE);
	wrmsr(MSR_SYSENTER_CS, 0);
}
