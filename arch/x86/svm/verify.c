/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VMCB's integrity: its must-be fields against a sealed copy. The manual's consistency checks
 * and the dump are in diag/svm_check.c.
 */
#include "arch/x86/svm/svm.h"

#include "core/lib/string.h"

/* What no exit and no guest changes. */
struct sealed {
	u64 intercepts_cr_dr; /* cr_read, cr_write, dr_read, dr_write */
	u32 exceptions, misc1, misc2, misc3;
	u64 iopm_base, msrpm_base;
	u32 asid;
	u64 np_enable, n_cr3, avic_bar;
};

struct sealed_field {
	const char *name;
	u16 in_vmcb, in_sealed;
	u8 width;
	u64 mask; /* bits that must be as sealed; 0: all */
};

#define FIELD(vmcb_name, sealed_name, w, m)                                                        \
	{                                                                                          \
#vmcb_name, offsetof(struct vmcb, vmcb_name),                                      \
			offsetof(struct sealed, sealed_name), w, m                                 \
	}

static const struct sealed_field fields[] = {
	FIELD(cr_read, intercepts_cr_dr, 8, 0),
	FIELD(exceptions, exceptions, 4, 0),
	FIELD(misc1, misc1, 4, ~(u64)(INTERCEPT_VINTR | INTERCEPT_IRET)),
	FIELD(misc2, misc2, 4, 0),
	FIELD(misc3, misc3, 4, 0),
	FIELD(iopm_base, iopm_base, 8, 0),
	FIELD(msrpm_base, msrpm_base, 8, 0),
	FIELD(asid, asid, 4, 0),
	FIELD(np_enable, np_enable, 8, 0),
	FIELD(n_cr3, n_cr3, 8, 0),
	FIELD(avic_bar, avic_bar, 8, 0),
};

static u64 load(const void *base, u16 offset, u8 width)
{
	const u8 *p = (const u8 *)base + offset;

	return width == 8 ? *(const u64 *)p : *(const u32 *)p;
}

static u64 wrong_bits(const struct hv_vcpu *v, const struct sealed_field *f)
{
	u64 diff = load(v->control, f->in_vmcb, f->width) ^ load(v->sealed, f->in_sealed, f->width);

	return f->mask ? diff & f->mask : diff;
}

void svm_seal(struct hv_vcpu *v)
{
	for (u32 i = 0; i < ARRAY_LEN(fields); i++)
		memcpy((u8 *)v->sealed + fields[i].in_sealed, (u8 *)v->control + fields[i].in_vmcb,
			fields[i].width);
}

/* Before every entry: unrolled, the table costs four instructions a field. */
const char *svm_verify(const struct hv_vcpu *v)
{
#pragma GCC unroll 16
	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		if (unlikely(wrong_bits(v, &fields[i])))
			return fields[i].name;
	}
	return NULL;
}

int svm_restore(struct hv_vcpu *v)
{
	int n = 0;

	for (u32 i = 0; i < ARRAY_LEN(fields); i++) {
		u64 wrong = wrong_bits(v, &fields[i]), value;

		if (!wrong)
			continue;
		value = load(v->control, fields[i].in_vmcb, fields[i].width) ^ wrong;
		memcpy((u8 *)v->control + fields[i].in_vmcb, &value, fields[i].width);
		n++;
	}
	return n;
}
