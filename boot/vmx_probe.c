/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this CPU's VT-x can do, from its capability MSRs (SDM volume 3, appendix A "VMX Capability
 * Reporting Facility"); found once, for the banner and for the back end, which goes by vmx_caps.
 * And what all VMs share: the bitmaps of ports and MSRs.
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"
#include "boot/reason.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"

#define MSR_VMX_BASIC	     0x480
#define MSR_VMX_PIN	     0x481
#define MSR_VMX_PROC	     0x482
#define MSR_VMX_EXIT	     0x483
#define MSR_VMX_ENTRY	     0x484
#define MSR_VMX_MISC	     0x485
#define MSR_VMX_CR0_FIXED0   0x486
#define MSR_VMX_CR0_FIXED1   0x487
#define MSR_VMX_CR4_FIXED0   0x488
#define MSR_VMX_CR4_FIXED1   0x489
#define MSR_VMX_PROC2	     0x48b
#define MSR_VMX_EPT_VPID_CAP 0x48c
#define MSR_VMX_TRUE_PIN     0x48d /* and so on, as from MSR_VMX_PIN */

#define BASIC_TRUE_CONTROLS BIT(55)
#define CPUID_VMX	    BIT(5)

#define FEATURE_CONTROL_LOCKED BIT(0)
#define FEATURE_CONTROL_VMXON  BIT(2) /* outside SMX */

#define VPIDS 65536

#define IO_BITMAPS	2
#define MSR_WRITE_LOW	0x800 /* offset of the half for writes in the bitmap */
#define MSR_HIGH	0x400
#define MSR_HIGH_FIRST	0xc0000000u
#define MSR_BITMAP_MASK 0x1fffu

/* A feature is there when all its bits may be 1. */
struct feature_row {
	const char *name, *fallback;
	u64 bits;
	u32 entry_bits; /* beside those of EXIT_CONTROLS */
	u8 cap;
};

static const struct feature_row feature_rows[VMX_FEATURES] = {
	[VMX_EPT] = { "EPT", "none: required", PROC2_EPT, 0, CAP_PROC2 },
	[VMX_UNRESTRICTED] = { "unrestricted guest", "none: required", PROC2_UNRESTRICTED, 0,
		CAP_PROC2 },
	[VMX_VPID] = { "VPID", "each entry and exit drops all translations", PROC2_VPID, 0,
		CAP_PROC2 },
	[VMX_EPT_2M] = { "EPT 2M pages", "4K pages", EPT_CAP_2M, 0, CAP_EPT },
	[VMX_EPT_1G] = { "EPT 1G pages", "2M pages", EPT_CAP_1G, 0, CAP_EPT },
	[VMX_EPT_AD] = { "EPT accessed and dirty bits", "not used", EPT_CAP_AD, 0, CAP_EPT },
	[VMX_EXEC_ONLY] = { "EPT execute-only", "code is readable", EPT_CAP_EXEC_ONLY, 0, CAP_EPT },
	[VMX_INVEPT_SINGLE] = { "single INVEPT", "all contexts are dropped", EPT_CAP_INVEPT_SINGLE,
		0, CAP_EPT },
	[VMX_INVVPID] = { "INVVPID", "INVEPT does it", EPT_CAP_INVVPID | EPT_CAP_INVVPID_SINGLE, 0,
		CAP_EPT },
	[VMX_EFER] = { "EFER switch", "the MSR areas", EXIT_SAVE_EFER | EXIT_LOAD_EFER,
		ENTRY_LOAD_EFER, CAP_EXIT },
	[VMX_PAT] = { "PAT switch", "the MSR areas", EXIT_SAVE_PAT | EXIT_LOAD_PAT, ENTRY_LOAD_PAT,
		CAP_EXIT },
	[VMX_VIRTUAL_NMI] = { "virtual NMIs", "an NMI is over when interrupts are on",
		PIN_VIRTUAL_NMI, 0, CAP_PIN },
	[VMX_PREEMPTION] = { "preemption timer", "the local APIC's timer alone",
		PIN_PREEMPTION_TIMER, 0, CAP_PIN },
	[VMX_MTF] = { "monitor trap flag", "stepping by RFLAGS.TF", PROC_MTF, 0, CAP_PROC },
	[VMX_MSR_BITMAPS] = { "MSR bitmaps", "every MSR access exits", PROC_MSR_BITMAPS, 0,
		CAP_PROC },
	[VMX_IO_BITMAPS] = { "I/O bitmaps", "unconditional I/O exits", PROC_IO_BITMAPS, 0,
		CAP_PROC },
	[VMX_PAUSE_LOOP] = { "PAUSE-loop exiting", "who spins does so until its slice is over",
		PROC2_PAUSE_LOOP, 0, CAP_PROC2 },
};
static_assert(VMX_FEATURES <= HV_MISSING_MAX, "all of them can be reported");

