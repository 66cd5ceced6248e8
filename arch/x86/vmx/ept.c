/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Extended page tables, what drops their translations, and the bitmaps that decide which ports and
 * MSRs exit (SDM volume 3, "The Extended Page Table Mechanism", "Caching Translation Information",
 * "I/O-Bitmap Addresses" and "MSR-Bitmap Address").
 */
#include "arch/x86/vmx/vmx.h"

#include "arch/x86/seal.h"
#include "core/l1/frame.h"
#include "core/l1/log.h"

#define EPT_RWX 7

/* INVEPT and INVVPID */
#define SINGLE_CONTEXT 1
#define ALL_CONTEXTS   2

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
