/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this CPU's AMD-V can do (APM volume 2, "Secure Virtual Machine", and volume 3, appendix E);
 * found once, for the banner and for the back end, which goes by svm_caps. And what all VMs
 * share: the maps of ports and MSRs.
 */
#include "arch/x86/svm/svm.h"

#include "arch/x86/cpu.h"
#include "arch/x86/percpu.h"
#include "boot/reason.h"
#include "core/l1/frame.h"
#include "core/lib/string.h"

#define VM_CR_SVMDIS BIT(4)

#define IOPM_PAGES  3
#define MSRPM_PAGES 2

struct feature_bit {
	u8 bit;
	const char *name, *fallback;
};

#define USED_BITS                                                                                  \
	(BIT(0) | BIT(3) | BIT(6) | BIT(10)) /* the others only show what a CPU would offer */

/* CPUID Fn8000_000A_EDX. */
static const struct feature_bit feature_bits[] = {
	{ 0, "nested paging", "none: required" },
	{ 3, "next-RIP save", "instructions are decoded for their length" },
	{ 5, "VMCB clean bits", "the CPU reloads the whole VMCB" },
	{ 6, "flush by ASID", "all ASIDs are flushed" },
	{ 7, "decode assists", "instructions are fetched and decoded" },
	{ 10, "pause filter", "who spins does so until its slice is over" },
	{ 13, "AVIC", "interrupts are injected by software" },
	{ 16, "virtual GIF", "not needed" },
};

/* Returns the bits that are not hidden. */
static u32 report(struct hv_features *f, u32 edx)
{
	for (u32 i = 0; i < ARRAY_LEN(feature_bits); i++) {
		u32 bit = (u32)BIT(feature_bits[i].bit);

		if (cpu_hidden(feature_bits[i].name))
			edx &= ~bit;
		if (edx & bit & USED_BITS) {
			f->used[f->used_count++] = feature_bits[i].name;
			continue;
		}
		f->missing[f->missing_count] = feature_bits[i].name;
		f->fallback[f->missing_count++] = feature_bits[i].fallback;
	}
	return edx;
}

/* QEMU without KVM, or a KVM on it: it is the only virtual CPU that has no next-RIP save. */
static bool emulated_by_tcg(void)
{
	return (cpuid(1, 0).ecx & BIT(31)) && !(cpuid(0x8000000a, 0).edx & BIT(3));
}

int svm_probe(struct hv_features *f)
{
	struct cpuid c;
	u64 vm_cr;

	memset(f, 0, sizeof(*f));
	f->name = "AMD-V";
	if (cpu_features.max_extended < 0x8000000a || !(cpuid(0x80000001, 0).ecx & BIT(2)))
		return REASON_NO_VIRTUALISATION;
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) == 0 && (vm_cr & VM_CR_SVMDIS))
		return REASON_SVM_LOCKED;
	c = cpuid(0x8000000a, 0);
	f->revision = c.eax & 0xff;
	f->asids = c.ebx;
	c.edx = report(f, c.edx);
	if (!(c.edx & BIT(0)))
		return REASON_NO_NESTED_PAGING;
	svm_caps = (struct svm_caps){
		.nrip = c.edx & BIT(3),
		.repeats_intr = emulated_by_tcg(),
		.flush_by_asid = c.edx & BIT(6),
		.pause_filter = c.edx & BIT(10),
		.asids = c.ebx,
	};
	return 0;
}

/* MSRs that VMRUN, VMLOAD and VMSAVE switch: the guest may have them to itself. */
static const u32 free_msrs[] = {
	MSR_FS_BASE,
	MSR_GS_BASE,
	MSR_KERNEL_GS_BASE,
	MSR_STAR,
	MSR_LSTAR,
	MSR_CSTAR,
	MSR_SFMASK,
	MSR_SYSENTER_CS,
	MSR_SYSENTER_ESP,
	MSR_SYSENTER_EIP,
	MSR_PAT,
};

/* APM volume 2, "MSR Intercepts": two bits for each MSR, in three ranges of 2 KiB. */
static void let_through(u32 msr)
{
	u32 range = msr < 0x2000 ? 0 : msr < 0xc0002000 ? 0x800 : 0x1000;
	u32 bit = (msr & 0x1fff) * 2;

	svm_msrpm[range + bit / 8] &= (u8) ~(3u << (bit % 8));
}

static int make_maps(void)
{
	svm_iopm = pages_alloc(IOPM_PAGES, FRAME_CONTROL);
	svm_msrpm = pages_alloc(MSRPM_PAGES, FRAME_CONTROL);
	if (!svm_iopm || !svm_msrpm)
		return -ENOMEM;
	memset(svm_iopm, 0xff, IOPM_PAGES * PAGE_SIZE);
	memset(svm_msrpm, 0xff, MSRPM_PAGES * PAGE_SIZE);
	for (u32 i = 0; i < ARRAY_LEN(free_msrs); i++)
		let_through(free_msrs[i]);
	return 0;
}

/* Two pages of each CPU: its host state save area, and where its FS, GS, TR and MSRs wait. */
int svm_enable(void)
{
	u8 *pages = this_cpu(hv_region);

	if (!pages) {
		pages = this_cpu(hv_region) = pages_alloc(2, FRAME_CONTROL);
		if (!pages || (!svm_iopm && make_maps() < 0))
			return -ENOMEM;
	}
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	wrmsr(MSR_VM_HSAVE_PA, virt_to_hpa(pages).v);
	this_cpu(hv_host) = virt_to_hpa(pages + PAGE_SIZE).v;
	asm volatile("vmsave %0" ::"a"(this_cpu(hv_host)) : "memory");
	return 0;
}