static void read_control(enum vmx_cap cap, u32 msr)
{
	u64 value = rdmsr(msr);

	vmx_caps.must[cap] = (u32)value;
	vmx_caps.may[cap] = (u32)(value >> 32);
}

/* The TRUE registers, where they are, allow 0 for more of the bits that once had to be 1. */
static void read_caps(void)
{
	u32 true_ones;

	vmx_caps.basic = rdmsr(MSR_VMX_BASIC);
	vmx_caps.misc = rdmsr(MSR_VMX_MISC);
	true_ones = vmx_caps.basic & BASIC_TRUE_CONTROLS ? MSR_VMX_TRUE_PIN - MSR_VMX_PIN : 0;
	read_control(CAP_PIN, MSR_VMX_PIN + true_ones);
	read_control(CAP_PROC, MSR_VMX_PROC + true_ones);
	read_control(CAP_EXIT, MSR_VMX_EXIT + true_ones);
	read_control(CAP_ENTRY, MSR_VMX_ENTRY + true_ones);
	if (vmx_caps.may[CAP_PROC] & PROC_SECONDARY)
		read_control(CAP_PROC2, MSR_VMX_PROC2);
	if (vmx_caps.may[CAP_PROC2] & PROC2_EPT)
		vmx_caps.ept = rdmsr(MSR_VMX_EPT_VPID_CAP);
	vmx_caps.cr0_must = rdmsr(MSR_VMX_CR0_FIXED0);
	vmx_caps.cr0_may = rdmsr(MSR_VMX_CR0_FIXED1);
	vmx_caps.cr4_must = rdmsr(MSR_VMX_CR4_FIXED0);
	vmx_caps.cr4_may = rdmsr(MSR_VMX_CR4_FIXED1);
}

static bool present(const struct feature_row *r)
{
	u64 there = r->cap == CAP_EPT ? vmx_caps.ept : vmx_caps.may[r->cap];

	return (there & r->bits) == r->bits &&
	       (vmx_caps.may[CAP_ENTRY] & r->entry_bits) == r->entry_bits;
}

/* What is hidden may not be switched on either. */
static void hide(const struct feature_row *r)
{
	if (r->cap == CAP_EPT)
		vmx_caps.ept &= ~r->bits;
	else
		vmx_caps.may[r->cap] &= ~(u32)r->bits | vmx_caps.must[r->cap];
}

static void report(struct hv_features *f)
{
	for (u32 i = 0; i < VMX_FEATURES; i++) {
		const struct feature_row *r = &feature_rows[i];

		if (cpu_hidden(r->name))
			hide(r);
		vmx_caps.has[i] = present(r) && !cpu_hidden(r->name);
		if (vmx_caps.has[i]) {
			f->used[f->used_count++] = r->name;
			continue;
		}
		f->missing[f->missing_count] = r->name;
		f->fallback[f->missing_count++] = r->fallback;
	}
}

