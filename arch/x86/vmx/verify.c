/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCS's integrity: the fields that no exit and no guest changes against their sealed copy.
 * This runs before every entry where the policy says so, hence without branches. A field that this
 * CPU does not have cannot be read, and then counts as it was sealed.
 */
#include "arch/x86/vmx/vmx.h"

/* X(field, bits of it that may change) */
#define SEALED_FIELDS(X)                                                                           \
	X(PIN_CONTROLS, 0)                                                                         \
	X(PROC_CONTROLS, PROC_INTERRUPT_WINDOW | PROC_NMI_WINDOW)                                  \
	X(PROC2_CONTROLS, 0)                                                                       \
	X(EXIT_CONTROLS, 0)                                                                        \
	X(ENTRY_CONTROLS, ENTRY_GUEST_64)                                                          \
	X(EXCEPTION_BITMAP, 0)                                                                     \
	X(IO_BITMAP_A, 0)                                                                          \
	X(IO_BITMAP_B, 0)                                                                          \
	X(MSR_BITMAP, 0)                                                                           \
	X(VPID, 0)                                                                                 \
	X(EPT_POINTER, 0)                                                                          \
	X(CR0_MASK, 0)                                                                             \
	X(CR4_MASK, 0)                                                                             \
	X(ENTRY_MSR_LOAD_COUNT, 0)                                                                 \
	X(EXIT_MSR_STORE_COUNT, 0)                                                                 \
	X(EXIT_MSR_LOAD_COUNT, 0)                                                                  \
	X(HOST_RIP, 0)                                                                             \
	X(HOST_CR0, 0)                                                                             \
	X(HOST_CR3, 0)                                                                             \
	X(HOST_CR4, 0)                                                                             \
	X(HOST_EFER, 0)                                                                            \
	X(HOST_CS_SELECTOR, 0)                                                                     \
	X(HOST_GS_BASE, 0)                                                                         \
	X(HOST_TR_BASE, 0)                                                                         \
	X(HOST_GDTR_BASE, 0)                                                                       \
	X(HOST_IDTR_BASE, 0)                                                                       \
	X(HOST_SYSENTER_EIP, 0)

#define X(name, may_change) { name, may_change },
static const struct {
	u16 field;
	u64 may_change;
} fields[] = { SEALED_FIELDS(X) };
#undef X
static_assert(ARRAY_LEN(fields) * sizeof(u64) <= VMX_STATE_AT, "vmx_state() is behind it");

/*
 * *difference is 0 or tells that a field before was wrong. VMREAD of a field that is not there
 * leaves it alone, and such a field is sealed as 0.
 */
static __always_inline void compare(
	u64 *difference, u64 *wrong, const u64 *sealed, enum vmcs_field field, u64 may_change)
{
	asm volatile("vmread %2, %0; xorq %3, %0"
		     : "+r"(*difference), "+r"(*wrong)
		     : "r"((u64)field), "m"(*sealed)
		     : "cc");
	*difference &= ~may_change;
	*wrong |= *difference;
}

static u64 wrong_bits(const u64 *sealed, u32 i)
{
	u64 difference = 0, wrong = 0;

	compare(&difference, &wrong, &sealed[i], fields[i].field, fields[i].may_change);
	return wrong;
}

static u64 all_wrong_bits(const u64 *sealed)
{
	u64 difference = 0, wrong = 0;

#define X(field, may_change) compare(&difference, &wrong, sealed++, field, may_change);
	SEALED_FIELDS(X)
#undef X
	return wrong;
}

void vmx_seal_field(struct hv_vcpu *v, enum vmcs_field field)
{
	u64 *sealed = v->sealed;

	vmx_focus(v);
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		if (fields[i].field == field && !vmx_try_read(field, &sealed[i]))
			sealed[i] = 0;
	}
}

void vmx_seal(struct hv_vcpu *v)
{
	for (u32 i = 0; i < ARRAY_LEN(fields); i++)
		vmx_seal_field(v, fields[i].field);
}

const char *vmx_verify(const struct hv_vcpu *v)
{
	const u64 *sealed = v->sealed;

	vmx_focus(v);
	if (likely(!all_wrong_bits(sealed)))
		return NULL;
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		if (wrong_bits(sealed, i))
			return vmcs_field_name(fields[i].field);
	}
	return "?";
}

int vmx_restore(struct hv_vcpu *v)
{
	const u64 *sealed = v->sealed;
	int n = 0;

	vmx_focus(v);
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		u64 wrong = wrong_bits(sealed, i);

		if (!wrong)
			continue;
		vmwrite(fields[i].field, vmread(fields[i].field) ^ wrong);
		n++;
	}
	vmx_state(v)->proc = (u32)vmread(PROC_CONTROLS);
	return n;
}
