/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCS's integrity: the fields that no exit and no guest changes against their sealed copy.
 */
#include "arch/x86/vmx/vmx.h"

#include "core/lib/string.h"

struct sealed_field {
	u16 field;
	u8 needs; /* enum vmx_feature + 1; 0: always there */
	u64 free; /* bits that may change */
};

static const struct sealed_field fields[] = {
	{ PIN_CONTROLS, 0, 0 },
	{ PROC_CONTROLS, 0, PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW },
	{ PROC2_CONTROLS, 0, 0 },
	{ EXIT_CONTROLS, 0, 0 },
	{ ENTRY_CONTROLS, 0, ENTRY_GUEST_64 },
	{ EXCEPTION_BITMAP, 0, 0 },
	{ PAGE_FAULT_MASK, 0, 0 },
	{ PAGE_FAULT_MATCH, 0, 0 },
	{ IO_BITMAP_A, VMX_IO_BITMAPS + 1, 0 },
	{ IO_BITMAP_B, VMX_IO_BITMAPS + 1, 0 },
	{ MSR_BITMAP, VMX_MSR_BITMAPS + 1, 0 },
	{ VPID, VMX_VPID + 1, 0 },
	{ EPT_POINTER, 0, 0 },
	{ VMCS_LINK_POINTER, 0, 0 },
	{ CR0_MASK, 0, 0 },
	{ CR4_MASK, 0, 0 },
	{ ENTRY_MSR_LOAD_COUNT, 0, 0 },
	{ EXIT_MSR_STORE_COUNT, 0, 0 },
	{ EXIT_MSR_LOAD_COUNT, 0, 0 },
	{ ENTRY_MSR_LOAD_ADDRESS, 0, 0 },
	{ EXIT_MSR_STORE_ADDRESS, 0, 0 },
	{ EXIT_MSR_LOAD_ADDRESS, 0, 0 },
	{ HOST_RIP, 0, 0 },
	{ HOST_CR0, 0, 0 },
	{ HOST_CR3, 0, 0 },
	{ HOST_CR4, 0, 0 },
	{ HOST_EFER, VMX_EFER + 1, 0 },
	{ HOST_CS_SELECTOR, 0, 0 },
	{ HOST_TR_SELECTOR, 0, 0 },
	{ HOST_FS_BASE, 0, 0 },
	{ HOST_GS_BASE, 0, 0 },
	{ HOST_TR_BASE, 0, 0 },
	{ HOST_GDTR_BASE, 0, 0 },
	{ HOST_IDTR_BASE, 0, 0 },
	{ HOST_SYSENTER_EIP, 0, 0 },
};
static_assert(ARRAY_LEN(fields) * sizeof(u64) <= PAGE_SIZE, "the sealed copy is a page");

static bool there(const struct sealed_field *f)
{
	return !f->needs || vmx_caps.has[f->needs - 1];
}

static u64 wrong_bits(const struct hv_vcpu *v, u32 i)
{
	const u64 *sealed = v->sealed;

	if (!there(&fields[i]))
		return 0;
	return (vmread(fields[i].field) ^ sealed[i]) & ~fields[i].free;
}

void vmx_seal(struct hv_vcpu *v)
{
	for (u32 i = 0; i < ARRAY_LEN(fields); i++)
		vmx_seal_field(v, fields[i].field);
}

void vmx_seal_field(struct hv_vcpu *v, enum vmcs_field field)
{
	u64 *sealed = v->sealed;

	vmx_focus(v);
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].field == field && there(&fields[i]))
			sealed[i] = vmread(field);
	}
}

const char *vmx_verify(const struct hv_vcpu *v)
{
	vmx_focus(v);
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		if (unlikely(wrong_bits(v, i)))
			return vmcs_field_name(fields[i].field);
	}
	return NULL;
}

int vmx_restore(struct hv_vcpu *v)
{
	int n = 0;

	vmx_focus(v);
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		u64 wrong = wrong_bits(v, i);

		if (!wrong)
			continue;
		vmwrite(fields[i].field, vmread(fields[i].field) ^ wrong);
		if (fields[i].field == PROC_CONTROLS)
			vmx_state(v)->proc = (u32)vmread(PROC_CONTROLS);
		n++;
	}
	return n;
}