/* The firmware may have left the register open: then we lock it, with VMX allowed. */
static bool unlocked(void)
{
	u64 value;

	if (rdmsr_safe(MSR_FEATURE_CONTROL, &value) < 0)
		return true; /* a hypervisor below that has no such register */
	if (value & FEATURE_CONTROL_LOCKED)
		return value & FEATURE_CONTROL_VMXON;
	return wrmsr_safe(MSR_FEATURE_CONTROL,
		       value | FEATURE_CONTROL_LOCKED | FEATURE_CONTROL_VMXON) == 0;
}

/* Without these EPT is of no use to us: four levels, write-back, and a way to forget. */
static bool ept_usable(void)
{
	u64 needed = EPT_CAP_WALK_4 | EPT_CAP_WRITE_BACK | EPT_CAP_INVEPT;

	return vmx_caps.has[VMX_EPT] && (vmx_caps.ept & needed) == needed &&
	       (vmx_caps.ept & (EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL));
}

int vmx_probe(struct hv_features *f)
{
	memset(f, 0, sizeof(*f));
	f->name = "VT-x";
	if (!(cpuid(1, 0).ecx & CPUID_VMX))
		return REASON_NO_VIRTUALISATION;
	if (!unlocked())
		return REASON_VMX_LOCKED;
	read_caps();
	f->revision = (u32)vmx_caps.basic & 0x7fffffff;
	report(f);
	f->asids = vmx_caps.has[VMX_VPID] ? VPIDS : 0;
	if (!ept_usable())
		return REASON_NO_EPT;
	if (!vmx_caps.has[VMX_UNRESTRICTED])
		return REASON_NO_UNRESTRICTED_GUEST;
	ept_format.max_leaf_level = vmx_caps.has[VMX_EPT_1G] ? 3 : vmx_caps.has[VMX_EPT_2M] ? 2 : 1;
	return 0;
}

/* MSRs that entry and exit switch, or that a loaded vCPU keeps in the CPU. */
static const u32 free_msrs[] = { MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP, MSR_FS_BASE,
	MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK };

/* Four parts of 1 KiB: reads of low and of high MSRs, then writes. */
static void let_through(u32 msr)
{
	u32 at = msr >= MSR_HIGH_FIRST ? MSR_HIGH : 0, bit = msr & MSR_BITMAP_MASK;

	vmx_msr_bitmap[at + bit / 8] &= (u8) ~(1u << (bit % 8));
	vmx_msr_bitmap[MSR_WRITE_LOW + at + bit / 8] &= (u8) ~(1u << (bit % 8));
}

static int make_bitmaps(void)
{
	vmx_io_bitmaps = pages_alloc(IO_BITMAPS, FRAME_CONTROL);
	vmx_msr_bitmap = page_alloc(FRAME_CONTROL);
	if (!vmx_io_bitmaps || !vmx_msr_bitmap)
		return -ENOMEM;
	memset(vmx_io_bitmaps, 0xff, IO_BITMAPS * PAGE_SIZE);
	memset(vmx_msr_bitmap, 0xff, PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_LEN(free_msrs); i++)
		let_through(free_msrs[i]);
	return 0;
}

int vmx_enable(void)
{
	hpa_t region;
	bool failed;

	if (!this_cpu(hv_region)) {
		this_cpu(hv_region) = vmx_region_alloc();
		if (!this_cpu(hv_region) || (!vmx_msr_bitmap && make_bitmaps() < 0))
			return -ENOMEM;
	}
	cr0_write((cr0_read() | vmx_caps.cr0_must) & vmx_caps.cr0_may);
	cr4_write((cr4_read() | vmx_caps.cr4_must | CR4_VMXE) & vmx_caps.cr4_may);
	region = virt_to_hpa(this_cpu(hv_region));
	asm volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region.v) : "memory");
	return failed ? -EIO : 0;
}
