/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended page tables, what drops their translations, and the bitmaps that decide which ports and
 * MSRs exit (SDM volume 3, "The Extended Page Table Mechanism", "Caching Translation Information",
 * "I/O-Bitmap Addresses" and "MSR-Bitmap Address").
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/cpu.h"
#include "arch/x86/seal.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"
#include "core/lib/string.h"

#define EPT_RWX 7

/* INVEPT and INVVPID */
#define SINGLE_CONTEXT 1
#define ALL_CONTEXTS   2

#define IO_BITMAPS	2
#define MSR_WRITE_LOW	0x800 /* offset of the half for writes in the bitmap */
#define MSR_HIGH	0x400
#define MSR_HIGH_FIRST	0xc0000000u
#define MSR_BITMAP_MASK 0x1fffu

u8 *vmx_io_bitmaps, *vmx_msr_bitmap; /* (c) shared by all VMs */

struct paging_format ept_format __sealed = {
	.name = "EPT",
	.present = EPT_RWX,
	.table = EPT_RWX,
	.large = BIT(7),
	.read = BIT(0),
	.write = BIT(1),
	.exec = BIT(2),
	.cached = EPT_WRITE_BACK << 3,
	.max_leaf_level = 2,
};

u64 ept_pointer(const struct pagetable *s2)
{
	u64 pointer = virt_to_hpa(s2->root).v | EPT_WRITE_BACK | EPTP_WALK_4;

	return vmx_caps.has[VMX_EPT_AD] ? pointer | EPTP_AD : pointer;
}

/* False: the CPU does not know the type, or takes no such context. */
#define INVALIDATE(instruction)                                                                    \
	static bool instruction(u64 type, u64 context)                                             \
	{                                                                                          \
		u64 operand[2] = { context, 0 };                                                   \
		bool failed;                                                                       \
                                                                                                   \
		asm volatile(#instruction " %1, %2"                                                \
			     : "=@ccbe"(failed)                                                    \
			     : "m"(operand), "r"(type)                                             \
			     : "memory");                                                          \
		return !failed;                                                                    \
	}
INVALIDATE(invept)
INVALIDATE(invvpid)

/*
 * The guest's own translations and those of its stage 2. A pointer that the CPU does not take is
 * left for the entry to refuse and for the audit to name.
 */
void vmx_flush(struct hv_vcpu *v)
{
	v->flush = false;
	if (vmx_caps.has[VMX_VPID] && vmx_caps.has[VMX_INVVPID])
		CHECK(invvpid(SINGLE_CONTEXT, v->asid));
	if (!vmx_caps.has[VMX_INVEPT_SINGLE] || !invept(SINGLE_CONTEXT, vmread(EPT_POINTER)))
		(void)invept(ALL_CONTEXTS, 0);
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

int vmx_bitmaps_init(void)
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
