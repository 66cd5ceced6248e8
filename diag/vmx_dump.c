/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole VMCS by name, from the table that also encodes it. */
#include "arch/x86/vmx/vmx.h"

#include "core/l1/log.h"

#define PER_LINE 3

static const struct {
	u16 field;
	const char *name;
} names[] = {
#define X(name, encoding) { encoding, #name },
	VMCS_FIELDS(X)
#undef X
};

const char *vmcs_field_name(enum vmcs_field field)
{
	for (u32 i = 0; i < ARRAY_LEN(names); i++) {
		if (names[i].field == field)
			return names[i].name;
	}
	return "?";
}

void vmx_dump(const struct hv_vcpu *v)
{
	u32 printed = 0;

	vmx_focus(v);
	out("VMCS at %lx, VPID %u\n", v->control_hpa.v, v->asid);
	for (u32 i = 0; i < ARRAY_LEN(names); i++) {
		u64 value;

		if (!vmx_try_read(names[i].field, &value))
			continue;
		out("  %-24s %16lx%s", names[i].name, value, ++printed % PER_LINE ? "" : "\n");
	}
	out("\n");
}
